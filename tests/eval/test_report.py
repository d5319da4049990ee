from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.report import write
from eval.report.reading import Reading, number
from eval.report.svg import Scale, shorten
from eval.report.write import rewrite
from eval.results import Results, Slice, summarise
from retrieval.errors import EvaluationError
from ui.cli import app

HOSTILE = "mine.py:<script>alert(1)</script> vs \"x\" & 'y' ]]> <img src=http://evil.example/x>"
SYSTEMS = ("crossaisle", "ease", "popular", "repeat", HOSTILE)
VOID = {"meta", "br", "img", "hr", "link", "input"}


def results(systems: tuple[str, ...] = SYSTEMS) -> Results:
    rng = np.random.default_rng(0)
    values = {
        name: {metric: rng.beta(1 + place, 4, 60) for metric in ("NDCG@10", "Recall@10", "NDCG@10/novel")}
        for place, name in enumerate(reversed(systems))
    }
    values = {name: values[name] for name in systems}
    seconds = {
        name: {"fit": 1.5 + place, "median_ms": 0.8 * 3**place, "p95_ms": 9.0} for place, name in enumerate(systems)
    }
    small = {name: {"NDCG@10": told["NDCG@10"][:9]} for name, told in values.items()}
    gap = {"best": "<65+>", "worst": "19-24", "value": 0.0312, "low": 0.01, "high": 0.05, "chance": 0.0225, "p": 0.04}
    beyond = {name: {"coverage": rng.random(9), "gini": rng.random(9)} for name in systems}
    return Results.of(
        "next-category",
        values,
        seconds,
        ["ease", HOSTILE],
        slices=(Slice("household_size", "<2>", 9, summarise(small)),),
        beyond=summarise(beyond),
        notes=("3 queries <b>couldn't</b> be scored",),
        extra={
            "data": "goods & <i>more</i>",
            "split": "test",
            "seed": 7,
            "versions": {"numpy": "2.3"},
            "fairness": {"age": {HOSTILE: {"NDCG@10": gap}}},
            "files": {
                "runs": {"all": {"crossaisle": "runs/all/cross aisle.trec"}},
                "qrels": {"all": "qrels/all.qrels"},
            },
        },
    )


