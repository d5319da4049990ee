"""What every channel promises; each channel's tests inherit these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrieval.catalogue import Catalogue
from retrieval.channels.base import Channel, LearntChannel, Query, Scored
from retrieval.errors import ShopError
from retrieval.history import EVENT_SCHEMA, History
from retrieval.schema import Need
from tests.retrieval.small_world import NOW, World, goods

NEEDS = (
    Need(),
    Need(text="trail shoe"),
    Need(text="qwxzy unheard"),
    Need(text="tea 茶 🙂 ' OR 1=1 --", wanted=("green",)),
    Need(targets=("TEA", "NO_SUCH_AISLE"), origin="inferred"),
    Need(origin="repeat"),
)


def same(one: Scored, other: Scored) -> bool:
    return np.array_equal(one.rows, other.rows) and np.array_equal(one.scores, other.scores)


class ChannelContract:
    """Inherit and say how the channel is made; `speaks` is a query that it must answer."""

    @classmethod
    def make(cls, world: World) -> Channel:
        raise NotImplementedError

    def speaks(self, world: World) -> Query:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls) -> World:
        return World.make()

    @pytest.fixture(scope="class")
    @classmethod
    def channel(cls, world: World) -> Channel:
        return cls.make(world)

    def queries(self, world: World) -> list[Query]:
        chance = np.random.default_rng(5)
        n = len(world.catalogue)
        masks = [None, np.zeros(n, bool), np.ones(n, bool), chance.random(n) < 0.5, chance.random(n) < 0.05]
        histories = [History.empty(NOW), world.of("hiker03"), world.of("cook07"), world.of("rover01")]
        histories.append(world.did(("trail_shoes-00", "dismiss", 1), ("tea-01", "return", 2)))
        return [
            Query(need, history, mask, world.encoder.encode([need.text])[0] if need.text else None)
            for need in NEEDS
            for history in histories
            for mask in masks
        ]

    def test_it_has_something_to_say(self, world: World, channel: Channel) -> None:
        found = channel.candidates(self.speaks(world), 10)
        assert len(found.rows) > 0
        assert channel.evidence(self.speaks(world), int(found.rows[0]))

    def test_rows_are_distinct_allowed_best_first_and_at_most_k(self, world: World, channel: Channel) -> None:
        for query in self.queries(world):
            for k in (1, 7, 500):
                found = channel.candidates(query, k)
                assert found.rows.dtype == np.int32
                assert found.scores.dtype == np.float32
                assert len(found.rows) == len(found.scores) <= k
                assert len(set(found.rows.tolist())) == len(found.rows)
                assert (np.diff(found.scores) <= 0).all()
                assert np.isfinite(found.scores).all()
                if query.allowed is not None:
                    assert query.allowed[found.rows].all()

    def test_the_same_question_gets_the_same_answer_however_often_it_is_fitted(self, world: World) -> None:
        one, other = self.make(world), self.make(world)
        for query in self.queries(world)[::3]:
            assert same(one.candidates(query, 20), one.candidates(query, 20))
            assert same(one.candidates(query, 20), other.candidates(query, 20))

    def test_evidence_never_fails_and_names_its_channel(self, world: World, channel: Channel) -> None:
        for query in self.queries(world)[::2]:
            for row in channel.candidates(query, 5).rows:
                for evidence in channel.evidence(query, int(row)):
                    assert evidence.channel == channel.name
                    held = set(query.history.rows.tolist())
                    assert all(world.catalogue.row(event.item) in held for event in evidence.events)
            channel.evidence(query, 0)

    def test_many_threads_get_what_one_gets(self, world: World, channel: Channel) -> None:
        queries = self.queries(world)[::4]
        alone = [channel.candidates(query, 20) for query in queries]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda query: channel.candidates(query, 20), queries * 4))
        assert all(same(alone[i % len(queries)], found) for i, found in enumerate(together))


class LearntContract(ChannelContract):
    """For channels that learn from events and are saved."""

    kind: type[LearntChannel]

    @classmethod
    def make(cls, world: World) -> LearntChannel:
        return cls.kind.fit(world.events, world.catalogue)

    def test_no_events_and_no_items_are_no_error(self, world: World, tmp_path: Path) -> None:
        none = pl.DataFrame(schema=EVENT_SCHEMA)
        for catalogue in (world.catalogue, Catalogue(goods().clear())):
            channel = self.kind.fit(none, catalogue)
            folder = tmp_path / str(len(catalogue))
            folder.mkdir()
            channel.save(folder)
            back = self.kind.load(folder, catalogue)
            for need in NEEDS:
                query = Query(need, History.empty(NOW))
                assert same(back.candidates(query, 5), channel.candidates(query, 5))

    def test_events_on_unknown_items_are_left_out(self, world: World) -> None:
        stray = world.events.with_columns(item=pl.lit("gone:") + pl.col("item"))
        channel = self.kind.fit(pl.concat([world.events, stray]), world.catalogue)
        assert same(channel.candidates(self.speaks(world), 20), self.make(world).candidates(self.speaks(world), 20))

    def test_saved_and_loaded_it_answers_the_same(self, world: World, channel: LearntChannel, tmp_path: Path) -> None:
        channel.save(tmp_path)
        back = self.kind.load(tmp_path, world.catalogue)
        for query in self.queries(world):
            found = channel.candidates(query, 15)
            assert same(found, back.candidates(query, 15))
            assert [channel.evidence(query, int(r)) for r in found.rows[:2]] == [
                back.evidence(query, int(r)) for r in found.rows[:2]
            ]

    def test_saving_twice_writes_the_same_bytes(self, world: World, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            self.make(world).save(tmp_path / name)
        for path in (tmp_path / "a").iterdir():
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()

    def test_signals_of_another_catalogue_or_none_are_refused(self, world: World, tmp_path: Path) -> None:
        with pytest.raises(ShopError, match="ingest"):
            self.kind.load(tmp_path, world.catalogue)
        self.make(world).save(tmp_path)
        other = Catalogue(goods().head(50))
        with pytest.raises(ShopError, match="another catalogue"):
            self.kind.load(tmp_path, other)
        (tmp_path / "channel.json").write_text("{}")
        with pytest.raises(ShopError, match="can't be read"):
            self.kind.load(tmp_path, world.catalogue)

    def test_an_unknown_or_senseless_setting_is_refused(self) -> None:
        import inspect
        import typing

        hint = typing.get_type_hints(self.kind.fit)["config"]
        config = next(kind for kind in typing.get_args(hint) if kind is not type(None))
        with pytest.raises(ValueError, match="extra"):
            config(no_such_setting=1)
        first = next(iter(config.model_fields))
        with pytest.raises(ValueError, match=first):
            config(**{first: -1})
        assert "config" in inspect.signature(self.kind.fit).parameters
