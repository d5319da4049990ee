"""How every command ends: one JSON object on stdout or words for people, logs on stderr, exit status 0, 1 or 2."""

from __future__ import annotations

import functools
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from retrieval.errors import CrossAisleError, EvaluationError, FeedError, ShopError

INTERRUPTED = 130


Run = Callable[..., dict[str, Any] | None]


def command(run: Run, unusable: tuple[type[CrossAisleError], ...] = (EvaluationError,)) -> Callable[..., None]:
    """Make a function a command: with `as_json` what it returns is printed, and nothing else reaches stdout.

    A `CrossAisleError` becomes its message on stderr and exit status 1 (2 if it is `unusable`), an interruption exits
    with 130, both without a traceback. A result with a false `"ok"` is printed and exits with 1.
    """

    @functools.wraps(run)
    def wrapped(*args: Any, **options: Any) -> None:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        as_json = bool(options.get("as_json"))
        try:
            with _stdout_kept(as_json):
                result = run(*args, **options)
            if as_json:
                line = json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n"
                sys.stdout.buffer.write(line.encode("utf-8", "replace"))  # whatever the terminal's encoding
                sys.stdout.buffer.flush()
        except CrossAisleError as error:
            complain(str(error))
            raise typer.Exit(2 if isinstance(error, unusable) else 1) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read us has gone; say nothing more
            raise typer.Exit(1) from None
        if result is not None and result.get("ok") is False:
            raise typer.Exit(1)

    return wrapped


def scoring(run: Run) -> Callable[..., None]:
    """A command that scores: what can't be read or scored exits with 2, since 1 tells that a threshold was missed."""
    return command(run, (EvaluationError, FeedError, ShopError))


def complain(text: str) -> None:
    """Write a line to stderr."""
    print(f"crossaisle: {text}", file=sys.stderr, flush=True)  # noqa: T201


def say(text: str) -> None:
    """Write a line for people to stdout."""
    print(text, flush=True)  # noqa: T201


@contextmanager
def _stdout_kept(keep: bool) -> Iterator[None]:
    """Send whatever anybody writes to stdout meanwhile, C libraries included, to stderr."""
    if not keep:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)
