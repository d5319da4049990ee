"""The lab's live rendering gives the very prompts that turns are asked with, of every task that a turn may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.models.scripted import ScriptedModel
from agent.prompting import load_prompt
from agent.schema import Conversation, Profile
from retrieval.errors import PromptError
from ui.desk import Desk
from ui.lab_desk import LabDesk
from ui.options import ModelOptions

CHANGE = {"act": "recommend", "topic": "replace", "query": " scented candles"}
MESSAGE = "hmm scented candles it is"


def text_of(task: str, label: str = "production") -> str:
    prompt = load_prompt(task, label)
    folder = Path(__file__).parents[2] / "agent" / "prompts"
    return next(
        text for file in folder.glob("*.md") if f"name: {prompt.name}\n" in (text := file.read_text(encoding="utf-8"))
    )


def test_a_draft_is_rendered_as_the_serving_model_is_asked(shop: Path, tmp_path: Path) -> None:
    model = ScriptedModel([CHANGE], ["Here."], logprob=-0.1, tasks=("change", "explain"))
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3", model=model) as desk:
        done = desk.assistant.reply(MESSAGE, Conversation(), Profile())
        lab = LabDesk(desk, ModelOptions())
        asked = [one.messages for one in model.asked]
        assert lab.asked == "change"
        assert tuple(lab.render(text_of("change"), done.conversation.id)) == asked[0]
        assert tuple(lab.render(text_of("explain", "brief"), done.conversation.id)) == asked[1]
        with pytest.raises(PromptError, match="not asked in a turn"):
            lab.render(text_of("choose"), "")


def test_without_a_model_the_prompt_of_large_ones_is_offered_first(shop: Path, tmp_path: Path) -> None:
    with Desk(shop, f"sqlite:///{tmp_path}/state.sqlite3") as desk:
        assert LabDesk(desk, ModelOptions()).asked == "plan"
