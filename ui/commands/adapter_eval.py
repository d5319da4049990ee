"""`crossaisle eval adapter`: an adapter against its base, on the later-time test split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ui.options import AsJson, ModelUrl, writable
from ui.output import scoring

Given = Path | None


@scoring
def adapter(
    *,
    base: Annotated[str, typer.Option(metavar="MODEL", help="The base's folder; with --model-url its name there.")],
    adapter: Annotated[str, typer.Option(metavar="DIR", help="The adapter's folder, or its name on the server.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Data as finetune data writes them; test.jsonl is read.")],
    out: Annotated[
        Given, typer.Option("--out", metavar="DIR", callback=writable, help="For results.json and report.html.")
    ] = None,
    tasks: Annotated[str, typer.Option(metavar="A,B", help="Which tasks.")] = "infer,choose,plan,change",
    count: Annotated[int, typer.Option("--cases", min=1, help="Cases of each task.")] = 200,
    model_url: ModelUrl = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw and the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> dict[str, Any]:
    """Measure an adapter and its base on the same cases: needs foretold, things chosen, plans written."""
    from eval.adapters.cases import TASKS
    from eval.adapters.compare import compare
    from eval.adapters.subjects import local, served
    from eval.experiment import write
    from retrieval.progress import bars
    from ui.commands.evaluate import told

    wanted = [name.strip() for name in tasks.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in TASKS]:
        raise typer.BadParameter(f"--tasks {', '.join(unknown)}: choose from {', '.join(TASKS)}")
    subjects = served(model_url, base, adapter) if model_url else local(Path(base), Path(adapter))
    with bars() as progress:
        results = compare(subjects, data, count=count, tasks=wanted, seed=seed, progress=progress)
    if out is not None:
        write(out, results)
    return told(results, quiet=as_json)
