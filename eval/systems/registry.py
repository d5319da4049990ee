"""Every system that comes with the project, by name, loaded when it is asked for."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

from eval.systems.base import System
from retrieval.errors import EvaluationError

SYSTEMS: dict[str, str] = {  # name -> "module:Class"
    "crossaisle": "eval.systems.crossaisle:CrossAisle",
    "crossaisle_compact": "eval.systems.crossaisle_words:CompactWords",
    "crossaisle_list": "eval.systems.crossaisle_items:Listed",
    "crossaisle_static": "eval.systems.crossaisle_words:StaticWords",
    "crossaisle_words_alone": "eval.systems.crossaisle_words:WordsAlone",
    "random": "eval.systems.chance:Chance",
    "popular": "eval.systems.popular:Popular",
    "repeat": "eval.systems.repeat:Repeat",
    "repeat_decayed": "eval.systems.repeat:RepeatDecayed",
    "item_knn": "eval.systems.item_knn:ItemKNN",
    "ease": "eval.systems.ease:Ease",
    "ials": "eval.systems.ials:IALS",
    "sasrec": "eval.systems.sasrec:SASRec",
    "lightgcn": "eval.systems.lightgcn:LightGCN",
    "bm25": "eval.systems.bm25:BM25",
    "dense": "eval.systems.dense:Dense",
    "minilm": "eval.systems.dense:MiniLM",
    "fusion": "eval.systems.fusion:Fusion",
    "fusion_minilm": "eval.systems.fusion:FusionMiniLM",
    "echo": "eval.systems.echo:Echo",
}


def make(name: str) -> System:
    """A fresh system by its name, by `path/to/file.py:Class`, or a model's by `llm:BASE` or `llm:BASE@ADAPTER`.

    Raises:
        EvaluationError: there is no such system, file, class or folder.
    """
    if name.startswith("llm:"):
        from eval.systems.llm import WithModel

        return WithModel.named(name)
    if ".py:" in name:
        path, _, attribute = name.rpartition(":")
        return _made(_module_at(path), attribute, path)
    if name not in SYSTEMS:
        near = difflib.get_close_matches(name, SYSTEMS, n=1)
        meant = f"perhaps {near[0]} is meant; " if near else ""
        remedy = f"{meant}choose from {', '.join(SYSTEMS)}, or name path/to/file.py:Class or llm:MODEL"
        raise EvaluationError(f"there is no system {name!r}", remedy)
    module, _, attribute = SYSTEMS[name].partition(":")
    return _made(importlib.import_module(module), attribute, module)


def label_of(name: str) -> str:
    """What a system is called in tables and file names: a class by its name, a model by its folders' names."""
    if name.startswith("llm:"):
        name = "llm-" + "-".join(Path(part).name for part in name.removeprefix("llm:").split("@"))
    elif ".py:" in name:
        name = name.rpartition(":")[2]
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def _module_at(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path) if Path(path).is_file() else None
    if spec is None or spec.loader is None:
        raise EvaluationError(f"there is no file {path!r}", "name it as path/to/file.py:Class")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _made(module: ModuleType, attribute: str, place: str) -> System:
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, System)):
        raise EvaluationError(
            f"{place} holds no system {attribute!r}", "name a class made from eval.systems.base.System"
        )
    made: System = found()
    return made
