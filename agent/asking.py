"""The language model as one turn asks it: with the prompts that serve at that moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.models.base import ChatModel
from agent.planner.model import ModelPlanner
from agent.planner.vocabulary import Vocabulary
from agent.prompting import PromptLibrary
from agent.prose import Prose


@dataclass(frozen=True)
class Asking:
    """Planner and prose of one turn; nothing of either without a model.

    Attributes:
        hashes: of the prompts in use, by task.
        problems: why a promoted prompt isn't in use.
    """

    planner: ModelPlanner | None = None
    prose: Prose | None = None
    hashes: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def now(cls, model: ChatModel | None, prompts: PromptLibrary, vocabulary: Vocabulary) -> Asking:
        """With what the labels mean now; raises `PromptError` only where the shipped prompts are damaged."""
        if model is None:
            return cls()
        (plan, plan_problem), (explain, explain_problem) = prompts.serving("plan"), prompts.serving("explain")
        return cls(
            ModelPlanner(model, plan, vocabulary),
            Prose(model, explain),
            {"plan": plan.hash, "explain": explain.hash},
            tuple(problem for problem in (plan_problem, explain_problem) if problem),
        )
