"""The compact model: made and trained from this repository alone, small enough to be shipped with it."""
