"""One self-contained HTML page from `results.json`: tables, plots, and how to compute every number again."""

from eval.report.write import write

__all__ = ["write"]
