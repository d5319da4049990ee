"""Training data from a shop: `crossaisle finetune data --shop DIR --into OUT`.

For each split `OUT/train.jsonl`, `valid.jsonl` and `test.jsonl` hold examples of every task in chat form
(`messages`), `preference-train.jsonl` and so on pairs for preference tuning, `plan-test-turns.jsonl` whole
conversations with the plans they mean, for scoring any planner, and `README.md` is the data card.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from agent.memory import Memory
from agent.prompting import PromptLibrary
from agent.turn import Assistant
from finetune.behaviour import choose_examples, infer_examples
from finetune.conversations.generate import turns
from finetune.conversations.world import World, made_up
from finetune.example import SPLITS, Example, Split, Task, write_jsonl
from finetune.explanations import explain_examples
from finetune.moments import Forgotten, borders
from finetune.plans import plan_examples
from retrieval.errors import ShopError
from retrieval.shop import Shop

SHARES: dict[Split, float] = {"train": 1.0, "valid": 0.1, "test": 0.1}  # of the sizes asked for
SAMPLES = 2  # of each task in the data card
TEST_SHOPS = 8


@dataclass(frozen=True)
class Sizes:
    """How many examples of each task to make for training; of behaviour there may be fewer.

    "change" is "plan" in the short prompts of small models, which only say what a message changes.
    """

    plan: int = 40_000
    infer: int = 8_000
    choose: int = 8_000
    explain: int = 4_000
    change: int = 0


def build(
    shop: Shop,
    into: Path,
    sizes: Sizes | None = None,
    *,
    seed: int = 0,
    assume_consent: bool = False,
    brief: bool = False,
) -> dict[str, object]:
    """Write the training data of a shop into a folder.

    Args:
        shop: whose goods, names and behaviour are learnt.
        into: made if it is missing; files of the same names are written anew.
        sizes: examples of each task.
        seed: of everything drawn; the same shop, consents and seed give the same files.
        assume_consent: learn from shoppers who were never asked, such as those of a research data set who agreed
            elsewhere. Shoppers who said no stay out in any case.
        brief: histories, choices and explanations in the short prompts of small models.

    Returns:
        Counts by split and task, how many shoppers are in and out, and the dates between the splits.

    Raises:
        ShopError: the folder can't be written.
    """
    sizes = sizes or Sizes()
    try:  # before hours of work
        into.mkdir(parents=True, exist_ok=True)
        (into / "README.md").touch()
    except OSError as error:
        raise _unwritable(into, error) from error
    with Memory.at(shop.folder / "state.sqlite3") as memory:
        shoppers = _consenting(shop, memory, assume_consent=assume_consent)
        hidden = {shopper: digests for shopper in shoppers if (digests := memory.hidden.of(shopper))}
    examples = {split: _examples(shop, shoppers, split, sizes, seed, hidden=hidden, brief=brief) for split in SPLITS}
    try:
        for split, found in examples.items():
            write_jsonl(into / f"{split}.jsonl", (example.record() for example in found))
            pairs = (example.preference() for example in found if example.rejected)
            write_jsonl(into / f"preference-{split}.jsonl", pairs)
        write_jsonl(into / "plan-test-turns.jsonl", held_out_turns(max(1, round(sizes.plan * SHARES["test"])), seed))
        report = _report(shop, shoppers, examples, assume_consent=assume_consent)
        (into / "README.md").write_text(card(report, examples), encoding="utf-8")
    except OSError as error:
        raise _unwritable(into, error) from error
    return report


def _unwritable(into: Path, error: OSError) -> ShopError:
    return ShopError(f"{into} can't be written ({error})", "give a folder that you may write to")


def _consenting(shop: Shop, memory: Memory, *, assume_consent: bool) -> list[str]:
    """Shoppers whose events may enter a prompt: those who said so, or who were never asked if that is assumed."""
    allowed = memory.consents_to("prompt")
    return [shopper for shopper in shop.shoppers() if allowed.get(shopper, assume_consent)]


def _examples(
    shop: Shop,
    shoppers: Collection[str],
    split: Split,
    sizes: Sizes,
    seed: int,
    *,
    hidden: Forgotten,
    brief: bool,
) -> list[Example]:
    """All examples of one split, shuffled; nothing in them is of an event that its shopper forgot."""
    prompts, label = PromptLibrary(), "brief" if brief else "production"
    each = {task: _each(getattr(sizes, task) * SHARES[split], len(shoppers)) for task in ("infer", "choose")}
    with tempfile.TemporaryDirectory() as folder, Memory.at(Path(folder) / "state.sqlite3") as memory:
        for shopper, digests in hidden.items():
            memory.hidden.hide(shopper, digests)
        told = explain_examples(prompts.load("explain", label), Assistant(shop, memory), shoppers, split, seed)
        made: dict[Task, Iterable[Example]] = {
            "plan": plan_examples(prompts.load("plan"), World(shop.catalogue, "train"), split, seed),
            "change": plan_examples(prompts.load("change"), World(shop.catalogue, "train"), split, seed),
            "infer": infer_examples(
                prompts.load("infer", label), shop, shoppers, seed, hidden=hidden, most=each["infer"]
            ),
            "choose": choose_examples(
                prompts.load("choose", label), shop, shoppers, seed, hidden=hidden, most=each["choose"]
            ),
            "explain": told if len(shop.catalogue) else (),
        }
        found = [
            example
            for task, stream in made.items()
            for example in islice(_of(stream, split), round(getattr(sizes, task) * SHARES[split]))
        ]
    random.Random(f"{split} {seed}").shuffle(found)  # noqa: S311 (no secret)
    return found


def _each(size: float, shoppers: int) -> int:
    """Moments of one shopper, so that so many examples come of all shoppers alike, where half of them tell nothing."""
    return max(1, math.ceil(2 * size / max(shoppers, 1)))


def _of(stream: Iterable[Example], split: Split) -> Iterator[Example]:
    return (example for example in stream if example.split == split)


def held_out_turns(count: int, seed: int) -> Iterator[dict[str, object]]:
    """Whole held-out turns with their shops' names, so that any planner can be scored on them."""
    each = -(-count // TEST_SHOPS)
    for number in range(TEST_SHOPS):
        world = made_up(number, "held-out")
        columns = ("item", "title", "category", "brand", "price_minor", "currency", "platform")
        goods = world.catalogue.frame.select(columns).to_dicts()
        for place, turn in enumerate(islice(turns(world, "held-out", seed), each)):
            yield {
                "shop": number,
                **({"catalogue": goods} if place == 0 else {}),
                "move": turn.move,
                "conversation": turn.conversation.model_dump(mode="json"),
                "message": turn.message,
                "plan": turn.plan.model_dump(mode="json"),
            }


def _report(
    shop: Shop, shoppers: Collection[str], examples: dict[Split, list[Example]], *, assume_consent: bool
) -> dict[str, object]:
    counts = {split: dict(sorted(Counter(e.task for e in found).items())) for split, found in examples.items()}
    everybody = len(shop.shoppers())
    dates = [str(border)[:10] for border in borders(shop)] if len(shop.events) else []
    return {
        "shop": shop.name,
        "build": shop.manifest["build"],
        "examples": counts,
        "pairs": {split: sum(bool(e.rejected) for e in found) for split, found in examples.items()},
        "shoppers_in": len(shoppers),
        "shoppers_out": everybody - len(shoppers),
        "consent_assumed": assume_consent,
        "borders": dates,
    }


def card(report: dict[str, object], examples: dict[Split, list[Example]]) -> str:
    """The data card: what the data are, what they are for, what is in and what is left out, with samples."""
    lines = [
        f"# Training data of the shop {report['shop']}",
        "",
        "Chat-format examples for tuning a model that plans, infers needs, chooses and explains in this shop.",
        "",
        "- **plan**, **change**: generated conversations; phrasings, nouns and made-up words of the test split",
        "  stand in no other. A change says what a message changes, for small models.",
        "- **infer**, **choose**: what consenting shoppers took after a moment, from what they did before it. Training",
        "  moments lie before the first date, validation between the dates, tests after the second.",
        "- **explain**: real turns of this shop; each sentence passes the grounding check, each rejected one fails it.",
        "",
        "Left out: shoppers without consent, sensitive goods, identifiers of shoppers and items. Titles are the shop's",
        "own; dates are days. Use and pass on the data as the shop's own data may be used and passed on.",
        "",
        "```json",
        json.dumps(report, indent=1, ensure_ascii=False),
        "```",
        "",
    ]
    for task in ("plan", "change", "infer", "choose", "explain"):
        for example in [e for e in examples["train"] if e.task == task][:SAMPLES]:
            lines += [f"## {task}", "", "```", example.prompt[-1].content, "", "=> " + example.answer]
            lines += ["not => " + example.rejected] if example.rejected else []
            lines += ["```", ""]
    return "\n".join(lines)
