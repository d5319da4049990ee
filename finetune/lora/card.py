"""A model card: what an adapter is for, what it was made of and with, how good it is, and where it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LIMITS = """- It is good for this shop's prompts and little else; it makes the base no better at general chat.
- It knows the shop as it was when the data were made. Tune anew when the catalogue or the shoppers change.
- It learnt from shoppers who consented then. If one takes that back, leave them out and tune anew.
- Its words are checked by the assistant against the receipt; used without that check, it may state what isn't so."""


def card(base: str, licence: str, evaluation: Mapping[str, Any]) -> str:
    """The card of an adapter as Markdown with a hub's front matter; `{adapter}` stands for its name.

    Args:
        base: name of the base model.
        licence: what the adapter may be used under.
        evaluation: as `evaluation.json` holds it.
    """
    front = {"base_model": base, "library_name": "peft", "pipeline_tag": "text-generation", "license": "other"}
    head = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items())
    lines = [
        f"---\n{head}\ntags: [lora, crossaisle]\n---",
        "# {adapter}",
        f"A LoRA adapter for `{base}` that does a CrossAisle shop's tasks: {', '.join(evaluation['data']['tasks'])}.",
        "## Figures",
        f"Per token of the answers, all before it given; {evaluation['split']} split, which was not trained on.",
        _table(evaluation["scores"]),
        "`evaluation.json` holds the same and the whole history; `curves.svg` shows it.",
        "## Made of",
        _block(evaluation["data"]),
        "## Made with",
        _block({**evaluation["settings"], **evaluation["run"], **evaluation["versions"]}),
        "## Limits",
        LIMITS,
        "## Licence",
        f"{licence[:1].upper()}{licence[1:]}.",
    ]
    return "\n\n".join(lines) + "\n"


def _table(scores: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    lines = [
        "| task | examples | loss, base | loss, adapter | accuracy, base | accuracy, adapter |",
        "|---|" + "---:|" * 5,
    ]
    for task, base in scores["base"].items():
        ours = scores["adapter"][task]
        lines.append(
            f"| {task} | {base['examples']:,} | {base['loss']:.3f} | {ours['loss']:.3f} "
            f"| {base['accuracy']:.1%} | {ours['accuracy']:.1%} |"
        )
    return "\n".join(lines)


def _block(told: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(told, indent=1, ensure_ascii=False)}\n```"
