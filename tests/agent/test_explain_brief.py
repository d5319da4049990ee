"""A small model explains item by item, in brief prompts, and only where it was made for that."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.asking import Asking
from agent.explain import item_facts
from agent.memory import Memory
from agent.models.about import NAME as ABOUT
from agent.models.about import About, about
from agent.models.labelled import LabelledServer
from agent.models.registry import Registry, write
from agent.models.scripted import Asked, ScriptedModel
from agent.prompting import PromptLibrary, load_prompt
from agent.prose import Prose, Told
from agent.schema import Consent, Conversation, Profile
from agent.turn import Assistant
from retrieval.errors import ModelUnavailableError
from retrieval.shop import Shop
from tests.agent.receipts import receipt, socks, torch
from tests.shops import sample_shop

NAMES = ("Tarn Merino Wool Socks, 2 Pairs", "Lumo Nightjar 400 Head Torch")


def whispered(asked: Asked) -> str:
    """An uncased model's words about the one thing it is shown, one false sentence among them."""
    name = asked.messages[-1].content.removeprefix("> ").split(" |")[0]
    price = "€34.90" if "Torch" in name else "€18.50"
    spaced = price.replace("€", "€ ").replace(".", ". ")
    return f"{name.casefold()} costs {spaced}. customers rave about it."


def told_by(model: ScriptedModel) -> Told:
    told = Told(explainer="template")
    prose = Prose(model, load_prompt("explain", "brief"))
    list(prose.tell(receipt(socks(), torch()), "", told, with_history=True, deadline=time.monotonic() + 5))
    return told


def test_each_item_is_asked_about_alone_and_spelt_as_its_card() -> None:
    model = ScriptedModel(answer=whispered)
    told = told_by(model)
    assert told.text.splitlines()[:2] == [f"{NAMES[0]} costs €18.50.", f"{NAMES[1]} costs €34.90."]
    assert [one.messages[-1].content for one in model.asked] == [
        f"> {item_facts(item, with_history=True, brief=True)}" for item in receipt(socks(), torch()).items
    ]
    assert told.model_calls == 2
    assert not any(NAMES[1] in model.asked[0].messages[place].content for place in (0, 1))


def test_what_grounding_took_out_is_kept_with_its_reason() -> None:
    told = told_by(ScriptedModel(answer=whispered))
    assert [one.sentence for one in told.taken_out] == ["Customers rave about it."] * 2
    assert all(one.reason for one in told.taken_out)
    assert len(told.written) == 4
    assert "rave" not in told.text


def test_a_small_model_is_asked_for_what_it_was_made_for() -> None:
    with Memory("sqlite://") as memory:
        rules = Assistant(Shop.open(sample_shop()), memory).rules
    prompts = PromptLibrary()
    asked = {
        tasks: Asking.now(ScriptedModel(tasks=tasks), prompts, rules)
        for tasks in (("change",), ("explain",), ("change", "explain"), ("choose",))
    }
    assert {tasks: (one.planner is not None, one.prose is not None) for tasks, one in asked.items()} == {
        ("change",): (True, False),
        ("explain",): (False, True),
        ("change", "explain"): (True, True),
        ("choose",): (False, False),
    }
    brief = load_prompt("explain", "brief").hash
    assert asked[("change", "explain")].hashes == {"change": load_prompt("change").hash, "explain": brief}


def test_a_whole_turn_is_told_by_it_and_history_stays_out_without_consent() -> None:
    shop = Shop.open(sample_shop())
    shopper = shop.shoppers()[0]
    for allowed in (True, False):
        with Memory("sqlite://") as memory:
            model = ScriptedModel(answer=whispered, tasks=("explain",))
            profile = Profile(shopper=shopper, consent=Consent(personalise=True, prompt=allowed))
            done = Assistant(shop, memory, model).reply("surprise me", Conversation(), profile)
        personal = [one for one in done.reply.receipt.items if one.reason.startswith("You ")]
        assert personal
        prompt = "\n".join(one.messages[-1].content for one in model.asked)
        assert any(item.reason in prompt for item in personal) == allowed
        assert done.reply.trace.explainer == "model"
        assert done.reply.trace.planner == "rules"
        assert done.reply.trace.replaced == len(done.reply.trace.taken_out) > 0
        assert not done.reply.trace.problems


def test_what_a_folder_says_and_what_its_adapter_adds(tmp_path: Path) -> None:
    base, adapter, bare = (tmp_path / name for name in ("base", "adapter", "bare"))
    for folder in (base, adapter, bare):
        folder.mkdir()
    small = About(frozenset({"change"}), "compact")
    small.write(base)
    assert about(base) == small
    assert about(base, bare) == small
    small.also(frozenset({"explain"})).write(adapter)
    assert about(base, adapter) == About(frozenset({"change", "explain"}), "compact")
    About().also(frozenset({"explain"})).write(bare)
    assert not (bare / ABOUT).exists(), "a model that takes any task still does after tuning"
    (bare / ABOUT).write_text("[]", encoding="utf-8")
    with pytest.raises(ModelUnavailableError, match="copy the model anew"):
        about(bare)


def test_a_label_knows_the_tasks_of_the_adapter_that_it_means(tmp_path: Path) -> None:
    (tmp_path / "tuned").mkdir()
    About(frozenset({"change", "explain"})).write(tmp_path / "tuned")
    path = tmp_path / "serving.json"
    registry = Registry("http://127.0.0.1:9/v1", "compact", {"tuned": str(tmp_path / "tuned")}, {}, ("change",))
    write(path, registry.promoted("production", "compact"))
    server = LabelledServer(path, "production")
    assert server.tasks == {"change"}
    write(path, registry.promoted("production", "tuned"))
    assert server.tasks == {"change", "explain"}
