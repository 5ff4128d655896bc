"""Data order as arithmetic: which record stands at a position, without a stored permutation.

A *position* counts pictures seen since training began. Every epoch is a fresh permutation, reached by a keyed
bijection of the integers, so a resumed or differently distributed run finds the same order from the position
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FLIP, MIX, ALTERNATIVE, UNPAIRED, UNPAIRED_FLIP = 1, 2, 3, 4, 5
"""Names of the draws that belong to a position: whether it is mirrored, its set, which of several captions it reads,
what is drawn of a second set, and whether that is mirrored."""


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
    # Scrambled before and after the key, so that neighbouring positions and seeds have nothing in common.
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
    # Every epoch has keys of its own, and so a permutation of its own.
    epochs, places = positions // count, positions % count
    keys = scramble(_key(seed) ^ epochs.astype(np.uint64))
    # Two halves of equally many bits, together the smallest even number that holds all records.
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    values = _feistel(places.astype(np.uint64), keys, half)
    # What falls outside is sent on until it falls inside; less than three quarters of the domain is outside.
    outside = np.flatnonzero(values >= count)
    while outside.size:
        values[outside] = _feistel(values[outside], keys[outside], half)
        outside = outside[values[outside] >= count]
    return values.astype(np.int64)


def seed_of(seed: int, name: int) -> int:
    """A seed of its own for the order that ``name`` stands for, in [0, 2^64)."""
    return int(scramble(_key(seed) ^ np.uint64(name))[0])


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

    Sets are split off one after another, each from the positions that those before it left: of the first ``n`` of
    these, a set of share ``s`` takes ``floor(n s + phase)``. So at every position every set is within a few records
    of its exact share, however small, and the place inside a set is that count.

    Args:
        positions: (n,) non-negative.
        weights: of the sets, positive; only their ratio counts.
        seed: of the phases.

    Returns:
        Which set each position reads, (n,), and its position within that set, (n,).

    Reference: M. Morse, G. A. Hedlund, "Symbolic dynamics II: Sturmian trajectories", 1940 (the two-set case).
    """
    left = np.asarray(positions, dtype=np.int64).astype(np.uint64)  # (n,), counted among what earlier sets left
    sets, places = np.full(left.shape, len(weights) - 1), np.empty(left.shape, np.int64)
    free = np.ones(left.shape, bool)
    phases = scramble(_key(seed) ^ scramble(np.arange(len(weights), dtype=np.uint64) + np.uint64(MIX)))
    for number, share in enumerate(_shares_of_the_rest(weights)):
        # A place is this set's where its count rises from the place before.
        before = _share_of(left, share, phases[number])
        taken = free & (_share_of(left + np.uint64(1), share, phases[number]) > before)
        sets[taken], places[taken] = number, before[taken].astype(np.int64)
        free &= ~taken
        left -= before
    places[free] = left[free].astype(np.int64)
    return sets, places


def _shares_of_the_rest(weights: Sequence[float]) -> list[np.uint64]:
    """Each set's share of itself and all after it, in 2^-64; without the last, which takes what is left."""
    exact = [Fraction(weight) for weight in weights]
    rests = list(accumulate(reversed(exact)))[::-1]
    shares = [weight / rest for weight, rest in zip(exact[:-1], rests[:-1], strict=True)]
    return [np.uint64(min(max(int(share * 2**64), 1), 2**64 - 1)) for share in shares]


def _share_of(counts: NDArray[np.uint64], share: np.uint64, phase: np.uint64) -> NDArray[np.uint64]:
    """``floor((counts * share + phase) / 2^64)`` without rounding: products of 32-bit halves, added with their carries.

    Floats would not do: an error in the last place makes a set skip a place or take it twice.
    """
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b = counts >> half, counts & low
    c, d = share >> half, share & low
    middle = a * d + ((b * d) >> half)  # below 2^64, since (2^32 - 1)^2 + 2^32 - 1 is
    crossed = b * c + (middle & low)
    bottom = (crossed << half) | ((b * d) & low)
    carry = (bottom + phase) < phase
    return a * c + (middle >> half) + (crossed >> half) + carry.astype(np.uint64)
