"""A language model beside the served ranking: how its word is weighed, and that it is kept only where it helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval import experiment
from eval.protocols import next_category, next_item
from eval.systems import llm
from eval.systems.llm import WithModel
from eval.systems.registry import label_of, make
from finetune.tiny import make_tiny_adapter, make_tiny_model
from retrieval.errors import EvaluationError
from tests.eval.hand_made import crowd


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("models")
    base = make_tiny_model(root / "tiny")
    return base, make_tiny_adapter(base, root / "ours")


@pytest.mark.parametrize("protocol", [next_category, next_item])
def test_a_real_model_and_its_adapter_run_beside_the_served_ranking(folders, protocol, tmp_path: Path) -> None:
    base, adapter = folders
    names = ["crossaisle", f"llm:{base}", f"llm:{base}@{adapter}"]
    results = experiment.run(protocol.problem(crowd()), names, tmp_path)
    assert list(results.systems)[:3] == ["crossaisle", "llm-tiny", "llm-tiny-ours"]
    assert {"crossaisle vs llm-tiny", "crossaisle vs llm-tiny-ours"} <= set(results.paired)
    assert len([note for note in results.notes if "beside the ranking" in note]) == 2


def answering(monkeypatch: pytest.MonkeyPatch, word) -> None:
    monkeypatch.setattr(llm, "_word", lambda problem, model: lambda case, rows: word(problem, case, rows))


def test_a_model_that_knows_is_followed_and_one_that_does_not_counts_nothing(folders, monkeypatch) -> None:
    problem = next_item.problem(crowd())

    def right(asked, case, rows):
        return np.array([float(asked.catalogue.ids[row] in case.targets) for row in rows[:20]])

    def wrong(asked, case, rows):
        return -right(asked, case, rows)

    found = {}
    for name, word in (("right", right), ("wrong", wrong)):
        answering(monkeypatch, word)
        system = WithModel(folders[0])
        system.fit(problem)
        found[name] = [system.rank(case, problem.depth) for case in problem.main]
        plain = [system._part.rank(case, problem.depth) for case in problem.main]
        for (rows, scores), (own, own_scores) in zip(found[name], plain, strict=True):
            assert sorted(rows) == sorted(own)
            assert rows[20:].tolist() == own[20:].tolist()
            assert scores.tolist() == own_scores.tolist()
        if name == "wrong":
            assert "counts 0 " in system.told
            assert all((rows == own).all() for (rows, _), (own, _) in zip(found[name], plain, strict=True))
        else:
            assert "counts 0 " not in system.told
            assert any((rows != own).any() for (rows, _), (own, _) in zip(found[name], plain, strict=True))


def test_habits_are_left_to_the_ranking(folders) -> None:
    problem = next_category.problem(crowd())
    word = llm._word(problem, llm.LocalModel(folders[0]))
    assert word(problem.views["all"][0], np.arange(8)) is None
    said = word(problem.views["novel"][0], np.arange(8, dtype=np.int32))
    assert said is not None
    assert len(said) == 8


def test_names(folders) -> None:
    assert label_of(f"llm:{folders[0]}@{folders[1]}") == "llm-tiny-ours"
    with pytest.raises(EvaluationError, match="there is no folder 'nowhere'"):
        make("llm:nowhere")
