"""Threads of the linear algebra below numpy and scipy."""

from __future__ import annotations

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_blas_thread() -> None:
    """Compute every product in the thread that asks for it, from now on and in the whole process.

    The products of a turn are small. Threads that share them wait busily for each other: a turn takes as long and twice
    the processor, which the next shopper would have had.
    """
    threadpool_limits(1, "blas")
