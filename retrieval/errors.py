"""Every error that CrossAisle raises on purpose.

    CrossAisleError                what went wrong, and the remedy
    ├── FeedError                  a source is no feed at all: file, line, column, value
    ├── ShopError                  a shop folder is missing, unfinished or of another version
    ├── EncoderError               an encoder can't be loaded, or isn't the one that the shop was built with
    ├── UnknownShopperError        a shopper id that the shop doesn't know, where one is needed
    ├── UnknownItemError           an item id that is not in the catalogue
    ├── TranscriptError            a conversation file that can't be read
    ├── StateError                 the state database can't be reached or read
    ├── PromptError                a prompt file is malformed, or was filled in wrongly
    ├── EvaluationError            a run, judgments or data that can't be scored
    ├── TuneError                  a base, data or settings that can't be tuned with, or an adapter that can't be made
    ├── TraceError                 traces can't be sent where they were to go
    └── ModelError                 a language model didn't do its part (the turn goes on without it)
        ├── ModelUnavailableError  not reachable, not loaded
        ├── ModelTimeoutError      too slow, or cancelled
        └── ModelOutputError       an answer that is not of the asked form

`str(error)` always reads "CAUSE. REMEDY", so that the command line can print it as it is.
"""

from __future__ import annotations


class CrossAisleError(Exception):
    """Base of all errors: a cause and a remedy, both one sentence for a person to read."""

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause = cause.rstrip(". ")
        self.remedy = remedy.rstrip(". ")
        super().__init__(f"{self.cause}. {self.remedy}.")


class FeedError(CrossAisleError):
    """A source file that can't be read as a feed.

    Carries the place: `file`, `line` (1-based, None if it doesn't apply), `column` and the offending `value`.
    """

    def __init__(
        self,
        cause: str,
        remedy: str,
        *,
        file: str,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        self.file, self.line, self.column = file, line, column
        self.value = value if value is None or len(value) <= 80 else value[:77] + "..."
        place = file
        place += f", line {line}" if line is not None else ""
        place += f", column {column!r}" if column is not None else ""
        place += f", value {self.value!r}" if self.value is not None else ""
        super().__init__(f"{place}: {cause}", remedy)


class ShopError(CrossAisleError):
    """A shop folder is missing, unfinished, damaged or of another version."""


class EncoderError(CrossAisleError):
    """An encoder can't be loaded, or isn't the one that the shop was built with."""


class UnknownShopperError(CrossAisleError):
    """A shopper id that neither the shop's events nor its state database knows."""


class UnknownItemError(CrossAisleError):
    """An item id that is not in the catalogue."""


class TranscriptError(CrossAisleError):
    """A conversation file that can't be read or written."""


class StateError(CrossAisleError):
    """The state database can't be reached, read or written."""


class EvaluationError(CrossAisleError):
    """A run, judgments or data that can't be scored."""


class TraceError(CrossAisleError):
    """Traces can't be sent where they were to go."""


class TuneError(CrossAisleError):
    """A base model, data or settings that can't be tuned with, or an adapter that can't be made, read or merged."""


class PromptError(CrossAisleError):
    """A prompt file is malformed, not labelled, or filled in with the wrong variables."""


class ModelError(CrossAisleError):
    """A language model didn't do its part; a turn goes on without it."""


class ModelUnavailableError(ModelError):
    """The model is not reachable or can't be loaded."""


class ModelTimeoutError(ModelError):
    """The model didn't answer within its time, or the call was cancelled."""


class ModelOutputError(ModelError):
    """The model's answer is not of the form that was asked for."""
