"""Runs and judgments: every form gives back what was written, and a bad file says where and what."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.runs import ordered, read_qrels, read_run, write_qrels, write_run
from retrieval.errors import EvaluationError

IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(
    lambda text: not any("\u2409" <= mark <= "\u2420" for mark in text)
)
RUNS = st.dictionaries(
    IDS,
    st.dictionaries(IDS, st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)
FORMS = ("run.trec", "run.trec.gz", "run.jsonl", "run.jsonl.gz", "run.parquet")


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(run=RUNS)
def test_what_is_written_is_read(form: str, run: dict[str, dict[str, float]], tmp_path: Path) -> None:
    wanted = ordered(run)
    write_run(tmp_path / form, wanted, "mine")
    assert read_run(tmp_path / form) == wanted
    write_qrels(tmp_path / form, run)
    assert read_qrels(tmp_path / form) == run


@pytest.mark.parametrize("form", FORMS)
def test_equal_scores_and_white_space_in_ids_come_back(form: str, tmp_path: Path) -> None:
    run = {"PET FOOD": [("b b", 1.0), ("a\ta", 1.0), ("c", 1.0), ("d\u00a0d", 0.5)]}
    write_run(tmp_path / form, run, "a tag")
    assert read_run(tmp_path / form) == run


def test_trec_lines_are_what_trec_eval_reads(tmp_path: Path) -> None:
    write_run(tmp_path / "r.trec", {"q1": [("a", 2.5), ("b", 1.0)]}, "mine")
    assert (tmp_path / "r.trec").read_text() == "q1 Q0 a 1 2.5 mine\nq1 Q0 b 2 1.0 mine\n"
    write_qrels(tmp_path / "q.qrels", {"q1": {"a": 1.0, "b": 0.1}})
    assert [line.split()[:3] for line in (tmp_path / "q.qrels").read_text().splitlines()] == [
        ["q1", "0", "a"],
        ["q1", "0", "b"],
    ]


@pytest.mark.parametrize("query", ["{", "{}", '{"a":1}', "{q"])
def test_a_query_that_begins_like_json_is_a_query(query: str, tmp_path: Path) -> None:
    write_run(tmp_path / "r.trec", {query: [("a", -1e-9), ("b", -2.0)]}, "mine")
    assert read_run(tmp_path / "r.trec") == {query: [("a", -1e-9), ("b", -2.0)]}
    write_qrels(tmp_path / "q.qrels", {query: {"a": 1.0}})
    assert read_qrels(tmp_path / "q.qrels") == {query: {"a": 1.0}}


def test_whole_gains_are_written_as_whole_numbers_for_other_tools(tmp_path: Path) -> None:
    write_qrels(tmp_path / "q.qrels", {"q1": {"a": 1.0, "b": 0.1}})
    assert (tmp_path / "q.qrels").read_text() == "q1 0 a 1\nq1 0 b 0.1\n"


def test_the_same_run_gzips_to_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.trec.gz", "b.trec.gz"):
        write_run(tmp_path / name, {"q": [("a", 1.0)]}, "t")
    assert (tmp_path / "a.trec.gz").read_bytes() == (tmp_path / "b.trec.gz").read_bytes()


def test_the_score_decides_and_the_rank_breaks_ties(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("q Q0 low 1 0.1 t\nq Q0 second 3 0.9 t\nq Q0 first 2 0.9 t\n")
    assert [item for item, _ in read_run(tmp_path / "r")["q"]] == ["first", "second", "low"]


def test_one_object_a_query_and_other_names_are_read(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"qid": 5, "items": ["b", "a"]}\n\n{"query_id": "6", "items": ["c"], "scores": [0.5]}\n')
    assert read_run(file) == {"5": [("b", 2.0), ("a", 1.0)], "6": [("c", 0.5)]}
    file.write_text('{"shopper": "u", "docid": "b", "relevance": 2}\n')
    assert read_qrels(file) == {"u": {"b": 2.0}}
    (tmp_path / "r.csv").write_text("query_id,doc_id,score\n1,007,0.5\n")
    assert read_run(tmp_path / "r.csv") == {"1": [("007", 0.5)]}
    pl.DataFrame({"query": [1], "item": [7], "gain": [1]}).write_parquet(tmp_path / "q.bin")
    assert read_qrels(tmp_path / "q.bin") == {"1": {"7": 1.0}}


def test_windows_line_ends_and_a_byte_order_mark_are_no_content(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"\xef\xbb\xbfq Q0 a 1 2.0 t\r\nq Q0 b 2 1.0 t\r\n")
    assert read_run(tmp_path / "r") == {"q": [("a", 2.0), ("b", 1.0)]}


GOOD = b"q Q0 a 1 2.0 t\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["empty"]),
        (b" \n\n", ["empty"]),
        (GOOD + b"q Q0 b 2\n", ["line 2", "4 columns instead of 6", "query Q0 item rank score tag"]),
        (GOOD + b"q Q0 b 2 nan t\n", ["line 2", "'nan'", "no finite number"]),
        (GOOD + b"q Q0 b 2 1e999 t\n", ["line 2", "'1e999'", "no finite number"]),
        (GOOD + b"q Q0 b 2 high t\n", ["line 2", "'high'"]),
        (GOOD + b"q Q0 b second 1 t\n", ["line 2", "'second'", "rank"]),
        (GOOD + b"\nq Q0 a 2 1.0 t\n", ["line 3", "'a'", "stands twice"]),
        (GOOD + b"q Q0 \xff 2 1.0 t\n", ["line 2", "UTF-8"]),
        (b"\x7fELF\x00\x01\x02", ["binary"]),
        (GOOD + b"q Q0 \x00 2 1.0 t\n" * 400, ["binary"]),
        (b'{"query": "q", "item": "a", "score": 1}\n{"query": "q"\n', ["line 2", "no JSON"]),
        (b'{"query": "q", "item": "a", "score": NaN}\n', ["line 1", "nan", "no finite number"]),
        (b'{"query": "q", "item": "a", "score": true}\n', ["line 1", "no finite number"]),
        (b'{"query": "q", "item": "a", "score": 1' + b"0" * 400 + b"}\n", ["line 1", "no finite number"]),
        (b'{"query": "q", "score": 1}\n', ["line 1", "no item"]),
        (b'{"item": "q", "score": 1}\n', ["line 1", "no query"]),
        (b'{"query": "q", "items": ["a", "b"], "scores": [1]}\n', ["line 1", "differ in length"]),
        (b'{"query": "q", "items": ["a", "a"]}\n', ["line 1", "'a'", "stands twice"]),
        (b'{"a": ' + b'{"a":' * 100_000, ["line 1", "no JSON"]),
        (gzip.compress(GOOD * 1000, mtime=0)[:40], ["can't be read", "write it again"]),
        (b"PAR1 but not quite", ["can't be read"]),
    ],
)
def test_a_bad_run_says_where_and_what(content: bytes, said: list[str], tmp_path: Path) -> None:
    file = tmp_path / "bad"
    file.write_bytes(content)
    with pytest.raises(EvaluationError) as error:
        read_run(file)
    for word in [str(file), *said]:
        assert word in str(error.value)


def test_a_gzip_that_breaks_off_late_names_the_line_that_it_reached(tmp_path: Path) -> None:
    lines = "".join(f"q{n} Q0 {n * 7919 % 10007} 1 {n} t\n" for n in range(20_000))
    (tmp_path / "r.gz").write_bytes(gzip.compress(lines.encode())[:-2000])
    with pytest.raises(EvaluationError, match=r"r\.gz, line \d{4,}: reading broke off"):
        read_run(tmp_path / "r.gz")


def test_bad_judgments_say_where_and_what(tmp_path: Path) -> None:
    file = tmp_path / "bad"
    for content, said in (
        ("q 0 a 1\nq 0 a 1\n", "line 2, value 'a'"),
        ("q 0 a inf\n", "line 1, value 'inf'"),
        ("q 0 a\n", "query 0 item gain"),
    ):
        file.write_text(content)
        with pytest.raises(EvaluationError, match=said):
            read_qrels(file)
    with pytest.raises(EvaluationError, match="no such file"):
        read_qrels(tmp_path / "nothing")
    with pytest.raises(EvaluationError, match="folder"):
        read_qrels(tmp_path)


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "long"
    with file.open("wb") as sink:
        sink.write(b"q" * (3 << 20))
    with pytest.raises(EvaluationError, match="too long"):
        read_run(file)


def test_too_many_lines_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.files.LINES_LIMIT", 2)
    (tmp_path / "r").write_text("q Q0 a 1 3 t\nq Q0 b 2 2 t\nq Q0 c 3 1 t\n")
    with pytest.raises(EvaluationError, match=r"line 3.*too long.*keep fewer places"):
        read_run(tmp_path / "r")


def test_a_parquet_file_damaged_in_the_middle_or_cut_off_is_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    write_run(file, {f"q{n}": [("a", 1.0)] for n in range(50)})
    whole = file.read_bytes()
    for content in (whole[:-20], whole[:200] + whole[240:], whole[:-30] + b"\xff" * 20 + whole[-10:]):
        file.write_bytes(content)
        with pytest.raises(EvaluationError, match="can't be read"):
            read_run(file)


def test_null_and_nan_in_columns_name_their_row(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    pl.DataFrame({"query": ["q", "q"], "item": ["a", None], "score": [1.0, 2.0]}).write_parquet(file)
    with pytest.raises(EvaluationError, match="line 2"):
        read_run(file)
    pl.DataFrame({"query": ["q", "q"], "item": ["a", "b"], "score": [1.0, float("nan")]}).write_parquet(file)
    with pytest.raises(EvaluationError, match=r"line 2, value 'nan'"):
        read_run(file)


def test_what_can_not_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="stands twice"):
        write_run(tmp_path / "r", {"q": [("a", 1.0), ("a", 0.5)]}, "t")
    with pytest.raises(EvaluationError, match="is nan"):
        write_run(tmp_path / "r", {"q": [("a", float("nan"))]}, "t")
    with pytest.raises(EvaluationError, match=r"\.jsonl"):
        write_run(tmp_path / "r", {"q": [("", 1.0)]}, "t")


def test_rankings_in_memory_may_be_pairs_items_or_a_mapping() -> None:
    assert ordered({"q": ["a", "b"]}) == {"q": [("a", 2.0), ("b", 1.0)]}
    assert ordered({"q": {"a": 1, "b": 3}}) == {"q": [("b", 3.0), ("a", 1.0)]}
    assert ordered({"q": [("a", 1), ("b", 1)]}) == {"q": [("a", 1.0), ("b", 1.0)]}
    with pytest.raises(EvaluationError, match="pairs"):
        ordered({"q": [1, 2]})


def test_written_lines_are_json(tmp_path: Path) -> None:
    write_run(tmp_path / "r.jsonl", {"q": [("ä", 1.5)]})
    assert json.loads((tmp_path / "r.jsonl").read_text()) == {"query": "q", "item": "ä", "rank": 1, "score": 1.5}


def test_a_tsv_with_named_columns_is_read_and_one_with_trecs_columns_as_well(tmp_path: Path) -> None:
    named = tmp_path / "run.tsv"
    named.write_text("query\titem\tscore\nq1\ta b\t1.5\nq1\tc\t2\n", encoding="utf-8")
    assert read_run(named) == {"q1": [("c", 2.0), ("a b", 1.5)]}
    trec = tmp_path / "other.tsv"
    trec.write_text("q1\tQ0\ta\t1\t2.5\tmine\nq1\tQ0\tb\t2\t1.0\tmine\n", encoding="utf-8")
    assert read_run(trec) == {"q1": [("a", 2.5), ("b", 1.0)]}