class Reader(HTMLParser):
    """Reads a page strictly: every tag must be closed in its turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("page") / "report.html", results()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_tells_every_system_and_every_number(page: Reader) -> None:
    text = " ".join(page.text)
    told = results().to_json()
    for system, metrics in told["systems"].items():
        assert system in text
        for score in metrics.values():
            assert number(score["value"]) in text
            assert f"{number(score['low'])} to {number(score['high'])}" in text
    for system, figures in told["beyond"].items():
        assert all(number(one["value"]) in text for one in figures.values()), system
    for difference in told["paired"]["crossaisle vs ease"].values():
        assert f"{difference['difference']:+.4f}" in text
    for fact in (
        "next-category",
        "60",
        "goods & <i>more</i>",
        "test",
        "numpy: 2.3",
        "3 queries <b>couldn't</b>",
        "<65+>",
        "0.0312",
        "0.0225",
    ):
        assert fact in text


def test_every_plot_is_a_drawing_of_its_own_with_title_and_description(html: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(drawings) >= 3 + 3 + 1 + 1 + 2  # quality, paired, slices, latency, beyond
    ids = []
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        titled, described = root.attrib["aria-labelledby"].split()
        assert [root[0].tag, root[0].attrib["id"], root[1].tag, root[1].attrib["id"]] == [
            "title",
            titled,
            "desc",
            described,
        ]
        assert root[0].text
        assert root[1].text
        ids += [titled, described]
    assert len(set(ids)) == len(ids)


def test_hostile_names_stay_text(html: str, page: Reader) -> None:
    assert not [tag for tag, _ in page.tags if tag in {"script", "img", "link", "iframe", "object", "i"}]
    assert HOSTILE in " ".join(page.text)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_nothing_is_fetched_from_anywhere(page: Reader, html: str) -> None:
    for _, attributes in page.tags:
        assert not {"src", "href", "srcset", "action", "xlink:href"} & set(attributes)
    style = re.search(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_page_adapts_to_dark_print_and_phones(html: str) -> None:
    for needed in ("prefers-color-scheme: dark", "@media print", 'name="viewport"', '<html lang="en">'):
        assert needed in html


def test_tables_have_heads(page: Reader) -> None:
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead")
    assert {attributes.get("scope") for tag, attributes in page.tags if tag == "th"} == {"col", "row"}


def test_the_commands_to_compute_it_again_are_shown(page: Reader) -> None:
    text = "".join(page.text)
    assert "crossaisle eval score 'runs/all/cross aisle.trec' qrels/all.qrels" in text
    assert "crossaisle eval report ." in text


def test_a_tie_with_a_trivial_recommender_is_no_result(tmp_path: Path) -> None:
    flat = {name: {"NDCG@10": np.array([0.5, 0.25])} for name in ("crossaisle", "popular")}
    told = write(tmp_path, Results.of("next-item", flat)).read_text(encoding="utf-8")
    assert "this is no result" in told
    flat["popular"] = {"NDCG@10": np.array([0.4, 0.25])}
    assert "this is no result" not in write(tmp_path, Results.of("next-item", flat)).read_text(encoding="utf-8")


def test_every_view_has_its_own_verdict(page: Reader) -> None:
    text = "".join(page.text)
    assert text.count("Best of the others:") == 2
    assert "NDCG@10, novel" in text


def test_pairs_are_turned_to_ours_minus_theirs() -> None:
    told = {"difference": -0.2, "low": -0.3, "high": -0.1, "p": 0.01}
    raw = {"systems": {"crossaisle": {"MRR": {"value": 0.5}}}, "paired": {"ease vs crossaisle": {"MRR": told}}}
    difference = Reading.of(raw).paired[""]["MRR"]["ease"]
    assert (difference.value, difference.low, difference.high) == (0.2, 0.1, 0.3)


def test_a_run_with_nothing_but_systems_still_makes_a_page(tmp_path: Path) -> None:
    raw = {"protocol": "score", "n": 1, "systems": {"run": {"MRR": {"value": 0.0, "low": 0.0, "high": 0.0}}}}
    reader = Reader()
    reader.feed(write(tmp_path / "deep" / "page.html", raw).read_text(encoding="utf-8"))
    assert "Paired differences" not in reader.text


def test_the_same_results_make_the_same_page_again(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(results().to_json()), encoding="utf-8")
    first = write(tmp_path, results()).read_bytes()
    (tmp_path / "report.html").unlink()
    assert rewrite(tmp_path).read_bytes() == first


def test_the_command_writes_the_page_again(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(results().to_json()), encoding="utf-8")
    done = CliRunner().invoke(app, ["eval", "report", str(tmp_path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"report": str(tmp_path / "report.html")}
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"n": 1}'])
def test_a_folder_without_results_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"results\.json"):
        rewrite(tmp_path)


def test_scales_hold_all_their_ticks() -> None:
    for values in ([0.1, 0.4], [-0.02, 0.3], [5.0, 5.0], [0.0], [1e-6, 2e-6], [0.0, 250.0]):
        scale = Scale.of(values, 10.0, 110.0)
        assert scale.ticks()
        assert all(10.0 <= scale.at(tick) <= 110.0 for tick in scale.ticks())
        assert len(scale.ticks()) <= 6
    log = Scale.logarithmic([0.02, 900.0], 0.0, 100.0)
    assert log.ticks() == sorted(log.ticks())
    assert log.at(0.02) < log.at(1.0) < log.at(900.0)


def test_long_names_keep_both_ends() -> None:
    assert shorten("short", 100) == "short"
    cut = shorten("path/to/a/very/long/file.py:Newest", 120)
    assert cut.startswith("path/to")
    assert cut.endswith("west")
    assert len(cut) < 20
