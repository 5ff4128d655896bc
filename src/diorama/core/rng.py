"""Random numbers that are functions of names: a seed, a sample, a step.

Training draws from PyTorch's generators, seeded anew for every (seed, rank, step, phase). Samples draw from
Philox4x32-10 in integer tensor operations, turned into normals by table look-up, so that the noise of sample
*i* of seed *s* is bit-equal for every batch size, process count and device.

Reference: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import torch
from torch import Tensor

MOST_SAMPLES = 1 << 32
"""Samples of one seed, which are numbered from 0 on."""
_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_TABLE_BITS = 16
INITIAL, STEP = 0, 1
"""Streams of a sample: the noise it starts from, and the first draw of each of a sampler's steps; the k-th further draw
of a step has stream ``STEP + k``."""


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Four random 32-bit words for every counter.

    Args:
        counter: four int64 tensors that broadcast, values in [0, 2^32).
        key: two integers in [0, 2^32).

    Returns:
        Four int64 tensors with values in [0, 2^32).

    Reference: Salmon et al. 2011, section 3.3 (Philox4x32, 10 rounds).
    """
    c0, c1, c2, c3 = torch.broadcast_tensors(*counter)
    k0, k1 = key
    for _ in range(10):
        # int64 products wrap modulo 2^64, so the arithmetic shift and the mask recover the high word.
        left, right = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = ((right >> 32) & _MASK) ^ c1 ^ k0, right & _MASK
        c2, c3 = ((left >> 32) & _MASK) ^ c3 ^ k1, left & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


@cache
def _normal_table(device: torch.device) -> Tensor:
    """Quantiles at the centres of 2^16 equally likely bins, scaled to unit variance and by 1/sqrt(2)."""
    bins = 1 << _TABLE_BITS
    half = [NormalDist().inv_cdf((i + 0.5) / bins) for i in range(bins // 2, bins)]
    scale = math.sqrt(0.5 / (math.fsum(z * z for z in half) / len(half)))
    upper = torch.tensor([z * scale for z in half], dtype=torch.float64).float()
    return torch.cat([-upper.flip(0), upper]).to(device)


def normal(
    shape: tuple[int, ...],
    *,
    seed: int,
    first: int,
    count: int,
    step: int = 0,
    stream: int = INITIAL,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Standard normal noise of samples ``first … first + count - 1``, bit-equal on every device.

    Each value is the sum of two table entries (one float32 addition), so there are 2^32 equally likely draws.

    Args:
        shape: of one sample.
        seed: any integer in [0, 2^64).
        first: index of the first sample.
        count: samples.
        step: of the sampler, for the stream ``STEP``.
        stream: ``INITIAL``, or ``STEP`` and above.

    Returns:
        (count, *shape) float32.
    """
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"seed must be in [0, 2^64), got {seed}")
    if not 0 <= first <= MOST_SAMPLES - count:
        raise ValueError(f"sample indices must be in [0, {MOST_SAMPLES}), got {first} … {first + count - 1}")
    size = math.prod(shape)
    where = torch.device(device)
    blocks = torch.arange((size + 3) // 4, dtype=torch.int64, device=where)[None, :]
    samples = torch.arange(first, first + count, dtype=torch.int64, device=where)[:, None]
    place = torch.full((), step, dtype=torch.int64, device=where)
    words = philox((blocks, samples, place, torch.full_like(place, stream)), (seed & _MASK, seed >> 32))
    bits = torch.stack(words, dim=-1).reshape(count, -1)[:, :size]
    table = _normal_table(where)
    return (table[bits & 0xFFFF] + table[bits >> 16]).reshape(count, *shape)


def initial_noise(shape: tuple[int, ...], *, seed: int, first: int, count: int) -> Tensor:
    """The noise that samples start from, (count, *shape) float32 on the CPU; see :func:`normal`."""
    return normal(shape, seed=seed, first=first, count=count)


class StepNoise:
    """Draws of a batch of samples along a sampler's way: ``noise(i, k)`` is the k-th of step *i*, (count, *shape)."""

    def __init__(self, shape: tuple[int, ...], *, seed: int, first: int, count: int, device: torch.device) -> None:
        self.shape, self.seed, self.first, self.count, self.device = shape, seed, first, count, device

    def __call__(self, i: int, k: int = 0) -> Tensor:
        return normal(
            self.shape, seed=self.seed, first=self.first, count=self.count, step=i, stream=STEP + k, device=self.device
        )
