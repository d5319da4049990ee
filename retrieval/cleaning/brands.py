"""Brands read off the beginnings of titles, for feeds that don't say them: rather too few than wrong ones.

Marketplace titles mostly begin with the brand ("Brita Standard Water Filter ..."). A leading word is taken for one only
where the titles themselves show that it is a name:

- it leads at least `ITEMS` of them, and of all its uses at least `LEADS` are leading ones: words such as "wireless" or
  "organic" stand anywhere. What follows "for", "with" or "compatible" doesn't count: it names other makers' goods;
- it is hardly ever written in lower case (`LOWER`), or nearly always ("adidas");
- it has a letter that is no unit's, and is none of the few words below that describe whom a good is for.

A second word belongs to the name where it nearly always follows the first, over several categories ("Hamilton Beach"),
or hardly ever stands without it and often follows ("Amazon Basics", but "OtterBox Symmetry" is OtterBox's); "&" and
"and" are carried along ("Arm & Hammer"). A third likewise. A pair can be a name although its first word is none ("Under
Armour"), if the second hardly ever stands without it.

Books, films and music begin with their own names, not a maker's: such categories are left out. Where most titles are
all in capitals nothing tells names from words, and none are read.
"""

from __future__ import annotations

import polars as pl

from retrieval.cleaning.spelling import respell

ITEMS = 5
LEADS = 0.6
LOWER = 0.05
FOLLOWS = 0.9
BOUND = 0.7
OFTEN = 0.4
CATEGORIES = 3

_MEDIA = (
    r"(?i)\b(e?books?|novels?|magazines?|newspapers?|audiobooks?|comics?|movies?|films?|videos?|dvds?|blu ray|music|"
    r"cds?|vinyl|records?|songs?|albums?|video games?|posters?|tickets?|calendars?|gift cards?|subscriptions?)\b"
)
_NO_NAMES = [
    *("a", "an", "the", "my", "our", "your", "i", "we", "you", "it", "it's", "i'm", "there's", "here's", "that's"),
    *("women", "womens", "women's", "woman", "men", "mens", "men's", "man", "boy", "boys", "boy's", "boys'", "girl"),
    *("girls", "girl's", "girls'", "kid", "kids", "kids'", "baby", "toddler", "infant", "unisex", "adult", "adults"),
    *("new", "original", "genuine", "premium", "replacement", "compatible", "universal", "upgraded", "pack", "set"),
    *("brand", "for", "with", "by", "in", "of", "to", "all", "no", "one", "two", "first", "best", "happy", "dr", "mr"),
    *("mrs", "ms", "st", "la", "le", "el", "de", "van", "von", "san", "saint", "big", "little", "old", "year", "inch"),
    *("certified", "refurbished", "renewed", "used", "formerly"),
]
_SECOND_TOO = ["baby", "infant"]  # "Hudson Baby"
_JOINERS = ["&", "and", "+"]
_EDGES = "-–—.'*™®!~#“”‘"
_OTHERS = r"(?i)\s(for|with|compatible|fits?|replaces|replacement)\s.*$"
_TOKEN = r"[^\s,;:|()\[\]\"/]+"  # noqa: S105
_NAME = r"^[\d.]*[^\W\d_][^\W_]|^[^\W\d_]\d|[^\W\d_]{4}"


def derive_brands(frame: pl.DataFrame) -> pl.Series:
    """Read brands off titles.

    Args:
        frame: (n,) rows with `title`, `category` (null where unknown) and `brand`; a brand that is there stays.

    Returns:
        (n,) brands, null where titles show none.
    """
    shouted = (frame["title"] == frame["title"].str.to_uppercase()).mean()
    if not frame.height or (isinstance(shouted, float) and shouted > 0.5):
        return frame["brand"]
    titles = _titles(frame)
    words = titles.select("row", pl.col("tokens").alias("raw")).explode("raw", empty_as_null=True)
    words = words.with_columns(_folded("raw").alias("word"))
    uses = words.group_by("word").agg(
        pl.len().alias("uses"), pl.col("raw").str.contains(r"^\p{Ll}").mean().alias("lower")
    )
    one = _ones(titles, uses)
    two = _twos(titles, one, uses, _pair_uses(words, titles))
    names = {"three": _threes(titles, two), "two": two["two"].to_list(), "one": one.filter("name")["word"].to_list()}
    chosen = [pl.when(pl.col(column).is_in(names[column])).then(pl.col(f"written_{column}")) for column in names]
    found = titles.select("row", pl.coalesce(*chosen).alias("found")).drop_nulls("found")
    found = found.with_columns(respell(found["found"]))
    rows = frame.with_row_index("row").join(found, on="row", how="left", maintain_order="left")
    return rows.select(pl.coalesce("brand", "found").alias("brand")).to_series()


def _folded(column: str) -> pl.Expr:
    return pl.col(column).str.replace_all("’", "'").str.strip_chars(_EDGES).str.to_lowercase()


