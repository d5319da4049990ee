"""What the lab's tests share: a model that plans as its prompt says, sessions made by hand, small grids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent.memory import Memory
from agent.models.scripted import Asked, ScriptedModel
from agent.prompting import PROMPTS
from eval.lab.grid import Grid, checked
from eval.lab.run import Opened
from retrieval.shop import Shop

AT = "2026-10-01T10:00:00Z"


def prompt_file(folder: Path, name: str, words: str, task: str = "plan") -> Path:
    """The shipped prompt with words before everything else, as a file."""
    text = (PROMPTS / f"{task}.md").read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if line.startswith("name: "))
    path = folder / f"{name}.md"
    path.write_text(text.replace(first, f"name: {name}").replace("# system\n", f"# system\n{words} ", 1), "utf-8")
    return path


def obedient(asked: Asked) -> str:
    """Plans what the shopper says; under a prompt that begins with CLARIFY asks back; explains with one false word."""
    if asked.call == "stream":
        return "It costs just €0.01 today."
    if asked.messages[0].content.startswith("CLARIFY"):
        return json.dumps({"act": "clarify", "query": "", "ask": "budget"})
    said = asked.messages[1].content.rstrip().splitlines()[-1].removeprefix("> ")
    return json.dumps({"act": "recommend", "query": " ".join(said.split()[:6])})


def write_sessions(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def session(key: str, *words: str, took: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    turns = [{"text": text, "act": "recommend"} for text in words]
    return {"key": key, "at": AT, "turns": turns, "took": dict.fromkeys(took, 1.0), **more}


def grid(shop: Path, sessions: Path, **more: Any) -> Grid:
    given = {"shop": str(shop), "sessions": {"files": [str(sessions)]}, **more}
    return checked(given, "a test")


def opened(shop: Shop, memory: Memory, model: ScriptedModel | None = None) -> Opened:
    return Opened(shop, memory, lambda spec, adapter: model)
