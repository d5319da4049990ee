"""How the lab page is laid out: Gradio's components by name."""

from __future__ import annotations

from typing import Any

import gradio as gr

from agent.schema import Act
from ui.lab_html import notes, safe

RETRIEVAL: dict[str, dict[str, Any]] = {
    "default": {},
    "words-only": {"on": ("dense", "lexical"), "learned_order": False},
    "no-learned-order": {"learned_order": False},
    "no-other-aisles": {"across": 0},
    "no-history": {"history": False},
    "ten-cards": {"cards": 10},
}
"""Configurations that the page offers; a grid file can say more."""


class LabLayout:
    """Builds the page's components inside an open `gr.Blocks`; each is an attribute.

    Args:
        shop: its name.
        model: the model that serves, None without one.
    """

    def __init__(self, shop: str, model: str | None) -> None:
        told = f"Prompt lab · {model or 'no language model: prompts change nothing, retrieval can be compared'}"
        gr.HTML(f'<header class="xa-header"><h1>{safe(shop)} <span>{safe(told)}</span></h1></header>')
        self.status = gr.HTML("", elem_id="xa-lab-told")
        with gr.Tabs(elem_id="xa-lab"):
            with gr.Tab("Prompts", elem_id="xa-lab-prompts"):
                self._prompts()
            with gr.Tab("Runs", elem_id="xa-lab-runs"):
                self._runs(with_model=model is not None)
            with gr.Tab("Turns", elem_id="xa-lab-turns") as self.turns_tab:
                self._turns()
            with gr.Tab("Promote", elem_id="xa-lab-promote"):
                self._promote()
        self.timer = gr.Timer(1.0)

    def _prompts(self) -> None:
        self.listed = gr.HTML("", elem_id="xa-lab-listed")
        with gr.Row():
            self.task = gr.Dropdown([], label="Task", elem_id="xa-lab-task")
            self.one = gr.Dropdown([], label="Version", elem_id="xa-lab-one")
            self.other = gr.Dropdown([], label="Compared with", elem_id="xa-lab-other")
        self.diff = gr.HTML("", elem_id="xa-lab-diff")
        with gr.Row():
            with gr.Column():
                self.edit = gr.Button("Edit the first version", size="sm", elem_id="xa-lab-edit")
                self.draft = gr.Textbox(
                    label="Draft", lines=22, max_lines=40, max_length=40_000, elem_id="xa-lab-draft"
                )
                self.save = gr.Button("Save as a new version", variant="primary", elem_id="xa-lab-save")
            with gr.Column():
                self.talk = gr.Dropdown([("An example", "")], value="", label="Rendered for", elem_id="xa-lab-talk")
                self.live = gr.HTML("", elem_id="xa-lab-live")

    def _runs(self, *, with_model: bool) -> None:
        with gr.Row():
            self.name = gr.Textbox(label="Name of the run", value="run-1", max_length=60, elem_id="xa-lab-name")
            self.plans = gr.Dropdown([], label="Prompts: plan", multiselect=True, elem_id="xa-lab-plans")
            self.explains = gr.Dropdown([], label="Prompts: explain", multiselect=True, elem_id="xa-lab-explains")
            self.changes = gr.Dropdown([], label="Prompts: change", multiselect=True, elem_id="xa-lab-changes")
            self.adapters = gr.Textbox(
                label="Adapters beside what serves", info="Folders or served names, by commas", visible=with_model
            )
        with gr.Row():
            self.configs = gr.Dropdown(
                list(RETRIEVAL), value=["default"], label="Retrieval", multiselect=True, elem_id="xa-lab-configs"
            )
            self.chosen = gr.Dropdown([], label="These conversations", multiselect=True, elem_id="xa-lab-chosen")
            self.latest = gr.Number(
                20, label="or the latest so many", precision=0, minimum=0, maximum=10_000, elem_id="xa-lab-latest"
            )
            self.simulated = gr.Number(
                0, label="Simulated shoppers", precision=0, minimum=0, maximum=10_000, elem_id="xa-lab-simulated"
            )
        with gr.Row():
            self.start = gr.Button("Start", variant="primary", elem_id="xa-lab-start")
            self.cancel = gr.Button("Cancel", elem_id="xa-lab-cancel")
        self.progress = gr.HTML("", elem_id="xa-lab-progress")
        with gr.Row():
            self.run = gr.Dropdown([], label="Run", elem_id="xa-lab-run")
            self.resume = gr.Button("Resume", elem_id="xa-lab-resume")
            self.show = gr.Button("Show results", elem_id="xa-lab-show")
            self.download = gr.DownloadButton("Download runs and results", visible=False, elem_id="xa-lab-download")
        self.results = gr.HTML("", elem_id="xa-lab-results")
        with gr.Row():
            self.left = gr.Dropdown([], label="One cell", elem_id="xa-lab-left")
            self.right = gr.Dropdown([], label="Beside", elem_id="xa-lab-right")
            self.session = gr.Dropdown([], label="Session", elem_id="xa-lab-session")
        self.sides = gr.HTML("", elem_id="xa-lab-sides")

    def _turns(self) -> None:
        with gr.Row():
            self.source = gr.Dropdown([], label="Turns of", elem_id="xa-lab-source")
            self.cell = gr.Dropdown([], label="Cell", visible=False, elem_id="xa-lab-cell")
            self.talked = gr.Dropdown([], label="Conversation", elem_id="xa-lab-talked")
            self.turn = gr.Dropdown([], label="Turn", elem_id="xa-lab-turn")
        self.label = gr.Dropdown(
            [("nobody said", ""), *((act.value, act.value) for act in Act)],
            value="",
            label="What should have been done",
            info="Counts as act accuracy in every run over recorded sessions that is started from now on",
            visible=False,
            elem_id="xa-lab-label",
        )
        self.record = gr.HTML("", elem_id="xa-lab-record")

    def _promote(self) -> None:
        gr.HTML(notes(["A promotion counts in the very next turn. It needs a finished run that compared the version."]))
        with gr.Row():
            self.what = gr.Dropdown([], label="Task", elem_id="xa-lab-what")
            self.which = gr.Dropdown([], label="Version", elem_id="xa-lab-which")
            self.evidence = gr.Dropdown([], value=None, label="Evidence", elem_id="xa-lab-evidence")
        with gr.Row():
            self.promote = gr.Button("Promote to production", variant="primary", elem_id="xa-lab-do-promote")
            self.back = gr.Button("Roll the task back", elem_id="xa-lab-do-back")
        self.past = gr.HTML("", elem_id="xa-lab-history")
