"""What the tests of readers and cleaning share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from retrieval.clean import Cleaned, clean_feed
from retrieval.feeds import open_feed

NOW = datetime(2025, 1, 1, tzinfo=UTC)
OPEN_ECOMMERCE_HEADER = (
    "Order Date,Purchase Price Per Unit,Quantity,Shipping Address State,Title,ASIN/ISBN (Product Code),Category,"
    "Survey ResponseID\n"
)


class Result:
    """A cleaned feed, read back."""

    def __init__(self, cleaned: Cleaned) -> None:
        self.counts = cleaned.counts
        self.items = {row["item"]: row for row in pl.read_parquet(cleaned.catalogue).to_dicts()}
        self.events: list[dict[str, Any]] = pl.read_parquet(cleaned.events).to_dicts()
        self.rejects = [json.loads(line) for line in cleaned.rejects.read_text("utf-8").splitlines()]
        kept, dropped = self.counts["kept"], self.counts["dropped"]
        assert self.counts["rows"] == sum(kept.values()) + sum(dropped.values())
        assert len(self.rejects) == sum(dropped.values())
        assert len(self.events) == kept["events"] == self.counts["result"]["events"]
        assert all(event["item"] in self.items for event in self.events)

    @property
    def reasons(self) -> dict[int, str]:
        """Why each dropped line went."""
        return {reject["line"]: reject["reason"] for reject in self.rejects}


def clean(path: Path, work: Path, form: str | None = None) -> Result:
    """Detect or name the format, clean, and read the results back."""
    work.mkdir(exist_ok=True)
    return Result(clean_feed(open_feed(path, form), work, NOW))


def events_csv(
    folder: Path, rows: str, header: str = "shopper,item,at,kind,price,currency,quantity,order,title"
) -> Path:
    """An events file in the generic form."""
    path = folder / "events.csv"
    path.write_text(f"{header}\n{rows}", "utf-8")
    return path
