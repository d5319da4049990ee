"""Values as publishers write them, read exactly: money, moments, quantities, category paths, stock.

Each function works on a whole column. Text is parsed once per distinct value, since prices and dates repeat a lot.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import polars as pl

PATH = "\x1f"
"""Between the names of a category path in a raw batch, from the root down to the leaf."""

# ISO 4217: currencies whose minor unit is not a hundredth.
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF"), 0
    ),
    **dict.fromkeys(("XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
# Currencies of which a unit is worth enough that a million of them is no price of a shop's item.
_STRONG = frozenset(("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "SGD", "BND", "KWD", "BHD", "OMR", "JOD", "KYD"))
_SYMBOLS = {"$": "USD", "US$": "USD", "£": "GBP", "€": "EUR", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB"}
_NUMBER = re.compile(r"[-+]?[\d.,'\u00a0\u202f ]*\d[\d.,]*(?:[eE][-+]?\d{1,3})?|[-+]?(?:nan|inf(?:inity)?)", re.I)

_FORMS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S", "%d %b %Y", "%b %d, %Y", "%B %d, %Y")
US_FORMS = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%Y", "%m/%d/%y")
"""Month first, as the publisher of Online Retail exports it; no other format reads such dates: 3/4 is ambiguous."""

_STOCK = {
    **dict.fromkeys(("instock", "available", "true", "yes", "y", "limitedavailability", "onlineonly"), "in_stock"),
    **dict.fromkeys(("instoreonly", "presale"), "in_stock"),
    **dict.fromkeys(("outofstock", "unavailable", "soldout", "discontinued", "false", "no", "n"), "out_of_stock"),
    "preorder": "preorder",
    "backorder": "backorder",
}


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: 2 for USD, 0 for JPY, 3 for KWD; 2 where it is unknown."""
    return EXPONENTS.get(currency, 2)


def ceiling(currency: str) -> int:
    """The highest believable price in minor units: a million, or a thousand million where a unit is worth little."""
    return (1_000_000 if currency in _STRONG or not currency else 1_000_000_000) * int(10 ** exponent(currency))


def money(text: str, currency: str) -> tuple[int, str] | None:
    """Read a price in major units exactly.

    "12.99", "$1,299.00", "1.299,00 €" and "12,5" are read; the last of a dot and a comma is the decimal mark, and a
    lone comma before exactly three digits groups thousands. Halves of a minor unit round up.

    Args:
        text: the price as published.
        currency: ISO 4217 code, or "" to take it from a symbol in the text.

    Returns:
        Minor units and currency, or None if this is no price that a shop can ask (negative, not a number, absurd).
    """
    found = _NUMBER.search(text)
    if found is None:
        return None
    rest = (text[: found.start()] + text[found.end() :]).strip()
    if not currency:
        currency = _SYMBOLS.get(rest, rest.upper() if re.fullmatch(r"[A-Za-z]{3}", rest) else "")
    try:
        amount = Decimal(_plain(found.group()))
        if not amount.is_finite() or amount < 0 or amount.adjusted() > 12:
            return None
        minor = int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        return None
    return (minor, currency) if minor <= ceiling(currency) else None


