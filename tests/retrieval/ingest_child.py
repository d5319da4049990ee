"""Runs `ingest` in a process of its own that kills itself with SIGKILL where it is told to.

python ingest_child.py SOURCE INTO [--url URL] [--at STAGE DONE | --after SECONDS]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from retrieval.ingest import ingest


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("into", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--at", nargs=2)
    parser.add_argument("--after", type=float)
    options = parser.parse_args()

    def tell(stage: str, done: int, total: int | None, /) -> None:
        print(f"{stage} {done}", file=sys.stderr, flush=True)
        if options.at and stage == options.at[0] and done >= int(options.at[1]):
            kill()

    if options.after is not None:
        threading.Thread(target=lambda: (time.sleep(options.after), kill()), daemon=True).start()
    ingest(options.source, options.into, batch_size=256, chroma_url=options.url, progress=tell)


if __name__ == "__main__":
    main()
