"""The lab page's tab of turns: any turn that was served or replayed, from what was understood to what it cost."""

from __future__ import annotations

import gradio as gr

from ui import lab_html
from ui.lab_desk import SERVED
from ui.lab_tab import QUIET, Tab
from ui.lab_team import Updates


class TurnsTab(Tab):
    """Answers the events of the tab of turns."""

    def listen(self) -> None:
        """Bind the events, inside the open `gr.Blocks`."""
        at = self.at
        places = [at.source, at.cell, at.talked]
        at.turns_tab.select(self.on_open, None, [at.source, at.cell, at.talked, at.turn, at.record, at.status], **QUIET)
        at.source.input(self.on_source, [at.source], [at.cell, at.talked, at.turn, at.record, at.status], **QUIET)
        gr.on([at.cell.input, at.talked.input], self.on_talked, places, [at.turn, at.record, at.status], **QUIET)
        at.turn.input(self.on_turn, [*places, at.turn], [at.record, at.status], **QUIET)

    def on_open(self, request: gr.Request) -> Updates:
        """The tab was opened: what was served comes first."""
        sources = [SERVED, *self.lab.jobs.names()]
        opened = {self.at.source: gr.update(choices=sources, value=SERVED)}
        return self.team.told(request, lambda who: opened | self._of(SERVED))

    def on_source(self, source: str | None, request: gr.Request) -> Updates:
        """Other turns: of a run, or those that were served."""
        return self.team.told(request, lambda who: self._of(source or SERVED))

    def on_talked(self, source: str | None, cell: str | None, talked: str | None, request: gr.Request) -> Updates:
        """A conversation is chosen: its first turn is shown."""

        def chosen(who: str) -> Updates:
            if not talked:
                return {self.at.status: ""}
            found = self.lab.talk(source or SERVED, cell or "", talked)
            names = [(f"{number + 1}. {words[:60]}", number) for number, (words, _) in enumerate(found)]
            drawn = lab_html.record(*found[0]) if found else "<p>Nothing was said there in this cell.</p>"
            first = gr.update(choices=names, value=0 if found else None)
            return {self.at.turn: first, self.at.record: drawn, self.at.status: ""}

        return self.team.told(request, chosen)

    def on_turn(
        self, source: str | None, cell: str | None, talked: str | None, turn: int | None, request: gr.Request
    ) -> Updates:
        """One turn of the conversation is shown."""

        def shown(who: str) -> Updates:
            found = self.lab.talk(source or SERVED, cell or "", talked or "") if talked else []
            drawn = lab_html.record(*found[turn]) if turn is not None and turn < len(found) else ""
            return {self.at.record: drawn, self.at.status: ""}

        return self.team.told(request, shown)

    def _of(self, source: str) -> Updates:
        """The conversations of a source to choose from."""
        at, served = self.at, source == SERVED
        talks = self.lab.conversations() if served else self.lab.sessions(source)
        cells = [] if served else self.lab.cells(source)
        return {
            at.cell: gr.update(choices=cells, value=cells[0] if cells else None, visible=not served),
            at.talked: gr.update(choices=talks, value=None),
            at.turn: gr.update(choices=[], value=None),
            at.record: "",
            at.status: "",
        }
