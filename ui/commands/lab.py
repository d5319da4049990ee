"""`crossaisle lab ...`: replay sessions over prompts, adapters and retrieval, compare them, promote the better one.

crossaisle lab run grid.toml --into runs/prompts
crossaisle lab promote plan 4be1c0ff --evidence runs/prompts
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ui.commands import prompts
from ui.options import AsJson, Shop, private
from ui.output import command, say

app = typer.Typer(name="lab", help="Compare prompts, adapters and retrieval on real sessions.", no_args_is_help=True)
app.command("prompts")(prompts.prompts)
app.command("save")(prompts.save)
app.command("promote")(prompts.promote)
app.command("rollback")(prompts.rollback)
app.command("history")(prompts.history)

Json = dict[str, Any]
Run = Annotated[Path, typer.Argument(help="A lab folder.")]


@app.command()
@command
def run(
    *,
    grid: Annotated[Path, typer.Argument(help="A TOML file; eval/lab/grid.py documents every key.")],
    into: Annotated[
        Path,
        typer.Option("--into", metavar="DIR", callback=private, help="The lab folder; a run that was ended goes on."),
    ],
    as_json: AsJson = False,
) -> Json:
    """Replay the same sessions in every cell of a grid. Ended or killed and run again, it goes on where it was."""
    from eval.lab.grid import read_grid
    from eval.lab.run import opened
    from eval.lab.run import run as run_grid
    from retrieval.progress import bars, silent
    from ui.commands.evaluate import told

    wanted = read_grid(grid)
    with opened(wanted) as on:
        if as_json:
            results = run_grid(wanted, into, on, silent)
        else:
            with bars() as progress:
                results = run_grid(wanted, into, on, progress)
    found = told(results, quiet=as_json)
    if not as_json:
        say(f"{into} holds every turn, the runs, results.json and report.html")
    return found


@app.command()
@command
def table(*, folder: Run, as_json: AsJson = False) -> Json:
    """Make a run's table again from its exported runs; exit status 1 if results.json says anything else."""
    from eval.lab.export import recomputed
    from ui.commands.evaluate import told

    results, equal = recomputed(folder)
    found = told(results, quiet=as_json)
    if not as_json:
        say("results.json says the same" if equal else "results.json says something else")
    return found | {"ok": equal, "equal": equal}


@app.command()
@command
def simulator(
    *,
    shop: Shop,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Simulated shoppers.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of who is drawn and what they say.")] = 7,
    people: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Conversations of people, in PSCon's format, to compare with.")
    ] = None,
    as_json: AsJson = False,
) -> Json:
    """Say how far the simulated shoppers can be believed: their own error by style, and beside people's."""
    from eval.protocols.conversations import read_conversations
    from eval.simulate.check import beside_people, errors
    from eval.simulate.crowd import crowd
    from eval.simulate.styles import Simulated
    from retrieval.shop import Shop as Opened

    opened = Opened.open(shop)
    simulated, _ = crowd(opened, Simulated(count=count, seed=seed))
    goods = zip(opened.catalogue.titles, opened.catalogue.frame["category"].to_list(), strict=True)
    texts = [f"{title} {category}" for title, category in goods]
    found: Json = {"simulator": errors(simulated, texts)}
    if people is not None:
        found["beside"] = dict(beside_people(simulated, texts, read_conversations(people)))
    opened.close()
    for name, row in [*found["simulator"].items(), *found.get("beside", {}).items()] if not as_json else ():
        say(f"{name:<13} {'  '.join(f'{figure} {value}' for figure, value in row.items())}")
    return found
