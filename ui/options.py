"""The options that several commands share, and the language model that they name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent.models.base import ChatModel


def writable(folder: Path | None) -> Path | None:
    """Make a folder that results are to be written to, before anything is computed.

    Raises:
        typer.BadParameter: nothing can be written there.
    """
    return None if folder is None else _writable(folder, 0o777)


def private(folder: Path) -> Path:
    """The same for what nobody else on this machine may read. Raises `typer.BadParameter` as well."""
    return _writable(folder, 0o700)


def _writable(folder: Path, mode: int) -> Path:
    try:
        folder.mkdir(mode, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise typer.BadParameter(f"nothing can be written to {folder} ({reason}); name another folder") from None
    return folder


Shop = Annotated[Path, typer.Option("--shop", metavar="DIR", help="A shop folder made by ingest or sample.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
State = Annotated[
    str | None,
    typer.Option(
        "--state", metavar="URL", help="State database, sqlite:///FILE or postgresql://...; DIR's own if not."
    ),
]
Chroma = Annotated[
    str | None, typer.Option("--chroma-url", metavar="URL", help="A Chroma server; embedded in DIR if not given.")
]
ModelUrl = Annotated[
    str | None,
    typer.Option(
        "--model-url",
        metavar="URL|FILE",
        help="An OpenAI-compatible server such as vLLM, with /v1; or the registry that crossaisle serve writes.",
    ),
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Its model or LoRA adapter, or a registry's label.")
]
ModelPath = Annotated[
    Path | None, typer.Option("--model-path", metavar="DIR", help="A model folder to run in this process instead.")
]
Adapter = Annotated[Path | None, typer.Option("--adapter", metavar="DIR", help="A LoRA adapter for --model-path.")]

Traces = Annotated[
    str | None,
    typer.Option(
        "--traces",
        metavar="URL",
        help="Send traces to this OTLP/HTTP collector; if not given, to OTEL_EXPORTER_OTLP_ENDPOINT's, if set.",
    ),
]
TracesContent = Annotated[
    bool, typer.Option("--traces-content", help="Let traces hold what shoppers wrote and the titles of goods.")
]


@contextmanager
def traced(url: str | None, *, content: bool = False) -> Iterator[None]:
    """Send traces while inside, where there is a collector to send them to.

    Raises:
        TraceError: the address is none.
        typer.BadParameter: content is allowed, and there is nowhere to send it.
    """
    from retrieval import tracing

    where = tracing.endpoint(url)
    if where is None:
        if content:
            raise typer.BadParameter(f"--traces-content goes with --traces URL or {tracing.ENDPOINT}")
        yield
        return
    tracing.start(where, content=content)
    try:
        yield
    finally:
        tracing.stop()


COMPACT, NONE = "compact", "none"  # names of `--model` that need no server


@dataclass(frozen=True)
class ModelOptions:
    """Which language model to use; none at all is a choice too."""

    url: str | None = None
    name: str | None = None
    path: Path | None = None
    adapter: Path | None = None

    @property
    def _remote(self) -> bool:
        """Whether the URL is one, and not a registry's file."""
        return self.url is not None and self.url.startswith(("http://", "https://"))

    def check(self) -> None:
        """Raise `typer.BadParameter` (exit status 2) for options that don't go together."""
        if self.url and self.path:
            raise typer.BadParameter("give --model-url or --model-path, not both")
        if self.name in (COMPACT, NONE) and not self.url:
            if self.path:
                raise typer.BadParameter(f"give --model {self.name} or --model-path, not both")
            return
        if bool(self.url) != bool(self.name):
            raise typer.BadParameter("--model-url and --model go together")
        if self.url and not self._remote and not Path(self.url).is_file():
            raise typer.BadParameter("--model-url must start with http:// or https://, or be a registry of serve")
        if self.adapter and not self.path:
            raise typer.BadParameter("--adapter needs --model-path; a server's adapter is chosen by --model")

    def open(self, usual: str = NONE) -> ChatModel | None:
        """The model, or None.

        A server's key is read from the environment variable CROSSAISLE_API_KEY, so that it stands in no process list.

        Args:
            usual: what stands for no choice: the compact model or none.

        Raises:
            ModelUnavailableError: a folder can't be loaded. Servers are asked later.
        """
        if self.url and self.name:
            from agent.models.labelled import LabelledServer
            from agent.models.openai_server import OpenAIServer

            key = os.environ.get("CROSSAISLE_API_KEY")
            if self._remote:
                tasks = {"change"} if self.name.split("-")[0] == COMPACT else ()  # a registry tells by itself
                return OpenAIServer(self.url, self.name, api_key=key, tasks=tasks)
            return LabelledServer(Path(self.url), self.name, api_key=key)
        if self.path:
            from agent.models.local import LocalModel

            return LocalModel(self.path, self.adapter)
        if (self.name or usual) == COMPACT:
            from agent.models.compact import compact_model

            return compact_model()
        return None
