"""Finds every sentence that a package says to people, by reading its source."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def sentences(package: str) -> dict[str, str]:
    """All literal first arguments of `say(...)` and `marked(...)` in a package, each with where it stands.

    The command line speaks English alone.
    """
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        if "commands" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            first = node.args[0] if node.args else None
            if node.func.id in {"say", "marked"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.setdefault(first.value, f"{path.relative_to(ROOT)}:{node.lineno}")
    return found
