"""The lab page's tab of turns: any turn that was served or replayed, from what was understood to what it cost."""

from __future__ import annotations

from typing import Any

import gradio as gr

from agent.schema import Act
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
        drawn = [at.turn, at.label, at.record, at.status]
        at.turns_tab.select(self.on_open, None, [at.source, at.cell, at.talked, *drawn], **QUIET)
        at.source.input(self.on_source, [at.source], [at.cell, at.talked, *drawn], **QUIET)
        gr.on([at.cell.input, at.talked.input], self.on_talked, places, drawn, **QUIET)
        at.turn.input(self.on_turn, [*places, at.turn], [at.label, at.record, at.status], **QUIET)
        at.label.input(self.on_label, [at.source, at.talked, at.turn, at.label], [at.status], **QUIET)

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
            label = self._label(source, talked, 0 if found else None)
            return {self.at.turn: first, self.at.label: label, self.at.record: drawn, self.at.status: ""}

        return self.team.told(request, chosen)

    def on_turn(
        self, source: str | None, cell: str | None, talked: str | None, turn: int | None, request: gr.Request
    ) -> Updates:
        """One turn of the conversation is shown."""

        def shown(who: str) -> Updates:
            found = self.lab.talk(source or SERVED, cell or "", talked or "") if talked else []
            drawn = lab_html.record(*found[turn]) if turn is not None and turn < len(found) else ""
            return {self.at.label: self._label(source, talked, turn), self.at.record: drawn, self.at.status: ""}

        return self.team.told(request, shown)

    def on_label(
        self, source: str | None, talked: str | None, turn: int | None, label: str | None, request: gr.Request
    ) -> Updates:
        """Somebody says what should have been done in a turn that was served."""

        def labelled(who: str) -> Updates:
            if (source or SERVED) != SERVED or not talked or turn is None:
                return {self.at.status: ""}
            self.lab.label(talked, int(turn), Act(label) if label in set(Act) else None, who)
            labels = self.lab.labels(talked)
            told = f"Labels of this conversation's turns: {', '.join(one or 'none' for one in labels)}."
            return {self.at.status: lab_html.status(told)}

        return self.team.told(request, labelled)

    def _label(self, source: str | None, talked: str | None, turn: int | None) -> Any:
        """What is said of a turn; of turns that were replayed, nothing can be said."""
        if (source or SERVED) != SERVED or not talked or turn is None:
            return gr.update(value="", visible=False)
        labels = self.lab.labels(talked)
        said = labels[int(turn)] if int(turn) < len(labels) else None
        return gr.update(value=said.value if said is not None else "", visible=True)

    def _of(self, source: str) -> Updates:
        """The conversations of a source to choose from."""
        at, served = self.at, source == SERVED
        talks = self.lab.conversations() if served else self.lab.sessions(source)
        cells = [] if served else self.lab.cells(source)
        return {
            at.cell: gr.update(choices=cells, value=cells[0] if cells else None, visible=not served),
            at.talked: gr.update(choices=talks, value=None),
            at.turn: gr.update(choices=[], value=None),
            at.label: gr.update(value="", visible=False),
            at.record: "",
            at.status: "",
        }
