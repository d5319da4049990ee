"""What all tests share: where the real data lies, and small frames made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; tests that need it skip where a checkout has none beside it."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}")
    return DATA
