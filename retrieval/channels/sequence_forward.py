"""The sequence model's forward pass for one history, in numpy: serving needs no torch.

The network is `sequence_model.Network`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from retrieval.channels.storage import Array

EPSILON = 1e-5
Floats = NDArray[np.float32]


def last_state(
    weights: Mapping[str, Array], member: int, items: NDArray[np.int32], kinds: NDArray[np.int8], gaps: NDArray[np.int8]
) -> Floats:
    """(d,) what the network makes of a history: its dot product with an item's vector is that item's logit.

    Args:
        weights: the arrays that `sequence_model.train` returns.
        member: which of the networks.
        items: (t,) item codes, oldest first, t from 1 to the length that the network was trained for.
        kinds: (t,) index into `KINDS`.
        gaps: (t,) bucket of the days since the event before.
    """
    part = {name: array[member] for name, array in weights.items() if name not in ("rows", "steps")}
    state = part["items"][items] * np.float32(np.sqrt(part["items"].shape[1])) + part["kinds"][kinds]
    state = state + part["gaps"][gaps]
    layers = len(part["mix"])
    for layer in range(layers):
        state = _block(state, part, layer, last=layer == layers - 1)
    out: Floats = _normed(state[-1:], part["end_scale"], part["end_shift"])[0]
    return out


def _block(state: Floats, part: Mapping[str, Array], layer: int, last: bool) -> Floats:
    """(t, d) states after one layer, or only the last one, (1, d), where nothing reads the others."""
    heads = part["distance"].shape[1]
    length, width = state.shape
    normed = _normed(state, part["mix_scale"][layer], part["mix_shift"][layer])
    mixed = normed @ part["mix"][layer].T + part["mix_bias"][layer]
    query, key, value = mixed.reshape(length, 3, heads, width // heads).transpose(1, 2, 0, 3)
    if last:
        query, state = query[:, -1:], state[-1:]
    back = np.arange(length)[-query.shape[1] :, None] - np.arange(length)
    scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width // heads))
    scores = scores + part["distance"][layer][:, np.maximum(back, 0)]
    scores = np.where(back < 0, np.float32(-1e9), scores)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    attended = (scores / scores.sum(axis=-1, keepdims=True)) @ value
    joined = attended.transpose(1, 0, 2).reshape(-1, width)
    state = state + joined @ part["join"][layer].T + part["join_bias"][layer]
    inner = _normed(state, part["feed_scale"][layer], part["feed_shift"][layer])
    inner = np.maximum(inner @ part["feed"][layer].T + part["feed_bias"][layer], 0)
    out: Floats = state + inner @ part["back"][layer].T + part["back_bias"][layer]
    return out


def _normed(state: Floats, scale: Floats, shift: Floats) -> Floats:
    centred = state - state.mean(axis=-1, keepdims=True)
    out: Floats = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(EPSILON)) * scale + shift
    return out
