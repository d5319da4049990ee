"""Promoting on a lab run: on which evidence, what that says for and against, and turns that people labelled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.memory import Memory
from agent.models.scripted import ScriptedModel
from agent.schema import Act, Profile
from agent.turn import Assistant
from agent.versions import Versions
from eval.lab import decide
from eval.lab.cells import BASELINE
from eval.lab.export import digest
from eval.lab.folder import noted
from eval.lab.run import run
from eval.lab.sessions import recorded
from eval.results import Results
from retrieval.errors import EvaluationError, PromptError, StateError
from retrieval.shop import Shop
from tests.eval.lab_helpers import obedient, opened, prompt_file, session, write_sessions
from tests.eval.test_lab import found_by, two_prompts
from tests.shops import sample_shop


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    found = Shop.open(sample_shop())
    yield found
    found.close()


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory.at(tmp_path / "state.sqlite3")


class TestPromoting:
    def test_a_prompt_is_promoted_on_a_run_that_compared_it_and_on_nothing_else(
        self, shop: Shop, memory: Memory, tmp_path: Path
    ) -> None:
        rows = [session("s", "scented candles", took=(found_by(shop, "scented candles"),))]
        wanted = two_prompts(tmp_path, write_sessions(tmp_path / "s.jsonl", rows))
        lab, versions = tmp_path / "lab", Versions.of(memory.prompts)
        run(wanted, lab, opened(shop, memory, ScriptedModel(answer=obedient)))
        new = noted(lab)["cells"][1]["prompts"]["plan"]
        done = decide.promote(versions, "plan", new[:12], evidence=lab, who="ada")
        assert (done.move.to_hash, done.move.evidence_hash) == (new, digest(lab))
        assert done.notes[0].startswith("Sessions replayed: 1, too few to be sure of anything")
        assert versions.find("plan", "production").who == "ada", "the grid's file is a kept version now"
        later = versions.save(prompt_file(tmp_path, "later", "Later.").read_text(encoding="utf-8"), "ada")
        with pytest.raises(EvaluationError, match="did not compare"):
            decide.promote(versions, "plan", later.hash, evidence=lab, who="ada")
        with pytest.raises(EvaluationError, match="no lab folder"):
            decide.promote(versions, "plan", new, evidence=tmp_path, who="ada")
        with pytest.raises(PromptError, match="no version"):
            decide.promote(versions, "plan", "f" * 64, evidence=lab, who="ada")
        versions.roll_back("plan", "ada")
        shutil.copytree(lab, tmp_path / "forged")
        told = json.loads((lab / "results.json").read_text(encoding="utf-8"))
        told["systems"]["plan-asks-back"]["NDCG@10"]["value"] = 0.99
        (tmp_path / "forged" / "results.json").write_text(json.dumps(told), encoding="utf-8")
        with pytest.raises(EvaluationError, match="no evidence"):
            decide.promote(versions, "plan", new, evidence=tmp_path / "forged", who="ada")

    def test_it_is_told_what_the_figures_say_for_and_against(self, tmp_path: Path) -> None:
        def cell(name: str, plan: str, config: str) -> dict[str, object]:
            return {"name": name, "prompts": {"plan": plan, "explain": "e"}, "adapter": "", "retrieval": config}

        cells = [cell(BASELINE, "old", "served"), cell("new", "new", "served"), cell("new-words", "new", "words-only")]
        (tmp_path / "lab.json").write_text(json.dumps({"cells": cells}), encoding="utf-8")
        sure, unsure = np.full(40, 0.25), np.tile([-1.0, 1.0], 20)
        base = {"NDCG@10": np.full(40, 0.5), "MRR": np.full(40, 0.5), "tokens in": np.full(40, 100.0)}
        better = {"NDCG@10": base["NDCG@10"] + sure, "MRR": base["MRR"] + unsure, "tokens in": np.full(40, 145.0)}
        worse = {**base, "NDCG@10": base["NDCG@10"] - sure}
        values = {BASELINE: base, "new": better, "new-words": worse}
        results = Results.of("lab", values, {}, against=(BASELINE,))
        told = decide.verdict(tmp_path, results, "plan", "new")
        assert told == ("new is better, by 95% intervals, in: NDCG@10 +0.2500.", "new takes more: tokens in +45%.")
        cells[1]["prompts"] = {"plan": "other", "explain": "e"}
        (tmp_path / "lab.json").write_text(json.dumps({"cells": cells}), encoding="utf-8")
        told = decide.verdict(tmp_path, results, "plan", "new")
        assert told == (
            "new-words is better, by 95% intervals, in: nothing.",
            "new-words is worse in: NDCG@10 -0.2500.",
        )

    def test_a_label_that_people_gave_counts_and_goes_with_its_conversation(self, shop: Shop, memory: Memory) -> None:
        talk = memory.open_conversation("ann")
        talk = Assistant(shop, memory).reply("scented candles", talk, Profile(shopper="ann")).conversation
        Assistant(shop, memory).reply("hm", talk, Profile(shopper="ann"))
        memory.judged.label(talk.id, 0, Act.CLARIFY, "ada")
        memory.judged.label(talk.id, 0, Act.RECOMMEND, "ada")
        memory.judged.label(talk.id, 1, Act.CHITCHAT, "ada")
        memory.judged.label(talk.id, 1, None, "ada")
        assert [said.act for said in recorded(memory, 10, days=30)[0].turns] == [Act.RECOMMEND, None]
        memory.forget("ann")
        assert memory.judged.of(talk.id) == {}
        with pytest.raises(StateError, match="not there any more"):
            memory.judged.label(talk.id, 0, Act.RECOMMEND, "ada")