def _titles(frame: pl.DataFrame) -> pl.DataFrame:
    """Titles without a brand, outside the media, as `tokens`, with the phrases of one to three words that lead them.

    Phrases are folded in `one`, `two` and `three`, as written in `written_one` and so on, and null where there are too
    few words; `b` and `c` are the second and third word as written, with a joiner before it.
    """
    shelf = pl.col("category").fill_null("").str.replace_all("_", " ")
    titles = frame.with_row_index("row").filter(pl.col("brand").is_null() & ~shelf.str.contains(_MEDIA))
    tokens = pl.col("title").str.replace(_OTHERS, "").str.extract_all(_TOKEN)
    tokens = tokens.list.filter(pl.element().str.strip_chars(_EDGES) != "")
    titles = titles.select("row", "category", tokens.alias("tokens")).filter(pl.col("tokens").list.len() > 0)
    token = [pl.col("tokens").list.get(i, null_on_oob=True) for i in range(4)]
    joined = [token[i].str.to_lowercase().is_in(_JOINERS) for i in range(4)]
    second = pl.when(joined[1]).then(token[1] + " " + token[2]).otherwise(token[1])
    after = pl.when(joined[2]).then(token[2] + " " + token[3]).otherwise(token[2])
    third = pl.when(joined[1]).then(pl.when(~joined[3]).then(token[3])).otherwise(after)
    titles = titles.with_columns(token[0].alias("a"), second.alias("b"), third.alias("c"))
    titles = titles.with_columns(
        pl.col("a").alias("written_one"),
        pl.concat_str("a", "b", separator=" ").alias("written_two"),
        pl.concat_str("a", "b", "c", separator=" ").alias("written_three"),
        *(_folded(name).alias(f"{name}_word") for name in ("a", "b", "c")),
    )
    return titles.with_columns(
        pl.col("a_word").alias("one"),
        pl.concat_str("a_word", "b_word", separator=" ").alias("two"),
        pl.concat_str("a_word", "b_word", "c_word", separator=" ").alias("three"),
        *(pl.col(f"written_{name}").str.strip_chars(_EDGES) for name in ("one", "two", "three")),
    )


def _pair_uses(words: pl.DataFrame, titles: pl.DataFrame) -> pl.DataFrame:
    """How often each leading pair of words stands anywhere in the titles."""
    follows = pl.when(pl.col("row") == pl.col("row").shift(-1)).then(pl.col("word").shift(-1))
    pairs = words.select((pl.col("word") + " " + follows).alias("two")).drop_nulls()
    return pairs.join(titles.select("two").unique(), on="two", how="semi").group_by("two").agg(pl.len().alias("pairs"))


def _ones(titles: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    """Leading words: how many titles they lead (`n`), and whether they are names (`name`)."""
    one = titles.group_by(pl.col("one").alias("word")).agg(pl.len().alias("n"))
    one = one.filter(pl.col("n") >= ITEMS).join(uses, on="word")
    share, lower = pl.col("n") / pl.col("uses"), pl.col("lower")
    cased = ((share >= LEADS) & (lower <= LOWER)) | ((share >= 0.9) & (lower >= 0.9))
    said = ~pl.col("word").is_in(_NO_NAMES) & pl.col("word").str.contains(_NAME)
    return one.with_columns((cased & said).alias("name"))


def _twos(titles: pl.DataFrame, one: pl.DataFrame, uses: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Leading pairs that are names: `two`, and how many titles they lead (`n_two`)."""
    two = titles.drop_nulls("two").group_by("two").agg(_first("one"), _first("b_word"), *_phrase("b", "n_two"))
    refused = pl.col("b_word").is_in([word for word in _NO_NAMES if word not in _SECOND_TOO])
    proper = (pl.col("n_two") >= ITEMS) & (pl.col("lower") <= LOWER) & pl.col("b_word").str.contains(r"[^\W\d_]{2}")
    two = two.filter(proper & ~refused)
    two = two.join(one.select(pl.col("word").alias("one"), "n", "name"), on="one").join(pairs, on="two", how="left")
    two = two.join(uses.select(pl.col("word").alias("b_word"), pl.col("uses").alias("uses_b")), on="b_word", how="left")
    spread = pl.col("spread") >= CATEGORIES
    bound = (pl.col("pairs") / pl.col("uses_b") >= BOUND).fill_null(value=False)
    joined = pl.col("b_word").str.contains(r"^(&|and|\+) ")
    part = pl.col("n_two") / pl.col("n")
    possessive = pl.col("one").str.ends_with("'s")
    longer = (bound & ((part >= OFTEN) | possessive)) | ((part >= FOLLOWS) & spread) | (joined & (part >= 0.5))
    leading = (pl.col("n_two") / pl.col("pairs") >= LEADS).fill_null(value=False)
    alone = ((bound & leading) | joined) & spread & (pl.col("n_two") >= 2 * ITEMS)
    return two.filter(pl.when("name").then(longer).otherwise(alone)).select("two", "n_two")


def _threes(titles: pl.DataFrame, two: pl.DataFrame) -> list[str]:
    """Leading triples that are names."""
    three = titles.drop_nulls("three").join(two, on="two").group_by("three")
    counted = three.agg(_first("n_two"), _first("c_word"), *_phrase("c", "n"))
    always = (pl.col("n") >= ITEMS) & (pl.col("n") / pl.col("n_two") >= FOLLOWS) & (pl.col("spread") >= CATEGORIES)
    proper = (pl.col("lower") <= LOWER) & ~pl.col("c_word").is_in(_NO_NAMES)
    return counted.filter(always & proper)["three"].to_list()


def _first(column: str) -> pl.Expr:
    return pl.col(column).first()


def _phrase(last: str, count: str) -> tuple[pl.Expr, ...]:
    """Of a leading phrase: how many titles, how many categories, how often its last word is in lower case."""
    lower = pl.col(last).str.contains(r"^(?:and )?\p{Ll}").mean().alias("lower")
    return pl.len().alias(count), pl.col("category").n_unique().alias("spread"), lower
