"""Training of the sequence model, in torch; import it only to train.

SASRec: Kang, McAuley, "Self-Attentive Sequential Recommendation", 2018, with cross-entropy instead of one negative an
event (Klenitskiy, Vasilev, "Turning Dross Into Gold Loss", 2023): over all items where they are few, over the batch's
targets and uniform negatives with logits corrected by log inclusion probability where they are many (Bengio, Senecal,
"Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language Model", 2008). Places are told
by a learnt bias for each distance (Shaw et al., 2018, here scalar), times by the gap before each event. Items start
from the leading eigenvectors of the shop's co-occurrence, which saves most of the epochs.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from retrieval.channels.sequence_data import GAPS, UNWANTED, Batch, Sequences
from retrieval.channels.spectral import directions, near_pairs
from retrieval.channels.storage import Array
from retrieval.history import KINDS

log = logging.getLogger(__name__)
CHECKS = 6  # how often the held-out events are asked during training
START_NORM = 0.8  # length of an item's vector before training


@dataclass(frozen=True)
class Plan:
    """How one network is trained; see `SequenceConfig` for what the numbers mean."""

    width: int
    layers: int
    heads: int
    length: int
    dropout: float
    decay: float
    rate: float
    epochs: int
    places: int
    negatives: int
    full_up_to: int
    seed: int


class Network(nn.Module):
    """Weights by the names that are saved; items (m, d), and a leading axis for layers in a block's."""

    def __init__(self, start: NDArray[np.float32], plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        width, layers = plan.width, plan.layers

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape) * (0.02 if len(shape) < 3 else 1 / math.sqrt(shape[-1])))

        def level(value: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(torch.full(shape, value))

        self.items = nn.Parameter(torch.from_numpy(start))
        self.kinds, self.gaps = weight(len(KINDS), width), weight(GAPS, width)
        self.distance = level(0.0, layers, plan.heads, plan.length)
        self.mix, self.mix_bias = weight(layers, 3 * width, width), level(0.0, layers, 3 * width)
        self.join, self.join_bias = weight(layers, width, width), level(0.0, layers, width)
        self.feed, self.feed_bias = weight(layers, 4 * width, width), level(0.0, layers, 4 * width)
        self.back, self.back_bias = weight(layers, width, 4 * width), level(0.0, layers, width)
        self.mix_scale, self.mix_shift = level(1.0, layers, width), level(0.0, layers, width)
        self.feed_scale, self.feed_shift = level(1.0, layers, width), level(0.0, layers, width)
        self.end_scale, self.end_shift = level(1.0, width), level(0.0, width)

    def forward(self, items: Tensor, kinds: Tensor, gaps: Tensor) -> Tensor:
        """(b, t, d) states after each event, from int64 codes (b, t) padded on the right."""
        place = torch.arange(items.shape[1], device=items.device)
        back = place[:, None] - place
        state = self.items[items] * math.sqrt(self.plan.width) + self.kinds[kinds] + self.gaps[gaps]
        state = F.dropout(state, self.plan.dropout, self.training)
        for layer in range(self.plan.layers):
            state = self._block(state, layer, back)
        return F.layer_norm(state, state.shape[-1:], self.end_scale, self.end_shift)

    def _block(self, state: Tensor, layer: int, back: Tensor) -> Tensor:
        many, length, width = state.shape
        heads, drop = self.plan.heads, self.plan.dropout / 2
        normed = F.layer_norm(state, (width,), self.mix_scale[layer], self.mix_shift[layer])
        mixed = F.linear(normed, self.mix[layer], self.mix_bias[layer])
        query, key, value = mixed.view(many, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // heads) + self.distance[layer][:, back.clamp(min=0)]
        chances = F.dropout(scores.masked_fill(back < 0, -1e9).softmax(-1), drop, self.training)
        joined = (chances @ value).transpose(1, 2).reshape(many, length, width)
        state = state + F.dropout(F.linear(joined, self.join[layer], self.join_bias[layer]), drop, self.training)
        normed = F.layer_norm(state, (width,), self.feed_scale[layer], self.feed_shift[layer])
        inner = F.linear(F.relu(F.linear(normed, self.feed[layer], self.feed_bias[layer])), self.back[layer])
        return state + F.dropout(inner + self.back_bias[layer], drop, self.training)


def train(sequences: Sequences, plan: Plan, held: NDArray[np.int64]) -> tuple[dict[str, Array], int]:
    """Train one network.

    Args:
        sequences: what shoppers did; at least one item.
        plan: sizes and rates.
        held: places of events kept out to tell which state is best; with none, the last one is taken.

    Returns:
        Weights by name, float32, and the number of epochs whose state they are.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(plan.seed)
        return _Training(sequences, plan, held).run()


class _Training:
    """One training run."""

    def __init__(self, sequences: Sequences, plan: Plan, held: NDArray[np.int64]) -> None:
        self.sequences, self.plan, self.held = sequences, plan, held
        self.hidden = np.zeros(len(sequences.codes), dtype=np.bool_)
        self.hidden[held] = True
        start = directions(near_pairs(sequences, self.hidden), plan.width, plan.seed) * START_NORM
        self.accelerator = Accelerator()
        network = Network(start.astype(np.float32), plan)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.rate, weight_decay=plan.decay, betas=(0.9, 0.98), fused=True
        )
        self.network, self.optimizer = self.accelerator.prepare(network, optimizer)
        self.chance = np.random.default_rng(plan.seed)
        self.shares = sequences.counts / max(len(sequences.codes), 1)
        self.windows = sequences.windows(plan.length)
        self.every = max(1, plan.epochs // CHECKS)

    def run(self) -> tuple[dict[str, Array], int]:
        """All epochs, since the falling rate gains most at the end; then the state that told held-out events best."""
        best, best_state, found = -1.0, self._state(), 0
        for epoch in range(1, self.plan.epochs + 1):
            loss = self._epoch(epoch)
            if epoch % self.every and epoch < self.plan.epochs:
                continue
            reached = self._reached() if len(self.held) else float(epoch)
            log.debug("epoch %d: loss %.4f, held out %.4f", epoch, loss, reached)
            if reached > best:
                best, best_state, found = reached, self._state(), epoch
        return best_state, found

    def _epoch(self, epoch: int) -> float:
        """One pass at this epoch's rate (a cosine down to a fiftieth, warmed up in the first); the mean loss."""
        self.network.train()
        rate = self.plan.rate * (0.51 + 0.49 * math.cos(math.pi * (epoch - 1) / self.plan.epochs))
        losses = []
        batches = self.sequences.batches(self.windows, self.plan.places, self.chance, self.hidden)
        for step, batch in enumerate(batches):
            for group in self.optimizer.param_groups:
                group["lr"] = rate * (min(1.0, (step + 1) / 50) if epoch == 1 else 1.0)
            loss = self._loss(batch)
            if loss is None:
                continue
            self.optimizer.zero_grad(set_to_none=True)
            self.accelerator.backward(loss)
            self.optimizer.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses)) if losses else 0.0

    def _loss(self, batch: Batch) -> Tensor | None:
        asked = batch.targets != UNWANTED
        targets = batch.targets[asked]
        if not len(targets):
            return None
        states = self.network(*self._inputs(batch))[torch.from_numpy(asked).to(self.accelerator.device)]
        items = self.accelerator.unwrap_model(self.network).items
        size = len(items)
        if size <= self.plan.full_up_to:
            return F.cross_entropy(states @ items.T, self._tensor(targets))
        chosen = np.union1d(targets, self.chance.integers(0, size, self.plan.negatives))
        missed = (1 - 1 / size) ** self.plan.negatives * (1 - self.shares[chosen]) ** len(targets)
        correction = self._tensor(-np.log(1 - missed).astype(np.float32))
        logits = torch.addmm(correction, states, items[self._tensor(chosen)].T)
        return F.cross_entropy(logits, self._tensor(np.searchsorted(chosen, targets)))

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        return self._tensor(batch.items), self._tensor(batch.kinds), self._tensor(batch.gaps)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.accelerator.device)

    def _reached(self) -> float:
        """Mean reciprocal rank of the held-out events among all items."""
        self.network.eval()
        starts = np.searchsorted(self.sequences.starts, self.held, side="right") - 1
        begin = np.maximum(self.sequences.starts[starts], self.held - self.plan.length)
        order = np.argsort(self.held - begin, kind="stable")
        windows = np.stack([begin, self.held + 1], axis=1)[order]
        none = np.zeros_like(self.hidden)
        found = []
        with torch.no_grad():
            items = self.accelerator.unwrap_model(self.network).items
            for at in range(0, len(windows), 256):
                part = windows[at : at + 256]
                batch = self.sequences.batch(part, none)
                last = self._tensor(part[:, 1] - part[:, 0] - 2)
                states = self.network(*self._inputs(batch))[torch.arange(len(part), device=last.device), last]
                logits = states @ items.T
                own = logits.gather(1, self._tensor(self.sequences.codes[part[:, 1] - 1].astype(np.int64))[:, None])
                found.append((1 / (1 + (logits > own).sum(dim=1))).cpu().numpy())
        return float(np.concatenate(found).mean())

    def _state(self) -> dict[str, Array]:
        state = self.accelerator.unwrap_model(self.network).state_dict()
        return {name: tensor.detach().cpu().numpy().astype(np.float32).copy() for name, tensor in state.items()}
