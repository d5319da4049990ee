"""Make and train the compact model on this machine.

    python -m finetune.compact.train --into model --minutes 120 --text ../data/dialogues.jsonl.xz

Three stages, each a share of the minutes: running text (dialogues and titles), so that the decoder learns to go on;
then changes, choices and explanations in the prompts that serving uses; last with a falling rate. The random seeds are
fixed, but how far it gets in the minutes depends on the machine. The folder holds what transformers and vLLM load.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import lzma
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from agent.planner.changes import WORDS
from agent.prompting import load_prompt
from finetune.batches import IGNORED, Encoded, answers, batches, encode, encode_text
from finetune.compact.tokenizer import encoder_tokenizer
from finetune.compact.warm import warm_start
from finetune.example import Example, Split
from finetune.lora.store import readable
from finetune.plans import plan_examples

log = logging.getLogger(__name__)
TEXT_SHARE = 0.2  # of the minutes for running text, where there is some
KEPT_EVERY = 300.0  # seconds between two copies of an unfinished model
_OPEN: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}
WARM_UP, FALL = 0.02, 0.3  # shares of the steps' time in which the rate rises and falls


@dataclass(frozen=True)
class Settings:
    """How the model is made.

    Attributes:
        tokens: vocabulary; with 22,000 the weights take 39 MB.
        context: positions.
        batch: tokens of one step.
        rate: peak learning rate; decay: weight decay.
        minutes: for all of the training.
        seed: of everything drawn.
    """

    tokens: int = 22_000
    context: int = 512
    batch: int = 2_048
    rate: float = 3e-4
    decay: float = 0.01
    minutes: float = 120.0
    seed: int = 0


def train(
    into: Path, texts: Sequence[str], settings: Settings | None = None, start: Path | None = None
) -> dict[str, float]:
    """Make the tokenizer, warm-start the model, train it, save it; returns what it reached on held-out examples.

    Args:
        into: folder of the model, made if it is missing.
        texts: running text, such as dialogues and titles; may be empty.
        settings: sizes and times.
        start: a compact model to go on with, instead of the encoder's weights.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = settings or Settings()
    torch.manual_seed(settings.seed)
    if start is None:
        tokenizer = encoder_tokenizer(settings.tokens, settings.context)
        model = warm_start(tokenizer, settings.context, seed=settings.seed)
    else:
        tokenizer = AutoTokenizer.from_pretrained(start, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(start, local_files_only=True, dtype=torch.float32)
    log.info("%d tokens, %d of them frozen", len(tokenizer), freeze_words(model, tokenizer))
    seconds = settings.minutes * 60
    if texts:
        running = _running(texts, tokenizer, settings)
        _fit(model, batches(running, settings.batch, settings.context), settings, TEXT_SHARE * seconds)
    tasks = (encode(example, tokenizer) for example in examples("train", settings.seed))
    told = partial(_keep, tokenizer=tokenizer, into=into, seed=settings.seed)
    left = (1 - TEXT_SHARE * bool(texts)) * seconds
    _fit(model, batches(tasks, settings.batch, settings.context), settings, left, told)
    save(model, tokenizer, into)
    return {split: exact(model, tokenizer, examples(split, settings.seed), 400) for split in ("valid", "test")}


def save(model: Any, tokenizer: Any, into: Path) -> None:
    """Write what transformers and vLLM load; weights in bfloat16, which halves them and changes no answer."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(into)
    readable(into)
    tokenizer.save_pretrained(into)
    about = {"tasks": ["change"], "label": "compact, offline"}
    (into / "crossaisle.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def examples(split: Split, seed: int) -> Iterator[Example]:
    """What the model learns to do, without end."""
    return plan_examples(load_prompt("change"), None, split, seed)


def exact(model: Any, tokenizer: Any, stream: Iterable[Example], count: int) -> float:
    """Share of answers of which every token is the most likely one: what free greedy decoding would give exactly."""
    import torch

    model.eval()
    right = total = 0
    for ids, mask, labels in batches((encode(e, tokenizer) for e in islice(stream, count)), 4096, 10_000):
        with torch.inference_mode():
            likely = model(input_ids=ids, attention_mask=mask).logits[:, :-1].argmax(-1)
        wanted = labels[:, 1:]
        good = (likely == wanted) | (wanted == IGNORED)
        right += int(good.all(dim=1).sum())
        total += len(ids)
    return right / max(total, 1)


def read_texts(paths: Iterable[Path]) -> list[str]:
    """Dialogues (`{"turns": [...]}` a line) or plain text, a paragraph a line; .xz and .gz are unpacked."""
    found: list[str] = []
    for path in paths:
        with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            found += [_text(line) for line in file if line.strip()]
    return found


def _text(line: str) -> str:
    if not line.startswith("{"):
        return line.strip()
    turns = json.loads(line).get("turns", [])
    return "\n".join(turn if isinstance(turn, str) else str(turn.get("text", "")) for turn in turns)


def _running(texts: Sequence[str], tokenizer: Any, settings: Settings) -> Iterator[Encoded]:
    order = random.Random(settings.seed).sample(range(len(texts)), len(texts))  # noqa: S311 (no secret)
    for number in cycle(order):
        yield from encode_text(texts[number], tokenizer, settings.context // 2)


def _keep(model: Any, *, tokenizer: Any, into: Path, seed: int) -> None:
    """Save an unfinished model and tell how far it has got."""
    save(model, tokenizer, into)
    log.info("exact: %.3f", exact(model, tokenizer, examples("test", seed), 200))
    model.train()


def _fit(
    model: Any,
    stream: Iterator[tuple[Any, Any, Any]],
    settings: Settings,
    seconds: float,
    kept: Callable[[Any], None] | None = None,
) -> None:
    """Train for a while; the rate rises at first and falls at the end, by the clock. `kept` is called now and then."""
    import torch
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() or _fast_bf16() else "no")
    optimizer = torch.optim.AdamW(_groups(model, settings.decay), lr=settings.rate, betas=(0.9, 0.98))
    model, optimizer = accelerator.prepare(model, optimizer)
    model.train()
    rate = _rates(settings.rate)
    started = told = copied = time.monotonic()
    for step, batch in enumerate(stream):
        passed = (time.monotonic() - started) / max(seconds, 1e-9)
        if passed >= 1:
            return
        for group in optimizer.param_groups:
            group["lr"] = rate(passed)
        ids, mask, labels = (part.to(accelerator.device) for part in batch)
        logits, wanted = answers(model, ids, mask, labels)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if kept is not None and time.monotonic() - copied > KEPT_EVERY:
            kept(accelerator.unwrap_model(model))
            copied = time.monotonic()
        if time.monotonic() - told > 30:
            told = time.monotonic()
            log.info("step %d, %.0f%% of the time, loss %.3f", step, 100 * passed, float(loss.detach()))


def _groups(model: Any, decay: float) -> list[dict[str, Any]]:
    """Parameters for the optimizer: embeddings and vectors aren't decayed."""
    table = model.get_input_embeddings().weight
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1 and p is not table]
    others = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": [*others, table], "weight_decay": 0.0}]


