"""x"""
from __future__ import annotations
import polars as pl
def derive_brands(frame: pl.DataFrame) -> pl.Series:
    return frame["brand"]
