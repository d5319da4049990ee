"""The vLLM server's command line and environment, for a GPU or for a CPU."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.models.about import about
from agent.models.local import is_small
from agent.models.openai_server import WHITE_SPACE
from retrieval.errors import ModelUnavailableError

HOST = "127.0.0.1"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM knows
CPU_CACHE = 1  # GB of keys and values
QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_COLOR": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class Served:
    """How a model is to be served.

    Attributes:
        model: a folder, or a name on a hub.
        port: on this machine alone.
        adapters: served name -> folder.
        context: tokens of prompt and answer, at most what the model reads.
        rank: the highest rank of an adapter that may be promoted later; those given at the start count as well.
        loras: adapters that one batch may mix.
        sequences: requests computed at once.
        queue: requests taken at once, the waiting ones included; the next is refused with status 503.
        dtype: of the weights; "auto" decides.
        memory: share of a GPU's memory for weights, keys and values, 0 to 1.
    """

    model: str
    port: int
    adapters: dict[str, Path]
    context: int = 8192
    rank: int = 32
    loras: int = 4
    sequences: int = 32
    queue: int = 256
    dtype: str = "auto"
    memory: float = 0.9

    @property
    def name(self) -> str:
        """What the server calls the model."""
        return Path(self.model).resolve().name if Path(self.model).is_dir() else self.model

    @property
    def tasks(self) -> tuple[str, ...]:
        """The only tasks that the model was made for, as its folder tells; none where it takes any."""
        return tuple(sorted(about(Path(self.model)).tasks)) if Path(self.model).is_dir() else ()

    @property
    def url(self) -> str:
        """The server's address for clients."""
        return f"http://{HOST}:{self.port}/v1"


def interpreter() -> Path:
    """A Python that has vLLM: that of `make vllm` in a checkout or in the working directory, or this one.

    Raises:
        ModelUnavailableError: there is none.
    """
    checkout = Path(__file__).resolve().parents[2]
    places = [root / ".venv-vllm" / "bin" / "python" for root in (Path.cwd(), checkout)]
    for place in places:
        if place.exists():
            return place
    if find_spec("vllm") is not None:
        return Path(sys.executable)
    raise ModelUnavailableError(
        f"vLLM is installed neither here ({sys.executable}) nor in {places[-1].parents[1]}",
        "run make vllm in a checkout (CPU), or pip install vllm (GPU)",
    )


def on_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU that processes can open."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def command(served: Served, python: Path, *, gpu: bool) -> list[str]:
    """The server's command line.

    Raises:
        ModelUnavailableError: the model's or an adapter's configuration can't be read, or a rank is too high.
    """
    told: dict[str, Any] = {
        "--host": HOST,
        "--port": served.port,
        "--model": served.model,
        "--served-model-name": served.name,
        "--dtype": _dtype(served, gpu=gpu),
        "--max-model-len": min(served.context, _reads(served.model) or served.context),
        "--max-num-seqs": served.sequences,
        "--max-num-queued-reqs": served.queue,
        "--structured-outputs-config": WHITE_SPACE,
        "--default-chat-template-kwargs": json.dumps({"enable_thinking": False}),
        "--max-loras": max(served.loras, 1),
        "--max-cpu-loras": max(served.loras, len(served.adapters), 16),
        "--max-lora-rank": _rank([served.rank, *map(rank_of, served.adapters.values())]),
        "--shutdown-timeout": 10,
    }
    if gpu:
        told["--gpu-memory-utilization"] = served.memory
    modules = [f"{name}={folder.resolve()}" for name, folder in served.adapters.items()]
    return [
        *(str(python), "-m", "vllm.entrypoints.openai.api_server", "--enable-prefix-caching", "--enable-lora"),
        *(part for option, value in told.items() for part in (option, str(value))),
        *(("--lora-modules", *modules) if modules else ()),
    ]


def environment(served: Served, *, gpu: bool) -> dict[str, str]:
    """The server's environment; a key for it is read from CROSSAISLE_API_KEY, so that it stands in no process list."""
    own = {**QUIET, "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
    if Path(served.model).is_dir():
        own["HF_HUB_OFFLINE"] = "1"
    if not gpu:
        own["VLLM_CPU_KVCACHE_SPACE"] = os.environ.get("VLLM_CPU_KVCACHE_SPACE", str(CPU_CACHE))
    if key := os.environ.get("CROSSAISLE_API_KEY"):
        own["VLLM_API_KEY"] = key
    return {**os.environ, **own}


def rank_of(adapter: Path) -> int:
    """The rank of an adapter. Raises `ModelUnavailableError` where its configuration can't be read."""
    path = adapter / "adapter_config.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailableError(f"{path} can't be read ({error})", "give the folder of a LoRA adapter") from error


def _rank(ranks: Sequence[int]) -> int:
    highest = max(ranks)
    for rank in RANKS:
        if highest <= rank:
            return rank
    raise ModelUnavailableError(f"an adapter has rank {highest}", f"vLLM serves ranks up to {RANKS[-1]}")


def _reads(model: str) -> int | None:
    """Tokens that a model in a folder reads; None for a hub's, which vLLM looks up itself."""
    if not Path(model).is_dir():
        if Path(model).exists() or model.startswith((".", "/")) or model.count("/") != 1:
            raise ModelUnavailableError(f"there is no model at {model}", "give a model's folder, or its name on a hub")
        return None
    path = Path(model) / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("max_position_embeddings")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelUnavailableError(
            f"{path} can't be read ({error})", "give a folder in transformers' layout"
        ) from error
    return int(found) if found else None


def _dtype(served: Served, *, gpu: bool) -> str:
    if served.dtype != "auto" or gpu:
        return served.dtype
    return "float32" if is_small(Path(served.model)) else "bfloat16"