def freeze_words(model: Any, tokenizer: Any) -> int:
    """Keep the encoder's embeddings of words as they are; marks, field names and control tokens go on learning.

    A made-up or rare word is copied because its embedding, tied to the output, is like no other: were the few hundred
    nouns of the training data moved about, the others would be left behind.

    Returns:
        How many tokens are kept.
    """
    import torch

    taught = {*tokenizer.convert_tokens_to_ids(list(WORDS)), *tokenizer.all_special_ids}
    table = model.get_input_embeddings().weight
    free = torch.zeros(len(table), 1)
    for token in range(len(tokenizer)):
        text = tokenizer.backend_tokenizer.decoder.decode([tokenizer.convert_ids_to_tokens(token)])
        if token in taught or not any(c.isalpha() for c in text):
            free[token] = 1.0
    table.register_hook(lambda gradient: gradient * free.to(gradient.device))
    return int((free == 0).sum())


def _fast_bf16() -> bool:
    """Whether this CPU computes in bfloat16 by itself, at about twice the speed of float32."""
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _rates(peak: float) -> Callable[[float], float]:
    def rate(passed: float) -> float:
        if passed < WARM_UP:
            return peak * (0.05 + 0.95 * passed / WARM_UP)
        if passed < 1 - FALL:
            return peak
        return peak * 0.5 * (1 + math.cos(math.pi * (passed - 1 + FALL) / FALL)) + peak * 0.01

    return rate


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the compact model.")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=Settings.minutes)
    parser.add_argument("--start", type=Path, help="a compact model to go on with; give another --seed then")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--rate", type=float, default=Settings.rate)
    parser.add_argument("--text", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = Settings(minutes=arguments.minutes, seed=arguments.seed, rate=arguments.rate)
    figures = train(arguments.into, read_texts(arguments.text), settings, arguments.start)
    log.info("exact answers: %s", figures)


if __name__ == "__main__":
    main()
