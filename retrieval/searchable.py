"""What searching needs of a shop, so that any object with these parts can be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Mask
from retrieval.channels.base import Channel


class SensitiveGoods(Protocol):
    """What search needs to know of sensitive goods."""

    @property
    def mask(self) -> Mask:
        """(n,) sensitive rows."""
        ...

    def hidden(self, text: str = "") -> Mask:
        """(n,) rows that must not be shown in answer to a text."""
        ...


class Encodes(Protocol):
    """What search needs of an encoder."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit norm."""
        ...


class Searchable(Protocol):
    """What search needs of a shop."""

    @property
    def catalogue(self) -> Catalogue:
        """All items."""
        ...

    @property
    def encoder(self) -> Encodes:
        """The encoder that the items were encoded with."""
        ...

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Channels by name."""
        ...

    @property
    def sensitive(self) -> SensitiveGoods:
        """The sensitive part of the catalogue."""
        ...
