from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.evidence.check import Options, evidence
from eval.evidence.deletion import WORST, Deletions, Fall
from eval.evidence.ledger import Line, liar, lines, truthful
from eval.evidence.summary import Finding, summarise
from eval.report.write import rewrite
from retrieval.errors import EvaluationError
from retrieval.history import History
from retrieval.infer import aisle_scores, cross_needs
from retrieval.shop import Shop
from tests.shops import sample_shop
from ui.cli import app


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.open(sample_shop())


@pytest.fixture(scope="module")
def history(shop: Shop) -> History:
    return next(history for history in map(shop.history, shop.shoppers()) if len(history) >= 20)


@pytest.fixture(scope="module")
def ledger(shop: Shop, history: History) -> list[Line]:
    return lines(shop, history, 10)


@pytest.fixture(scope="module")
def told(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("evidence")
    return evidence(shop, out, Options(shoppers=30)), out


class TestLedger:
    def test_every_line_names_events_of_the_shopper_in_the_aisle_that_the_edge_starts_from(
        self, shop: Shop, history: History, ledger: list[Line]
    ) -> None:
        assert ledger
        category = shop.catalogue.category
        for line in ledger:
            assert len(line.named) >= len(line.events) >= 1
            sources = {edge.source for edge in line.edges}
            assert {edge.target for edge in line.edges} == {line.category}
            assert {category.names[category.codes[history.rows[index]]] for index in line.named} == sources
            assert {shop.catalogue.ids[history.rows[index]] for index in line.named} == {e.item for e in line.events}
            assert all(edge.support >= 1 and edge.lift > 1 for edge in line.edges)

    def test_every_line_is_about_an_aisle_that_the_shopper_never_walked(
        self, shop: Shop, history: History, ledger: list[Line]
    ) -> None:
        category = shop.catalogue.category
        walked = {category.names[code] for code in category.codes[history.rows]}
        assert not walked & {line.category for line in ledger}

    def test_a_visitor_has_no_ledger(self, shop: Shop) -> None:
        assert lines(shop, shop.history(None), 10) == []

    def test_a_liar_names_as_many_events_but_others(self, history: History, ledger: list[Line]) -> None:
        lie = liar(3)
        drawn = [lie(line, history) for line in ledger for _ in range(5)]
        assert [len(events) for events in drawn] == [len(line.named) for line in ledger for _ in range(5)]
        assert len(set(drawn)) > len(ledger)
        assert truthful(ledger[0], history) == ledger[0].named


class TestDeletion:
    def test_scores_order_aisles_as_needs_do(self, shop: Shop, history: History) -> None:
        names = shop.catalogue.category.names
        scores = aisle_scores(shop, history)
        needed = [shop.catalogue.category.code_of[need.targets[0]] for need in cross_needs(shop, history, 8)]
        assert np.isfinite(scores[needed]).all()
        assert (np.diff(scores[needed]) <= 0).all()
        assert len(names) == len(scores)

    def test_deleting_nothing_moves_nothing(self, shop: Shop, history: History, ledger: list[Line]) -> None:
        deletions = Deletions(shop, history)
        for line in ledger:
            assert deletions.fall((), line.category) == Fall(0.0, 0.0)
            assert deletions.list_rank((), line.item, 10) == line.rank

    def test_without_any_event_an_aisle_is_gone(self, shop: Shop, history: History, ledger: list[Line]) -> None:
        fall = Deletions(shop, history).fall(tuple(range(len(history))), ledger[0].category)
        assert fall.places >= WORST - len(ledger) - 10
        assert fall.fell

    def test_controls_are_other_events_as_many(self, shop: Shop, history: History, ledger: list[Line]) -> None:
        deletions, rng = Deletions(shop, history), np.random.default_rng(0)
        for line in ledger:
            for _ in range(5):
                for other in (deletions.any_others(line.named, rng, len(line.named)), deletions.alike(line.named, rng)):
                    assert len(other) == len(set(other)) == len(line.named)
                    assert not set(other) & set(line.named)

    def test_a_matched_control_lies_in_other_aisles_while_there_are_some(
        self, shop: Shop, history: History, ledger: list[Line]
    ) -> None:
        deletions, rng = Deletions(shop, history), np.random.default_rng(0)
        codes = shop.catalogue.category.codes[history.rows]
        line = min(ledger, key=lambda line: len(line.named))
        assert not {codes[index] for index in deletions.alike(line.named, rng)} & {codes[i] for i in line.named}


class TestCheck:
    def test_what_is_named_matters_more_than_anything_else(self, told: tuple[dict[str, Any], Path]) -> None:
        ratios = told[0]["ratios"]
        for pair in ("named / random", "named / matched"):
            for measure in ("places", "score", "list"):
                sure = (
                    "value" if (pair, measure) == ("named / matched", "list") else "low"
                )  # 30 shoppers are few; it goes by the date
                assert ratios[pair][measure][sure] > 1.0, (pair, measure)
        assert ratios["named / random"]["score"]["value"] > 5.0
        assert told[0]["falls"]["named"]["fell"]["value"] > 0.8

    def test_a_lying_ledger_is_found_out(self, shop: Shop) -> None:
        lied = evidence(shop, None, Options(shoppers=30), tell=liar(0))
        honest = lied["ratios"]["named / random"]["score"]
        assert honest["low"] < 1.0 < honest["high"]
        assert honest["value"] < 3.0

    def test_every_run_has_a_lying_ledger_beside_the_true_one(self, told: tuple[dict[str, Any], Path]) -> None:
        ratios = told[0]["ratios"]
        lie, truth = ratios["lying / lying, random"]["score"], ratios["named / random"]["score"]
        assert lie["high"] < truth["low"]
        assert lie["value"] < 3.0  # 30 shoppers are few: it is 1 in the long run

    def test_the_ledger_is_written_line_by_line(self, told: tuple[dict[str, Any], Path]) -> None:
        found, out = told
        written = [json.loads(line) for line in (out / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
        assert (
            len(written)
            == found["ledger"]["lines"]
            >= found["ledger"]["checked"]
            == sum("deleted" in line for line in written)
        )
        for line in written:
            assert line["events"]
            assert line["need"] == {"origin": "inferred", "category": line["edges"][0]["target"]}
            assert {"support", "lift"} <= set(line["edges"][0])
            assert {"shopper", "item", "rank", "score"} <= set(line)

    def test_two_runs_agree(self, shop: Shop) -> None:
        runs = [evidence(shop, None, Options(shoppers=3, seed=3)) for _ in range(2)]
        assert {**runs[0], "seconds": 0} == {**runs[1], "seconds": 0}

    def test_the_page_is_made_of_the_results_alone(self, told: tuple[dict[str, Any], Path]) -> None:
        found, out = told
        page = (out / "report.html").read_text(encoding="utf-8")
        assert "proved by deletion" in page
        assert f"{found['ratios']['named / random']['places']['value']:.2f} times" in page
        (out / "report.html").unlink()
        assert rewrite(out).read_text(encoding="utf-8") == page


class TestSummary:
    def test_two_shoppers_who_fall_4_and_2_against_1_and_1_give_3_times(self) -> None:
        def finding(named: float, random: float) -> Finding:
            return Finding({"named": {"places": named, "score": 1.0}, "random": {"places": random, "score": 0.0}})

        found = summarise([[finding(4.0, 1.0)], [finding(2.0, 1.0)]], seed=0)
        assert found["ratios"]["named / random"]["places"] == {"value": 3.0, "low": 2.0, "high": 4.0}
        assert found["falls"]["named"]["places"]["value"] == 3.0
        assert "score" not in found["ratios"]["named / random"]  # nothing fell: there is no ratio

    def test_a_shopper_with_many_lines_counts_once(self) -> None:
        many, one = [Finding({"named": {"places": 0.0}})] * 9, [Finding({"named": {"places": 6.0}})]
        assert summarise([many, one], seed=0)["falls"]["named"]["places"]["value"] == 3.0


class TestCommand:
    def test_it_prints_one_object_and_leaves_three_files(self, tmp_path: Path) -> None:
        args = ["eval", "evidence", "--shop", str(sample_shop()), "--shoppers", "4", "--out", str(tmp_path), "--json"]
        done = CliRunner().invoke(app, args)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        assert {path.name for path in tmp_path.iterdir()} == {"ledger.jsonl", "results.json", "report.html"}

    def test_it_prints_tables_for_people(self, tmp_path: Path) -> None:
        args = ["eval", "evidence", "--data", str(sample_shop()), "--shoppers", "4", "--out", str(tmp_path)]
        done = CliRunner().invoke(app, args)
        assert "Mean falls" in done.stdout
        assert str(tmp_path / "report.html") in done.stdout.replace("\n", "")

    @pytest.mark.parametrize("given", [[], ["--data", "a", "--shop", "b"]])
    def test_it_wants_one_source(self, tmp_path: Path, given: list[str]) -> None:
        assert CliRunner().invoke(app, ["eval", "evidence", *given, "--out", str(tmp_path)]).exit_code == 2

    def test_a_shop_of_short_histories_is_refused(self, shop: Shop) -> None:
        class Young(Shop):
            def history(self, *args: Any, **options: Any) -> History:
                return super().history(*args, **options).select(slice(0, 3))  # type: ignore[arg-type]

        young = Young(shop.folder, shop._generation, shop.manifest, None)
        with pytest.raises(EvaluationError, match="10 events"):
            evidence(young, None, Options(shoppers=2))
