"""The lab page's tab of runs: set up, watched, cancelled, resumed, shown, compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ui import lab_html
from ui.lab_layout import RETRIEVAL
from ui.lab_tab import QUIET, Tab
from ui.lab_team import Updates


class RunsTab(Tab):
    """Answers the events of the tab of runs."""

    def listen(self) -> None:
        """Bind the events, inside the open `gr.Blocks`."""
        at = self.at
        asked = {
            at.name,
            at.plans,
            at.explains,
            at.changes,
            at.adapters,
            at.configs,
            at.chosen,
            at.latest,
            at.simulated,
        }
        at.start.click(self.on_start, asked, [at.progress, at.status, at.run], **QUIET)
        at.cancel.click(self.on_cancel, None, [at.progress, at.status], **QUIET)
        at.resume.click(self.on_resume, [at.run], [at.progress, at.status], **QUIET)
        at.timer.tick(self.on_tick, None, [at.progress], **QUIET)
        shown = [at.results, at.left, at.right, at.session, at.download, at.evidence, at.status]
        at.show.click(self.on_show, [at.run], shown, **QUIET)
        sides = [at.left.input, at.right.input, at.session.input]
        gr.on(sides, self.on_sides, {at.run, at.left, at.right, at.session}, [at.sides, at.status], **QUIET)

    def on_start(self, asked: Mapping[Any, Any], request: gr.Request) -> Updates:
        """Begin a run."""
        at, name = self.at, str(asked[self.at.name] or "").strip()

        def begun(who: str) -> Updates:
            grid = {
                "prompts": {"plan": asked[at.plans], "explain": asked[at.explains], "change": asked[at.changes]},
                "retrieval": {config: RETRIEVAL[config] for config in asked[at.configs] or ["default"]},
                "adapters": tuple(part.strip() for part in str(asked[at.adapters] or "").split(",") if part.strip()),
            }
            latest, simulated = int(asked[at.latest] or 0), int(asked[at.simulated] or 0)
            self.lab.start(name, grid, list(asked[at.chosen] or ()), latest, simulated)
            names = list(dict.fromkeys((name, *self.lab.jobs.names())))
            return self._progress() | {at.status: "", at.run: gr.update(choices=names, value=name)}

        return self.team.told(request, begun)

    def on_cancel(self, request: gr.Request) -> Updates:
        """Stop the run that is under way; what is done is kept."""

        def stopped(who: str) -> Updates:
            self.lab.jobs.stop()
            return self._progress() | {self.at.status: ""}

        return self.team.told(request, stopped)

    def on_resume(self, name: str | None, request: gr.Request) -> Updates:
        """Go on with a run."""

        def resumed(who: str) -> Updates:
            self.lab.jobs.resume(name or "")
            return self._progress() | {self.at.status: ""}

        return self.team.told(request, resumed)

    def on_tick(self, request: gr.Request) -> Updates:
        """Once a second: how far the run is."""
        return self._progress() if self.team.who(request) else {}

    def on_show(self, name: str | None, request: gr.Request) -> Updates:
        """The table of a finished run, and what can be looked at side by side."""
        run, at = name or "", self.at

        def shown(who: str) -> Updates:
            told, cells, sessions = self.lab.results(run), self.lab.cells(run), self.lab.sessions(run)
            return {
                at.results: lab_html.results(told),
                at.left: gr.update(choices=cells, value=cells[0]),
                at.right: gr.update(choices=cells, value=cells[-1]),
                at.session: gr.update(choices=sessions, value=None),
                at.download: gr.update(value=str(self.lab.archive(run)), visible=True),
                at.evidence: gr.update(choices=self.lab.jobs.names(), value=run),
                at.status: "",
            }

        return self.team.told(request, shown)

    def on_sides(self, asked: Mapping[Any, Any], request: gr.Request) -> Updates:
        """Two cells' replies to one session."""
        at = self.at
        run, left, right, session = (asked[part] for part in (at.run, at.left, at.right, at.session))

        def beside(who: str) -> Updates:
            if not (run and left and right and session):
                return {at.status: ""}
            pairs = self.lab.pair(run, (left, right), session)
            return {at.sides: lab_html.side_by_side((left, right), pairs), at.status: ""}

        return self.team.told(request, beside)

    def _progress(self) -> Updates:
        job = self.lab.jobs.job
        if job is None:
            return {self.at.progress: ""}
        stage = "stopping at the next step" if job.cancel.is_set() and not job.over else job.told
        told = lab_html.status(f"{job.name}: {stage}", job.done, job.total)
        return {self.at.progress: told + (lab_html.problem(job.problem) if job.problem else "")}
