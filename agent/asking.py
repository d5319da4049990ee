"""The language model as one turn asks it: with the prompts that serve at that moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.models.base import ChatModel, tasks_of
from agent.planner.change_model import ChangePlanner
from agent.planner.model import ModelPlanner
from agent.planner.rules import RulesPlanner
from agent.planner.together import FOREVER, Together
from agent.prompting import PromptLibrary
from agent.prose import Prose
from agent.understand import PlannerWithModel


@dataclass(frozen=True)
class Asking:
    """Planner and prose of one turn; nothing of either without a model.

    Attributes:
        hashes: of the prompts in use, by task.
        problems: why a promoted prompt isn't in use.
    """

    planner: PlannerWithModel | None = None
    prose: Prose | None = None
    hashes: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def now(
        cls, model: ChatModel | None, prompts: PromptLibrary, rules: RulesPlanner, patience: float = FOREVER
    ) -> Asking:
        """With what the labels mean now; raises `PromptError` only where the shipped prompts are damaged.

        A small model is asked, in brief prompts, what it was made for (its folder says so) and nothing else: what a
        message changes, beside the rules, and to explain one item after the other.
        """
        if model is None:
            return cls()
        vocabulary = rules.vocabulary
        if tasks := tasks_of(model):
            return cls._small(model, tasks, prompts, rules, patience)
        (plan, plan_problem), (explain, explain_problem) = prompts.serving("plan"), prompts.serving("explain")
        return cls(
            ModelPlanner(model, plan, vocabulary),
            Prose(model, explain),
            {"plan": plan.hash, "explain": explain.hash},
            tuple(problem for problem in (plan_problem, explain_problem) if problem),
        )

    @classmethod
    def _small(
        cls, model: ChatModel, tasks: frozenset[str], prompts: PromptLibrary, rules: RulesPlanner, patience: float
    ) -> Asking:
        planner, prose, hashes, problems = None, None, dict[str, str](), list[str]()
        if "change" in tasks:
            prompt, problem = prompts.serving("change")
            planner = Together(rules, ChangePlanner(model, prompt, rules.vocabulary), patience=patience)
            hashes["change"], problems = prompt.hash, [*problems, problem]
        if "explain" in tasks:
            prompt, problem = prompts.serving("explain", "brief")
            prose = Prose(model, prompt)
            hashes["explain"], problems = prompt.hash, [*problems, problem]
        return cls(planner, prose, hashes, tuple(filter(None, problems)))