def _plain(number: str) -> str:
    number = re.sub(r"['\u00a0\u202f ]", "", number)
    dot, comma = number.rfind("."), number.rfind(",")
    if comma < 0:
        return number if number.count(".") < 2 else number.replace(".", "")
    grouped = dot > comma or number.count(",") > 1 or (dot < 0 and re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", number))
    return number.replace(",", "") if grouped else number.replace(".", "").replace(",", ".")


def money_column(prices: pl.Series, currencies: pl.Series) -> pl.DataFrame:
    """Read a column of prices.

    Args:
        prices: (n,) text in major units; null means "no price".
        currencies: (n,) ISO 4217 codes, "" where the symbol in the price decides.

    Returns:
        (n, 3) frame: `minor` Int64 (null if missing or impossible), `currency`, `bad` (a price, but an impossible one).
    """
    frame = pl.DataFrame({"price": prices, "code": currencies})
    distinct = frame.drop_nulls("price").unique(maintain_order=True)
    read = [money(price, code) for price, code in distinct.iter_rows()]
    table = distinct.with_columns(
        pl.Series("minor", [r[0] if r else None for r in read], dtype=pl.Int64),
        pl.Series("currency", [r[1] if r else None for r in read], dtype=pl.String),
    )
    joined = frame.join(table, on=["price", "code"], how="left", maintain_order="left")
    return joined.select(
        "minor",
        pl.coalesce("currency", "code").alias("currency"),
        (pl.col("price").is_not_null() & pl.col("minor").is_null()).alias("bad"),
    )


def moment(text: str, forms: tuple[str, ...] = ()) -> datetime | None:
    """Read a time: ISO 8601 (with or without time and zone), epoch seconds to nanoseconds, YYYYMMDD, or given forms.

    Times without a zone are taken as UTC. Day-first and month-first dates are not guessed.
    """
    text = text.strip()
    if re.fullmatch(r"-?\d+(\.\d*)?([eE]\+?\d+)?", text) and not re.fullmatch(r"(19|20)\d{6}|(19|20)\d{12}", text):
        return _epoch(text)
    try:
        return _utc(datetime.fromisoformat(text.removesuffix(" UTC")))
    except ValueError:
        pass
    for form in (*forms, *_FORMS):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _utc(at: datetime) -> datetime | None:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None


def _epoch(text: str) -> datetime | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if number.adjusted() > 20:  # beyond nanoseconds; far beyond, arithmetic overflows
        return None
    for bound, scale in ((11, 0), (14, 3), (17, 6), (20, 9)):
        if 10**8 <= abs(number) < 10**bound:
            try:
                return datetime.fromtimestamp(float(number.scaleb(-scale)), tz=UTC)
            except (ValueError, OverflowError):  # before the year 1
                return None
    return None


def moment_column(texts: pl.Series, forms: tuple[str, ...] = ()) -> pl.Series:
    """Read a column of times (n,) as Datetime("us", "UTC"); null where there is none or it can't be read."""
    dtype = pl.Datetime("us", "UTC")
    quick = texts.to_frame("text").select(_common().alias("at")).to_series()
    rest = texts.filter(quick.is_null()).drop_nulls().unique(maintain_order=True)
    if not rest.len():
        return quick.alias(texts.name)
    read = pl.Series([moment(text, forms) for text in rest], dtype=dtype)
    slow = texts.replace_strict(rest, read, default=None, return_dtype=dtype)
    return pl.select(pl.coalesce(quick, slow)).to_series().alias(texts.name)


def _common() -> pl.Expr:
    """The forms that most feeds use, read without a Python call a value; null for all others."""
    text = pl.col("text")
    bare = text.str.replace(r"(?:Z|[+]00:00)$", "").str.replace("T", " ")
    whole = pl.when(text.str.contains(r"^\d{9,10}(?:\.0*)?$")).then(pl.lit(1_000_000, pl.Int64))
    scale = whole.when(text.str.contains(r"^\d{12,13}$")).then(pl.lit(1_000, pl.Int64))
    epoch = (text.str.extract(r"^(\d+)").cast(pl.Int64, strict=False) * scale).cast(pl.Datetime("us"))
    times = [bare.str.to_datetime(form, strict=False, time_unit="us") for form in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d")]
    dashed = pl.when(bare.str.contains(r"^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?$"))
    return pl.coalesce(epoch, *(dashed.then(time) for time in times)).dt.replace_time_zone("UTC")


def path_of(text: str) -> str:
    """A written category path as raw path: "Home > Pans", "Home|Pans", '["Home", "Pans"]' or just "Pans"."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        quoted = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", text)
        names = [a or b for a, b in quoted] or text[1:-1].split(",")
    else:
        names = re.split(r"\s*>\s*|\s*\|\s*|\s+/\s+|\s+»\s+", text)
    return PATH.join(name for name in (name.strip() for name in names) if name)


def stock_of(text: str) -> str:
    """Stock in schema.org's words: "https://schema.org/InStock", "in stock", "yes" or "12" -> "in_stock"."""
    word = re.sub(r"[\s_-]+", "", text.rsplit("/", 1)[-1]).casefold()
    if re.fullmatch(r"\d+(\.\d+)?", word):
        return "in_stock" if float(word) > 0 else "out_of_stock"
    return _STOCK.get(word, "unknown")
