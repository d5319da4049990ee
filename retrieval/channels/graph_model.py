"""Training of the graph model, in torch; import it only to train."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import Tensor

Matrix = csr_array[Any, tuple[int, int]]

HOPS = 2  # from item to item, through the shoppers that both have
ASKED = 4096  # (shopper, item) pairs a step


def walk(chosen: Matrix) -> Matrix:
    """(s, m) shoppers' items, normalised so that the matrix times its transpose is one step of LightGCN and back."""

    def power(sums: NDArray[Any]) -> Any:
        return diags_array(np.where(sums > 0, np.maximum(sums, 1e-9), np.inf) ** -0.5)

    by_shopper = power(np.asarray(chosen.sum(axis=1)).ravel())
    by_item = power(np.asarray(chosen.sum(axis=0)).ravel())
    return csr_array(by_shopper @ chosen @ by_item)


@dataclass(frozen=True)
class Plan:
    """How the vectors are trained; see `GraphConfig` for what the numbers mean."""

    epochs: int
    rate: float
    temperature: float
    negatives: int
    seed: int


def train(chosen: Matrix, start: NDArray[np.float32], plan: Plan) -> NDArray[np.float32]:
    """(m, d) unit-norm item vectors after propagation.

    Each shopper's item is told from others by the mean of the shopper's other items, so that a shopper who was never
    seen is told from the same mean.

    Args:
        chosen: (s, m) 1 where a shopper has an item.
        start: (m, d) item vectors before training; they are what is trained.
        plan: passes over all shoppers (with none the start is propagated only), rates and seed.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(plan.seed)
        accelerator = Accelerator()
        graph = _sparse(walk(chosen), accelerator.device)
        vectors = torch.nn.Parameter(torch.from_numpy(start).to(accelerator.device))
        optimizer = torch.optim.Adam([vectors], lr=plan.rate)
        chance = np.random.default_rng(plan.seed)
        for epoch in range(plan.epochs):
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * (0.51 + 0.49 * math.cos(math.pi * epoch / plan.epochs))
            for shoppers in _parts(chosen, chance):
                loss = _loss(_spread(graph, vectors), chosen[shoppers], plan, chance)
                optimizer.zero_grad(set_to_none=True)
                accelerator.backward(loss)
                optimizer.step()
        with torch.no_grad():
            out: NDArray[np.float32] = F.normalize(_spread(graph, vectors), dim=-1).cpu().numpy()
        return out


def _spread(graph: tuple[Tensor, Tensor], vectors: Tensor) -> Tensor:
    """The mean over hops 0 to `HOPS` of the vectors carried along the graph."""
    there, back = graph
    total = hop = vectors
    for _ in range(HOPS):
        hop = torch.sparse.mm(back, torch.sparse.mm(there, hop))
        total = total + hop
    return total / (HOPS + 1)


def _loss(vectors: Tensor, chosen: Matrix, plan: Plan, chance: np.random.Generator) -> Tensor:
    """Mean cross-entropy of every item of these shoppers (b, m), told from the mean of the shopper's other items."""
    owner, item = chosen.nonzero()
    device = vectors.device
    own = torch.from_numpy(item.astype(np.int64)).to(device)
    who = torch.from_numpy(owner.astype(np.int64)).to(device)
    unit = F.normalize(vectors, dim=-1)
    sums = torch.zeros((chosen.shape[0], vectors.shape[1]), device=device).index_add(0, who, unit[own])
    others = F.normalize(sums[who] - unit[own], dim=-1)
    pool = np.union1d(item, chance.integers(0, chosen.shape[1], plan.negatives))
    logits = others @ unit[torch.from_numpy(pool.astype(np.int64)).to(device)].T / plan.temperature
    return F.cross_entropy(logits, torch.from_numpy(np.searchsorted(pool, item)).to(device))


def _parts(chosen: Matrix, chance: np.random.Generator) -> list[NDArray[np.intp]]:
    """Shoppers with two items or more, in random parts of about `ASKED` pairs."""
    sizes = np.diff(chosen.indptr)
    able = chance.permutation(np.flatnonzero(sizes >= 2))
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes[able]) // ASKED)) + 1
    return [part for part in np.split(able, cuts) if len(part)]


def _sparse(matrix: Matrix, device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrix and its transpose as torch tensors."""
    both = []
    for one in (matrix, matrix.T):
        coo = one.tocoo()
        place = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
        values = torch.from_numpy(coo.data.astype(np.float32))
        both.append(
            torch.sparse_coo_tensor(place, values, size=coo.shape, device=device, check_invariants=True).coalesce()
        )
    return both[0], both[1]
