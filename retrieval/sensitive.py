"""Sensitive goods: never inferred from, never a reason, never suggested unasked.

Which goods those are is a list that a shop can edit: `sensitive.toml` in the shop's folder replaces the packaged one
of the same name. The groups of the packaged list follow the special categories of personal data (GDPR, article 9)
and goods that most shops treat alike (alcohol, tobacco, weapons).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from retrieval.catalogue import Catalogue, Mask
from retrieval.errors import ShopError
from retrieval.schema import Frozen
from retrieval.text import terms

FILE = "sensitive.toml"
PACKAGED = Path(__file__).with_name(FILE)


class Group(Frozen):
    """One group of the list; see the head of `retrieval/sensitive.toml` for what each field does."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    categories: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = Field(default=(), alias="except")
    titles: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


_GROUPS: TypeAdapter[dict[str, Group]] = TypeAdapter(dict[str, Group])


def read_groups(path: Path = PACKAGED) -> dict[str, Group]:
    """Read a list of sensitive goods.

    Raises:
        ShopError: the file can't be read or is not of the form; the error names the place in it.
    """
    remedy = f"correct {path} after the packaged {PACKAGED}, or delete it to use that one"
    try:
        return _GROUPS.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ShopError(f"the list of sensitive goods {path} can't be read ({error.strerror})", remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ShopError(f"the list of sensitive goods {path} is wrong at {place}: {first['msg']}", remedy) from error
    except ValueError as error:  # not UTF-8, or not TOML: the message holds line and column
        raise ShopError(f"the list of sensitive goods {path} can't be parsed: {error}", remedy) from error


@dataclass(frozen=True)
class _Pattern:
    """What one phrase of the list matches: kinds of category (see `_kinds`) and rows by title."""

    group: str
    phrase: str
    kinds: frozenset[int]
    rows: NDArray[np.int32]


class Sensitive:
    """The sensitive part of one catalogue.

    Args:
        catalogue: of the shop.
        groups: the list, as `read_groups` gives it.

    Attributes:
        categories: leaf categories, in the catalogue's spelling, that are sensitive as a whole.
        mask: (n,) rows that are sensitive, by their category or by their title.
    """

    def __init__(self, catalogue: Catalogue, groups: dict[str, Group]) -> None:
        self._catalogue = catalogue
        self._words = {name: _normal(group.words) for name, group in groups.items()}
        self._exceptions = {name: _normal(group.exceptions) for name, group in groups.items()}
        self._kind_of_row, kinds = _kinds(catalogue)
        self._patterns = [
            pattern
            for name, group in groups.items()
            for pattern in self._match(name, group, [text for _, text in kinds])
        ]
        self._leaf = [leaf for leaf, _ in kinds]
        hit = frozenset().union(*(pattern.kinds for pattern in self._patterns))
        whole = set(self._leaf) - {leaf for kind, leaf in enumerate(self._leaf) if kind not in hit}
        self.categories: frozenset[str] = frozenset(whole - {""})
        self._own = [(f" {' '.join(_terms(leaf))} ", leaf) for leaf in self.categories]
        self.mask: Mask = self._rows(self._patterns)
        self.mask.flags.writeable = False  # handed out as it is

    @classmethod
    def of(cls, catalogue: Catalogue, folder: Path | None = None) -> Sensitive:
        """By the shop's own list if its `folder` has one, else by the packaged one. Raises `ShopError`."""
        own = None if folder is None else folder / FILE
        return cls(catalogue, read_groups(own if own is not None and own.exists() else PACKAGED))

    def asked(self, text: str) -> frozenset[str]:
        """Sensitive categories that a shopper's own words name, and that may therefore be shown."""
        kinds = frozenset().union(*(pattern.kinds for pattern in self._asked(text)))
        named = f" {' '.join(terms(text))} "
        own = {leaf for name, leaf in self._own if name in named}
        return self.categories & ({self._leaf[kind] for kind in kinds} | own)

    def hidden(self, text: str = "") -> Mask:
        """(n,) rows that must not be shown in answer to `text`: sensitive, and not what these words ask for.

        Wider than `asked`: it also opens items that are sensitive only by their title ("a study bible").
        """
        if not text.strip():  # most needs come without words
            return self.mask
        patterns = self._asked(text)
        named = self.asked(text)
        if not patterns and not named:
            return self.mask
        return self.mask & ~self._rows(patterns) & ~self._catalogue.category.member(named)

    def _asked(self, text: str) -> list[_Pattern]:
        said = f" {' '.join(terms(text))} "
        if not said.strip():
            return []
        whole = {name for name, phrases in self._words.items() if _any_in(phrases, said)}
        spared = {name for name, phrases in self._exceptions.items() if _any_in(phrases, said)}
        return [
            pattern
            for pattern in self._patterns
            if pattern.group in whole or (pattern.group not in spared and f" {pattern.phrase} " in said)
        ]

    def _rows(self, patterns: Iterable[_Pattern]) -> Mask:
        table = np.zeros(len(self._leaf), dtype=np.bool_)
        by_title = np.zeros(len(self._catalogue), dtype=np.bool_)
        for pattern in patterns:
            table[list(pattern.kinds)] = True
            by_title[pattern.rows] = True
        return by_title | table[self._kind_of_row] if len(table) else by_title

    def _match(self, name: str, group: Group, kinds: list[str]) -> Iterable[_Pattern]:
        fair = {kind for kind, text in enumerate(kinds) if not _any_in(self._exceptions[name], text)}
        by_category, by_title = _normal(group.categories), _normal(group.titles)
        for phrase in sorted(by_category | by_title):
            hits = (kind for kind in fair if f" {phrase} " in kinds[kind]) if phrase in by_category else ()
            rows = self._titled(phrase) if phrase in by_title else np.empty(0, dtype=np.int32)
            yield _Pattern(name, phrase, frozenset(hits), rows)

    def _titled(self, phrase: str) -> NDArray[np.int32]:
        """Rows whose title itself holds the phrase; the index only knows that some field of the item does."""
        titles = self._catalogue.titles
        found = self._catalogue.term_index.rows_with(phrase)
        return found[[f" {phrase} " in f" {' '.join(terms(titles[row]))} " for row in found]]


def _terms(name: str) -> list[str]:
    return terms(name.replace("_", " "))


def _normal(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(_terms(phrase)) for phrase in phrases) - {""}


def _any_in(phrases: Iterable[str], padded: str) -> bool:
    return any(f" {phrase} " in padded for phrase in phrases)


def _kinds(catalogue: Catalogue) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
    """Distinct (category, path) pairs: each row's pair, and for each pair its leaf and its padded terms.

    The names of a path are kept apart by a bar, so that no phrase runs from one into the next.
    """
    columns = catalogue.frame.select("category", "category_path")
    distinct = columns.unique(maintain_order=True).with_row_index("kind")
    joined = columns.join(
        distinct, on=["category", "category_path"], how="left", nulls_equal=True, maintain_order="left"
    )
    kinds = [
        (leaf, " | ".join(["", *(" ".join(_terms(name)) for name in (*(path or ()), leaf)), ""]))
        for leaf, path in distinct.select("category", "category_path").iter_rows()
    ]
    return joined["kind"].to_numpy().astype(np.int64), kinds
