"""Progress: on stderr only, one line a stage where there is no terminal."""

from __future__ import annotations

import retrieval.progress
from retrieval.progress import bars, silent


def test_without_a_terminal_each_finished_stage_is_told_once(capsys):
    with bars() as tell:
        tell("reading rows", 10, None)
        for done in (1, 2, 3, 3):
            tell("encoding items", done, 3)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "encoding items: 3\n"


def test_without_a_terminal_a_long_stage_is_told_now_and_then(capsys, monkeypatch):
    clock = iter(range(0, 100, 6))  # seconds
    monkeypatch.setattr(retrieval.progress, "monotonic", lambda: float(next(clock)))
    with bars() as tell:
        for done in range(5):
            tell("replaying turns", done, 90)
    assert capsys.readouterr().err == "replaying turns: 2 of 90\n"


def test_silence(capsys):
    silent("encoding items", 1, 1)
    assert capsys.readouterr() == ("", "")
