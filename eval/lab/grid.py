"""What a lab run compares, as a TOML file. Paths are taken from where the command is run; unknown keys are errors.

    shop = "shops/sample"                        # a shop folder; its state database holds recorded sessions
    state = "postgresql://shop@db/state"         # another state database; the shop's own if left out
    seed = 0                                     # of every bootstrap
    concurrency = 1                              # sessions replayed at once; above 1 they share the processor

    [model]                                      # left out: rules and templates, and prompts change nothing
    path = "models/qwen"                         # a model folder run in this process, or
    # url = "http://127.0.0.1:8000/v1"           # an OpenAI-compatible server such as vLLM, with
    # name = "qwen"                              # what the server calls the model
    adapters = ["", "adapters/winter"]           # "" is none; folders for path, the server's names for url

    [prompts]                                    # by task: labels, hashes (or their beginnings), files
    plan = ["production", "4be1c0ffee", "drafts/plan-2.md"]
    explain = ["production"]                     # a task left out is served by production

    [retrieval.default]                          # configurations by name; without any, the served one
    [retrieval.words-only]
    on = ["dense", "lexical"]                    # these channels alone, or
    # off = ["ease"]                             # all but these
    learned_order = false                        # without the learned order of what is found
    cards = 10                                   # items shown in a turn, 6 if left out
    across = 0                                   # of these, at most so many from other aisles beside what was asked
    history = false                              # without the shopper's own events, whatever they allow

    [sessions]
    recorded = 50                                # so many of the latest conversations in the state database
    days = 30                                    # what shoppers took within so many days is what was right
    files = ["sessions.jsonl", "talk.jsonl"]     # sessions or transcripts (`eval/lab/sessions.py`)

    [sessions.simulated]                         # see `eval/simulate`
    count = 50
    seed = 7
    answers = false                              # true: questions are answered, and words may differ between cells

Every combination is a cell; what serves now is always among them, under the name `production`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from eval.files import fault
from eval.lab.configuration import Retrieval
from eval.simulate.styles import Simulated
from retrieval.errors import EvaluationError
from retrieval.schema import Frozen

MOST_CELLS = 64
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Distinct = Annotated[tuple[str, ...], Field(min_length=1)]


class ModelSpec(Frozen):
    """Which language model answers; either `path`, or `url` and `name`."""

    path: Path | None = None
    url: str | None = None
    name: str | None = None
    adapters: Distinct = ("",)

    @property
    def remote(self) -> bool:
        """Whether `url` is one, and not a registry's file."""
        return self.url is not None and self.url.startswith(("http://", "https://"))

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.path) == bool(self.url) or bool(self.url) != bool(self.name):
            raise ValueError("give path, or url and name")
        if self.url and not self.remote and not Path(self.url).is_file():
            raise ValueError("url must start with http:// or https://, or be a registry that crossaisle serve wrote")
        return self


class SessionsSpec(Frozen):
    """Which sessions are replayed; at least one kind."""

    recorded: int = Field(default=0, ge=0, le=100_000)
    days: float = Field(default=30.0, gt=0)
    files: tuple[Path, ...] = ()
    simulated: Simulated | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.recorded or self.files or self.simulated):
            raise ValueError("give recorded, files or simulated")
        return self


class Grid(Frozen):
    """The whole comparison; see this module."""

    shop: Path
    state: str | None = None
    seed: int = Field(default=0, ge=0)
    concurrency: int = Field(default=1, ge=1, le=64)
    model: ModelSpec | None = None
    prompts: dict[str, Distinct] = Field(default_factory=dict)
    retrieval: dict[Name, Retrieval] = Field(default_factory=lambda: {"default": Retrieval()}, min_length=1)
    sessions: SessionsSpec

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        cells = len(self.retrieval) * len(self.model.adapters if self.model else ("",))
        for task, versions in self.prompts.items():
            if len(set(versions)) < len(versions):
                raise ValueError(f"prompts.{task} names a version twice")
            cells *= len(versions)
        if self.model is None and any(len(versions) > 1 for versions in self.prompts.values()):
            raise ValueError("prompts are compared without a model, which is who reads them: give [model]")
        if cells > MOST_CELLS:
            raise ValueError(f"the grid has {cells} cells, {MOST_CELLS} are allowed")
        return self


def read_grid(path: Path) -> Grid:
    """Read a grid file.

    Raises:
        EvaluationError: it can't be read, a key is unknown, or a value makes no sense; names file and key.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise fault(path, f"the grid can't be read ({error.strerror or error})", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise fault(path, f"the grid is no TOML ({error})", "correct it") from None
    return checked(found, str(path))


def checked(found: dict[str, object], place: str) -> Grid:
    """A grid from plain values. Raises `EvaluationError` naming `place` and key."""
    try:
        return Grid.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"] if part != "function-after") or "the grid"
        cause = f"{place}, {key}: {first['msg'].removeprefix('Value error, ')}"
        raise EvaluationError(cause, "see the documentation of eval.lab.grid for every key") from None
