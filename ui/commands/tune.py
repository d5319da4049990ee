"""`crossaisle finetune ...`: from a shop to training data, and from those to adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ui.commands import adapters
from ui.options import AsJson, Shop
from ui.output import command, complain, say

app = typer.Typer(help="Tune a model on a shop.", no_args_is_help=True)
app.command("sft", help=adapters.SFT)(adapters.tuned)
app.command("dpo", help=adapters.DPO)(adapters.tuned)
app.command("merge")(adapters.merge)


@app.command("data")
@command
def data(
    *,
    shop: Shop,
    into: Annotated[Path, typer.Option(help="Folder for the files.")],
    plan: Annotated[int, typer.Option(min=0, help="Generated messages to plan, for training.")] = 40_000,
    infer: Annotated[int, typer.Option(min=0, help="Histories to infer needs from.")] = 8_000,
    choose: Annotated[int, typer.Option(min=0, help="Histories to choose the next thing for.")] = 8_000,
    explain: Annotated[int, typer.Option(min=0, help="Turns to explain.")] = 4_000,
    change: Annotated[int, typer.Option(min=0, help="Generated messages in the short prompts of small models.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    assume_consent: Annotated[
        bool, typer.Option("--assume-consent", help="Learn from shoppers who were never asked here; a no stays a no.")
    ] = False,
    brief: Annotated[bool, typer.Option("--brief", help="In the short prompts of small models.")] = False,
    as_json: AsJson = False,
) -> dict[str, Any]:
    """Write training data: chat-format examples of all tasks, preference pairs, held-out turns and a data card."""
    from finetune.data import Sizes, build
    from retrieval.shop import Shop as OpenShop

    sizes = Sizes(plan, infer, choose, explain, change)
    report = build(OpenShop.open(shop), into, sizes, seed=seed, assume_consent=assume_consent, brief=brief)
    if not as_json:
        say(json.dumps(report, indent=2, ensure_ascii=False))
    adapters.note_consent(report)
    if not brief:
        complain("These prompts are long: for a base that reads 512 tokens, as the compact model does, add --brief.")
    return report


@app.command("turns")
@command
def turns(
    *,
    into: Annotated[Path, typer.Option(metavar="FILE", help="JSON lines, a turn each.")],
    count: Annotated[int, typer.Option(min=1, help="How many, parted over made-up shops.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    as_json: AsJson = False,
) -> dict[str, Any]:
    """Write held-out messages with the plans they mean: phrasings, goods and brands that no training data has."""
    from finetune.data import held_out_turns
    from finetune.example import write_jsonl

    written = write_jsonl(into, held_out_turns(count, seed))
    if not as_json:
        say(f"{written:,} turns in {into}")
    return {"turns": written, "file": str(into)}
