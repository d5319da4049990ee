"""`crossaisle finetune sft | dpo | merge`: adapters, and models with an adapter merged into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ui.options import AsJson
from ui.output import command, complain, say

if TYPE_CHECKING:
    from finetune.lora.settings import Method, Settings

SFT = "Tune a LoRA adapter on the right answers of every task. Killed and run again, it goes on where it was."
DPO = "Tune a LoRA adapter on pairs of a better and a worse answer. Killed and run again, it goes on where it was."
Json = dict[str, Any]
Count = int
Given = Path | None

Base = Annotated[str, typer.Option("--base", metavar="MODEL", help="A model's folder, or its name on a hub.")]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the adapter's own folder is made.")]


@command
def tuned(
    *,
    context_: typer.Context,
    base: Base,
    into: Into,
    shop: Annotated[
        Given, typer.Option("--shop", metavar="DIR", help="The shop to make data of, without --data.")
    ] = None,
    data: Annotated[Given, typer.Option(metavar="DIR", help="Data that are there already.")] = None,
    examples: Annotated[Count | None, typer.Option(min=1, help="Of each task, where data are made.")] = None,
    adapter: Annotated[Given, typer.Option(metavar="DIR", help="An adapter to begin with.")] = None,
    name: Annotated[str, typer.Option(help="Of the adapter, before its hash.")] = "",
    tasks: Annotated[str, typer.Option(metavar="A,B", help="Such as choose,infer; all if not given.")] = "",
    rank: Annotated[int, typer.Option(min=1, help="LoRA rank.")] = 16,
    alpha: Annotated[Count | None, typer.Option(min=1, help="LoRA alpha; twice the rank if not given.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate; 2e-4 for sft, 1e-5 for dpo.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 2.0,
    batch: Annotated[int, typer.Option(min=1, help="Examples on a device at once.")] = 8,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches to a step.")] = 2,
    context: Annotated[int, typer.Option(min=16, help="Longer examples, in tokens, are left out.")] = 2048,
    beta: Annotated[float, typer.Option(help="How strongly dpo is held to the base.")] = 0.1,
    minutes: Annotated[float | None, typer.Option(help="Train no longer than this.")] = None,
    patience: Annotated[int, typer.Option(min=1, help="Checks without a better validation loss, then stop.")] = 3,
    checked: Annotated[int, typer.Option(min=1, help="Examples to check on.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    licence: Annotated[str, typer.Option(help="For the card.")] = "as the base model's licence and the data allow",
    assume_consent: Annotated[bool, typer.Option("--assume-consent", help="As in finetune data.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Don't go on with a killed run.")] = False,
    as_json: AsJson = False,
) -> Json:
    """See `SFT` and `DPO`; the command's name says which."""
    from finetune.lora.settings import Settings

    if shop is None and data is None:
        raise typer.BadParameter("give --shop to make data of it, or --data")
    settings = Settings(
        base=base,
        data=data or into / "data",
        into=into,
        method=cast("Method", context_.info_name),
        adapter=adapter,
        name=name,
        tasks=tuple(part.strip() for part in tasks.split(",") if part.strip()),
        rank=rank,
        alpha=alpha,
        rate=rate,
        epochs=epochs,
        batch=batch,
        accumulate=accumulate,
        context=context,
        beta=beta,
        minutes=minutes,
        patience=patience,
        checked=checked,
        seed=seed,
        licence=licence,
        resume=not fresh,
    )
    settings.check()
    if data is None and shop is not None:
        _make_data(settings, shop, examples, assume_consent=assume_consent)
    return _told(settings, quiet=as_json)


@command
def merge(
    *,
    base: Base,
    adapter: Annotated[Path, typer.Option(metavar="DIR", help="The adapter.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The model's new folder.")],
    full: Annotated[bool, typer.Option("--full", help="Store in float32 whatever the base.")] = False,
    as_json: AsJson = False,
) -> Json:
    """Write a model with an adapter merged into its weights: faster to serve where one adapter is all."""
    from finetune.lora.merge import merge as merged

    report = merged(base, adapter, into, full=full)
    if not as_json:
        say(f"{report['adapter']} is merged into {report['base']}: {into}, {report['dtype']}")
        say(f"A probe's logits differ by {report['largest_difference']:g} at most.")
    return report


def _make_data(settings: Settings, shop: Path, examples: int | None, *, assume_consent: bool) -> None:
    """Data of a shop, in the prompts that the base can read."""
    from agent.prompting import wording
    from finetune.data import Sizes, build
    from finetune.lora.base import context_of
    from retrieval.shop import Shop

    reads = min(settings.context, context_of(settings.base) or settings.context)
    usual = vars(Sizes(change=Sizes.plan))
    small = wording(reads) == "brief"
    tasks = settings.tasks or (("change", "infer", "choose") if small else ("plan", "infer", "choose", "explain"))
    sizes = Sizes(**{name: (examples or most) if name in tasks else 0 for name, most in usual.items()})
    opened = Shop.open(shop)
    note_consent(build(opened, settings.data, sizes, seed=settings.seed, assume_consent=assume_consent, brief=small))


def _told(settings: Settings, *, quiet: bool) -> Json:
    """Tune, and tell what came of it."""
    from finetune.lora.train import tune
    from retrieval.progress import bars

    with bars() as progress:
        report = tune(settings, progress)
    evaluation = report["evaluation"]
    if not quiet and evaluation:
        for task, ours in evaluation["scores"]["adapter"].items():
            base = evaluation["scores"]["base"][task]
            say(
                f"{task:>8}: loss {base['loss']:.3f} -> {ours['loss']:.3f}, "
                f"token accuracy {base['accuracy']:.1%} -> {ours['accuracy']:.1%} ({ours['examples']} examples)"
            )
        run = evaluation["run"]
        say(f"{run['steps']} steps in {run['seconds']:,.0f} s, {run['tokens_per_second']:,.0f} tokens/s")
        say(f"Adapter: {report['adapter']}")
    told = {key: evaluation[key] for key in ("base", "split", "scores", "data", "run") if key in evaluation}
    return {"adapter": str(report["adapter"]), **told}


def note_consent(report: dict[str, Any]) -> None:
    """Say where nobody's behaviour could be learnt from."""
    if not report["shoppers_in"] and report["shoppers_out"]:
        complain(
            f"No shopper of {report['shoppers_out']:,} has consented, so no behaviour is learnt, only made-up talk. "
            "Ask them (crossaisle consent), or give --assume-consent if they agreed elsewhere."
        )
