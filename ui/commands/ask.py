"""`crossaisle eval search`, `dialogue`, `plan` and `explain`: find what words ask for, read them, and tell of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.commands.rank import Names, Split
from ui.options import COMPACT, Adapter, AsJson, ModelName, ModelOptions, ModelPath, ModelUrl, Shop, writable
from ui.output import scoring

if TYPE_CHECKING:
    from eval.results import Results

Json = dict[str, Any]
Given = Path | None
Out = Annotated[
    Given, typer.Option("--out", metavar="DIR", callback=writable, help="For runs, qrels, results and report.")
]
Form = Annotated[str | None, typer.Option("--format", metavar="F", help="The catalogue's; detected if not given.")]
Part = Annotated[Split, typer.Option(help="valid: the half to choose on; test: all, and the other half beside it.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]


@scoring
def search(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="JSON lines: query, title, label (E, S, C, I).")],
    catalogue: Annotated[
        Given, typer.Option(metavar="PATH", help="A shop folder or a feed that is searched as a whole, too.")
    ] = None,
    systems: Names = None,
    split: Part = Split.TEST,
    out: Out = None,
    format_: Form = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Rank the judged products of each query, and find the exact ones in a whole catalogue."""
    from eval.asking import searched
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    with bars() as progress:
        results = searched(
            data, catalogue, named(systems), split.value, out, format=format_, seed=seed, progress=progress
        )
    return told(results, quiet=as_json)


@scoring
def dialogue(
    *,
    conversations: Annotated[Path, typer.Option(metavar="FILE", help="Conversations in PSCon's format.")],
    catalogue: Annotated[Path, typer.Option(metavar="PATH", help="A shop folder or a feed; titles fill the pool.")],
    systems: Names = None,
    split: Part = Split.TEST,
    out: Out = None,
    format_: Form = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Recommend where a human seller did, by the shopper's words alone."""
    from eval.asking import conversed
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    with bars() as progress:
        results = conversed(
            conversations, catalogue, named(systems), split.value, out, format=format_, seed=seed, progress=progress
        )
    return told(results, quiet=as_json)


@scoring
def plan(
    *,
    turns: Annotated[
        Given, typer.Option(metavar="FILE", help="Messages and what they mean, as `crossaisle finetune turns` writes.")
    ] = None,
    conversations: Annotated[Given, typer.Option(metavar="FILE", help="Conversations in PSCon's format.")] = None,
    catalogue: Annotated[
        Given, typer.Option(metavar="PATH", help="A shop folder or a feed whose words the conversations are about.")
    ] = None,
    model_url: ModelUrl = None,
    model: ModelName = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    out: Out = None,
    format_: Form = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Score how messages are read: by rules, by the model alone (the compact one if none is named), and as served."""
    options = ModelOptions(model_url, model, model_path, adapter)
    options.check()
    from eval.data import load
    from eval.planning import planned, read_turns
    from eval.protocols.conversations import read_conversations
    from retrieval.progress import bars

    with bars() as progress:
        results = planned(
            list(read_turns(turns)) if turns else (),
            read_conversations(conversations) if conversations else (),
            load(catalogue, format_, progress=progress).catalogue if catalogue else None,
            options.open(COMPACT),
            seed=seed,
            progress=progress,
        )
    return _kept(results, out, quiet=as_json)


@scoring
def explain(
    *,
    shop: Shop,
    turns: Annotated[int, typer.Option(min=1, help="In which goods are shown.")] = 2_000,
    cards: Annotated[int, typer.Option(min=1, max=20, help="Shown in a turn at most.")] = 6,
    model_url: ModelUrl = None,
    model: ModelName = None,
    model_path: ModelPath = None,
    adapter: Adapter = None,
    out: Out = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> Json:
    """Judge what is told of receipts: by the template, by a model as it writes, and by it as served, checked."""
    options = ModelOptions(model_url, model, model_path, adapter)
    options.check()
    from eval.explaining import explained
    from retrieval.progress import bars
    from retrieval.shop import Shop as OpenShop

    with bars() as progress:
        results = explained(OpenShop.open(shop), options.open(), turns=turns, cards=cards, seed=seed, progress=progress)
    return _kept(results, out, quiet=as_json)


def _kept(results: Results, out: Path | None, *, quiet: bool) -> Json:
    """Results, written where that is wanted, and told."""
    from eval.experiment import write
    from ui.commands.evaluate import told

    if out is not None:
        write(out, results)
    return told(results, quiet=quiet)


def named(systems: str | None) -> list[str]:
    """The names in a list on the command line."""
    return [name.strip() for name in (systems or "").split(",") if name.strip()]
