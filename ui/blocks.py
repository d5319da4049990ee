"""Gradio's Blocks, made to leave alone what a handler doesn't draw.

Where a handler returns some of its outputs, Gradio makes every other component anew as well, with its whole
configuration: under many chats at once that was half of all the server did (measured by `crossaisle bench load`).
"""

from __future__ import annotations

from copy import copy
from typing import Any

import gradio as gr
from gradio.blocks import Block


class Blocks(gr.Blocks):
    """Blocks in which an output that a handler doesn't name costs nothing."""

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What is sent to the browser for a handler's result: for named outputs as Gradio makes it, else no change."""
        named = predictions if isinstance(predictions, dict) else {}
        if not named or not all(isinstance(part, Block) for part in named):
            return list(await super().postprocess_data(block_fn, predictions, state))
        fresh = {part._id: value for part, value in named.items()}
        part_of = copy(block_fn)
        part_of.outputs = [block for block in block_fn.outputs if block._id in fresh]
        values = [fresh[block._id] for block in part_of.outputs]
        made = await super().postprocess_data(part_of, values[0] if len(values) == 1 else values, state)
        sent = dict(zip((block._id for block in part_of.outputs), made, strict=True))
        return [sent.get(block._id, gr.skip()) for block in block_fn.outputs]
