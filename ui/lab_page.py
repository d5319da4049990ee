"""The prompt lab as a web page, at /lab: for the product team where people sign in, and for whoever is at this machine.

`ui/lab_layout.py` has the components, `ui/lab_desk.py` what they do. Import it only to serve.
"""

from __future__ import annotations

import gradio as gr

from agent.memory.users import Users
from retrieval.errors import CrossAisleError
from ui import lab_html
from ui.desk import Desk
from ui.lab_desk import LabDesk
from ui.lab_layout import LabLayout
from ui.lab_runs import RunsTab
from ui.lab_tab import QUIET
from ui.lab_team import Team, Updates
from ui.lab_turns import TurnsTab
from ui.options import ModelOptions


def build(desk: Desk, users: Users | None = None, options: ModelOptions | None = None) -> gr.Blocks:
    """The lab page over an opened shop.

    Args:
        desk: the shop.
        users: who may sign in; only the team gets in here.
        options: which model serves, None without one.
    """
    return LabPage(LabDesk(desk, options), users).blocks


class LabPage:
    """Answers the page's events. Handlers are plain functions: Gradio runs them in its thread pool."""

    def __init__(self, lab: LabDesk, users: Users | None = None) -> None:
        self.lab = lab
        desk = lab.desk
        with gr.Blocks(title=f"{desk.shop.name} · prompt lab", analytics_enabled=False, fill_width=True) as self.blocks:
            self.at = LabLayout(desk.shop.name, desk.model.name if desk.model else None)
            self.team = Team(users, self.at.status)
            self._listen()
        self.blocks.queue(default_concurrency_limit=8, max_size=64)

    def _listen(self) -> None:
        at = self.at
        picks = [
            at.task,
            at.one,
            at.other,
            at.plans,
            at.explains,
            at.changes,
            at.chosen,
            at.talk,
            at.run,
            at.what,
            at.which,
        ]
        lists = [*picks, at.evidence, at.listed, at.past, at.status]
        self.blocks.load(self.on_load, None, lists, **QUIET)
        at.task.input(self.on_task, [at.task], [at.one, at.other, at.diff, at.status], **QUIET)
        gr.on([at.one.input, at.other.input], self.on_diff, [at.task, at.one, at.other], [at.diff, at.status], **QUIET)
        at.edit.click(self.on_edit, [at.task, at.one], [at.draft, at.status], **QUIET)
        rendered = {"outputs": [at.live, at.status], **QUIET}
        at.draft.change(self.on_draft, [at.draft, at.talk], trigger_mode="always_last", **rendered)
        at.talk.input(self.on_draft, [at.draft, at.talk], **rendered)
        at.save.click(self.on_save, [at.draft], lists, **QUIET)
        RunsTab(self.lab, at, self.team).listen()
        TurnsTab(self.lab, at, self.team).listen()
        at.what.input(self.on_what, [at.what], [at.which, at.status], **QUIET)
        at.promote.click(self.on_promote, [at.what, at.which, at.evidence], lists, **QUIET)
        at.back.click(self.on_back, [at.what], lists, **QUIET)

    # Prompts

    def on_load(self, request: gr.Request) -> Updates:
        """The page was opened."""
        return self.team.told(request, lambda who: self._lists() | {self.at.status: ""})

    def on_task(self, task: str, request: gr.Request) -> Updates:
        """Another task: its versions to choose from."""
        return self.team.told(request, lambda who: self._versions(task) | {self.at.diff: "", self.at.status: ""})

    def on_diff(self, task: str, one: str | None, other: str | None, request: gr.Request) -> Updates:
        """Two versions are compared."""

        def compared(who: str) -> Updates:
            if not (one and other):
                return {self.at.status: ""}
            versions = self.lab.versions
            lines = versions.difference(versions.find(task, other), versions.find(task, one))
            return {self.at.diff: lab_html.difference(lines), self.at.status: ""}

        return self.team.told(request, compared)

    def on_edit(self, task: str, one: str | None, request: gr.Request) -> Updates:
        """A version becomes the draft, and is rendered by that."""

        def drafted(who: str) -> Updates:
            return {self.at.draft: self.lab.versions.find(task, one or "production").text, self.at.status: ""}

        return self.team.told(request, drafted)

    def on_draft(self, text: str, talk: str, request: gr.Request) -> Updates:
        """The draft, or the conversation it is rendered for, has changed."""
        return self.team.told(request, lambda who: {self.at.status: "", **self._rendered(text, talk)})

    def on_save(self, text: str, request: gr.Request) -> Updates:
        """Keep the draft as a new version."""

        def saved(who: str) -> Updates:
            new = self.lab.versions.save(text, who)
            told = f"Kept as {new.prompt.task} {new.hash[:12]}. It serves nobody before it is promoted."
            return self._lists(new.prompt.task, new.hash) | {self.at.status: lab_html.status(told)}

        return self.team.told(request, saved)

    # Promotion

    def on_what(self, task: str, request: gr.Request) -> Updates:
        """Another task to promote for."""
        choices = {self.at.which: gr.update(choices=self.lab.choices(task), value=None), self.at.status: ""}
        return self.team.told(request, lambda who: choices)

    def on_promote(self, task: str, which: str | None, evidence: str | None, request: gr.Request) -> Updates:
        """Serve with a version from the next turn on."""

        def promoted(who: str) -> Updates:
            notes = self.lab.promote(task, which or "", evidence or "", who)
            told = f"{task} is served by {(which or '')[:12]} from the next turn on."
            return self._lists(task) | {self.at.status: lab_html.status(told) + lab_html.notes(notes)}

        return self.team.told(request, promoted)

    def on_back(self, task: str, request: gr.Request) -> Updates:
        """Undo the last promotion of a task."""

        def undone(who: str) -> Updates:
            move = self.lab.versions.roll_back(task, who)
            told = f"Rolled back: {task} is served by {move.to_hash[:12]} from the next turn on."
            return self._lists(task) | {self.at.status: lab_html.status(told)}

        return self.team.told(request, undone)

    # Drawing

    def _lists(self, task: str = "", version: str | None = None) -> Updates:
        """Everything that can be chosen, and what is listed; without a task that which the serving model is asked."""
        at, lab = self.at, self.lab
        task = task or lab.asked
        runs, talks = lab.jobs.names(), lab.conversations()
        asked = {"plan": at.plans, "explain": at.explains, "change": at.changes}
        serving = {name: lab.versions.find(name, "production").hash for name in asked}
        picked = {part: gr.update(choices=lab.choices(name), value=[serving[name]]) for name, part in asked.items()}
        return (
            self._versions(task, version)
            | picked
            | {
                at.task: gr.update(choices=lab.tasks(), value=task),
                at.chosen: gr.update(choices=talks),
                at.talk: gr.update(choices=[("An example", ""), *talks]),
                at.run: gr.update(choices=runs, value=runs[0] if runs else None),
                at.what: gr.update(choices=lab.tasks(), value=task),
                at.which: gr.update(choices=lab.choices(task), value=version),
                at.evidence: gr.update(choices=runs, value=None),  # to be chosen: left out, Gradio takes the first
                at.listed: lab_html.versions(lab.versions.all()),
                at.past: lab_html.history(lab.versions.shelf.history()),
            }
        )

    def _versions(self, task: str, version: str | None = None) -> Updates:
        choices = self.lab.choices(task)
        serving = self.lab.versions.find(task, "production").hash
        return {
            self.at.one: gr.update(choices=choices, value=version or serving),
            self.at.other: gr.update(choices=choices, value=serving),
        }

    def _rendered(self, text: str, talk: str) -> Updates:
        """The draft filled in, or why it can't be; that is told where it would stand."""
        try:
            return {self.at.live: lab_html.rendered(self.lab.render(text, talk or ""))}
        except CrossAisleError as error:
            return {self.at.live: lab_html.problem(str(error))}
