"""Reciprocal-rank fusion, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Scored
from retrieval.fuse import entries, fuse
from retrieval.schema import Candidate, ChannelScore
from tests.retrieval.small_world import goods


def scored(*rows: int) -> Scored:
    return Scored(np.array(rows, dtype=np.int32), np.linspace(9, 1, len(rows)).astype(np.float32))


def test_a_row_gets_weight_over_60_plus_rank_from_each_list() -> None:
    fused = fuse({"a": scored(3, 1), "b": scored(1, 2)}, {"a": 1.0, "b": 0.5})
    assert fused.rows.tolist() == [1, 2, 3]
    assert fused.scores.tolist() == pytest.approx([1 / 62 + 0.5 / 61, 0.5 / 62, 1 / 61])


def test_every_channel_keeps_its_score_and_rank_by_name() -> None:
    catalogue = Catalogue(goods())
    found = entries(fuse({"a": scored(3, 1), "b": scored(1, 2)}, {"a": 1.0, "b": 0.5}), catalogue, 2)
    assert [entry.row for entry in found] == [1, 3]
    assert [(said.channel, said.rank, said.score) for said in found[0].channels] == [("a", 2, 1.0), ("b", 1, 9.0)]
    assert [said.channel for said in found[1].channels] == ["a"]
    assert found[0].item == catalogue.ids[1]


def test_values_made_in_bulk_are_as_good_as_validated_ones() -> None:
    found = entries(fuse({"a": scored(3, 1)}, {"a": 1.0}), Catalogue(goods()), 5)
    for entry in found:
        again = Candidate.model_validate_json(entry.model_dump_json())
        assert again == entry
        assert hash(again) == hash(entry)
        assert type(entry.row) is int
        assert type(entry.fused) is float
        with pytest.raises(ValueError, match="frozen"):
            entry.row = 5  # type: ignore[misc]
        changed = entry.model_copy(update={"row": 7})
        assert (changed.row, entry.row) != (entry.row, changed.row)
        assert isinstance(entry.channels[0], ChannelScore)


def test_nothing_proposed_is_nothing_fused() -> None:
    assert entries(fuse({"a": scored(), "b": scored()}, {"a": 1.0}), Catalogue(goods()), 5) == ()
    assert entries(fuse({}, {}), Catalogue(goods()), 5) == ()


def test_equal_scores_come_in_the_order_of_rows() -> None:
    fused = fuse({"a": scored(8), "b": scored(2)}, {"a": 1.0, "b": 1.0})
    assert [entry.row for entry in entries(fused, Catalogue(goods()), 5)] == [2, 8]
