"""The house stands: floors import downwards only, the top level is as agreed, no arrow runs in a circle."""

from __future__ import annotations

import ast
import graphlib
import subprocess

import pytest

from tests.conftest import ROOT

MAY_IMPORT = {
    "retrieval": set(),
    "agent": {"retrieval"},
    "eval": {"agent", "retrieval"},
    "finetune": {"agent", "retrieval"},
    "ui": {"agent", "retrieval", "eval", "finetune"},
}
TOP_LEVEL = {
    *MAY_IMPORT,
    "tests",
    "pyproject.toml",
    "README.md",
    "Makefile",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
}


def imported(source: str) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module}
    return found


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_imports_point_down(floor: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / floor).rglob("*.py"))
        for module in imported(path.read_text(encoding="utf-8"))
        if (top := module.split(".")[0]) in MAY_IMPORT and top != floor and top not in MAY_IMPORT[floor]
    }
    assert not wrong


def test_an_arrow_that_points_up_would_be_seen() -> None:
    assert imported("def f():\n    from ui.cli import main") == {"ui.cli"}


def named(tree: ast.Module) -> set[str]:
    """Modules that a file names in its top-level imports; `from package import module` names the module."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def test_no_import_runs_in_a_circle() -> None:
    graph = {}
    for floor in MAY_IMPORT:
        for path in (ROOT / floor).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            graph[name] = named(ast.parse(path.read_text(encoding="utf-8")))
    for name, modules in graph.items():
        inner = {module for module in modules if module in graph}
        packages = {module for module in inner if any(other.startswith(f"{module}.") for other in inner)}
        graph[name] = inner - packages - {name}
    graphlib.TopologicalSorter(graph).prepare()


def test_top_level_is_as_agreed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = {line.split("/")[0] for line in tracked.splitlines()}
    if not names:
        pytest.skip("not a git checkout")
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL
