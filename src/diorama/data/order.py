"""Data order as arithmetic: which record stands at a position, without a stored permutation.

A *position* counts pictures seen since training began. Every epoch is a fresh permutation, reached by a keyed
bijection of the integers, so a resumed or differently distributed run finds the same order from the position
alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_PATTERN = 1_000
FLIP, MIX = 1, 2
"""Names of the draws that belong to a position: whether it is mirrored, and which set it reads."""


def scramble(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Well-mixed 64-bit words, a bijection.

    Args:
        words: an array of any shape with at least one dimension (numpy warns when scalars wrap around).

    Returns:
        The same shape.

    Reference: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.
    """
    z = words + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draws(positions: NDArray[np.int64], seed: int, name: int) -> NDArray[np.float64]:
    """One uniform number in [0, 1) for every position, a function of (seed, name, position) alone."""
    key = scramble(_key(seed) ^ np.uint64(name))
    return (scramble(scramble(positions.astype(np.uint64)) ^ key) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def shuffled(positions: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """The records at the given positions when every epoch is shuffled anew.

    Args:
        positions: (n,) non-negative; position ``p`` is place ``p % count`` of epoch ``p // count``.
        count: records of the set.
        seed: of the order.

    Returns:
        (n,) record numbers in [0, count); over one epoch each occurs once.

    Reference: J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 4 (a Feistel
    network on a slightly larger domain, walked until it falls inside).
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    positions = np.asarray(positions, dtype=np.int64)
    epochs, places = positions // count, positions % count
    keys = scramble(_key(seed) ^ epochs.astype(np.uint64))
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    values = _feistel(places.astype(np.uint64), keys, half)
    outside = np.flatnonzero(values >= count)
    while outside.size:
        values[outside] = _feistel(values[outside], keys[outside], half)
        outside = outside[values[outside] >= count]
    return values.astype(np.int64)


def _key(seed: int) -> NDArray[np.uint64]:
    return scramble(np.array([seed % 2**64], np.uint64))


def _feistel(values: NDArray[np.uint64], keys: NDArray[np.uint64], half: np.uint64) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for number in range(_ROUNDS):
        turned = scramble(right ^ (keys + np.array([number], np.uint64) * _GOLDEN))
        left, right = right, left ^ (turned & mask)
    return (left << half) | right


def mixed(
    positions: NDArray[np.int64], weights: Sequence[float], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide positions among several sets in proportion to their weights.

    The pattern repeats every 1,000 positions, within which shares are exact to one position, so the place inside
    a set follows by arithmetic.

    Args:
        positions: (n,) non-negative.
        weights: of the sets, positive; only their ratio counts.
        seed: of the pattern.

    Returns:
        Which set each position reads, (n,), and its position within that set, (n,).
    """
    positions = np.asarray(positions, dtype=np.int64)
    if len(weights) == 1:
        return np.zeros_like(positions), positions
    shares = np.asarray(weights, dtype=np.float64)
    edges = np.round(np.cumsum(shares / shares.sum()) * _PATTERN).astype(np.int64)
    counts = np.diff(edges, prepend=0)
    ordered = np.repeat(np.arange(len(weights)), counts)
    pattern = ordered[np.argsort(draws(np.arange(_PATTERN), seed, MIX), kind="stable")]
    before = np.zeros(_PATTERN, dtype=np.int64)
    for number in range(len(weights)):
        chosen = pattern == number
        before[chosen] = np.arange(int(chosen.sum()))
    block, place = positions // _PATTERN, positions % _PATTERN
    sets = pattern[place]
    return sets, block * counts[sets] + before[place]
