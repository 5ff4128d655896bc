"""Drawing what a mask leaves open, with the rest of the picture held to what is known.

Reference: A. Lugmayr, M. Danelljan, A. Romero, F. Yu, R. Timofte, L. Van Gool, "RePaint", arXiv:2201.09865.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import noised, on, raised
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler, name_of
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.partial import for_part

_SINGLE = (AncestralConfig, DDIMConfig, EulerConfig, HeunConfig)
_OWN_DRAWS = 8
"""Draws of a round that are left to the sampler; those of the known part and of the way back come after them."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of samples.

    Args:
        clean: (b, c, ...) the samples; what lies under the mask does not matter.
        mask: (b, 1, ...) or (1, 1, ...), 1 where something is to be drawn and 0 where ``clean`` holds.
        noise: (b, c, ...) that stays the same on the whole way, as in published pipelines of latent diffusion; ``None``
            for fresh noise at every level, as in the paper.
    """

    clean: Tensor
    mask: Tensor
    noise: Tensor | None = None

    def into(self, x: Tensor, level: Level, noise: Tensor | None) -> Tensor:
        """A sample at a level with its known part in its place.

        Args:
            x: (b, c, ...) at the level.
            level: of ``x``.
            noise: (b, c, ...); ``None`` puts in the clean sample itself.
        """
        known = self.clean if noise is None else noised(self.clean, noise, on(level, x))
        return self.mask * x + (1 - self.mask) * known


def inpaint(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    sampler: AnySampler,
    known: Known,
    rounds: int = 1,
) -> Iterator[Stage]:
    """Walk down, putting the known part back in its place after every step.

    :func:`~diorama.samplers.repaint.repaint` is the same idea in the published order of moves, and what both do to a
    sample is the same: :meth:`Known.into` after a step down, and new noise on the way up. They differ where that order
    is made for DDPM's own steps:

    - Any sampler of single steps serves here. There a step down is DDIM's, whose noise is also that of the known part.
    - Here every step but the last is repeated, by itself, so that the walk serves any number of steps. There stretches
      of ``jump`` steps are repeated, counted from clean data: with a jump of 1 every step but the first, and the last
      as often as any.
    - Here the last step ends at the known values themselves, so that they come back bit for bit; there at what the
      level says, which is the same where it has no noise.

    With one round, and there one resampling, both walks are the same.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: draws of step *i*.
        sampler: takes the steps, see :func:`one_at_a_time`.
        known: what is known, and where.
        rounds: each step but the last is taken so many times, with noise between that leads back to its beginning, so
            that what is drawn comes to fit what is known.

    Yields:
        One stage after each step of each round. In the last, the known part is ``known.clean`` itself.

    Raises:
        ValueError: fewer than one round, or a sampler that cannot take its steps one at a time.

    Reference: RePaint, algorithm 1, with one step as the length of a jump.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    single, last = one_at_a_time(sampler, len(times) - 1), len(times) - 2
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        turns = 1 if i == last else rounds
        for turn in range(turns):
            first = turn * (_OWN_DRAWS + 2)
            draws = ShiftedDraws(noise, i, first)
            clean = x
            for stage in single.run(denoise, x, process, times[i : i + 2], draws):
                x, clean = stage.x, clean if stage.clean is None else stage.clean
            fresh = None
            if i < last:
                fresh = noise(i, first + _OWN_DRAWS) if known.noise is None else known.noise
            x = known.into(x, below, fresh)
            yield Stage(x, clean, below)
            if turn < turns - 1:
                x = raised(x, below, level, noise(i, first + _OWN_DRAWS + 1))


def takes_single_steps(sampler: AnySampler) -> bool:
    """Whether each step of it may be taken by itself: none depends on an earlier one, or on being the last."""
    return isinstance(sampler, _SINGLE)


def one_at_a_time(sampler: AnySampler, whole: int) -> AnySampler:
    """A sampler for single steps, each as the given one takes it among ``whole``.

    Raises:
        ValueError: it does not take them so; the message says which do.
    """
    if not takes_single_steps(sampler):
        raise ValueError(
            f"sampler: {name_of(sampler)} does not take its steps one at a time, as is needed here; ancestral, ddim, "
            "euler and heun do"
        )
    return for_part(sampler, 1, whole)


class ShiftedDraws:
    """The draws of one step, for a sampler that takes it as the first of its own."""

    def __init__(self, noise: DrawNoise, step: int, first: int = 0) -> None:
        self.noise, self.step, self.first = noise, step, first

    def __call__(self, i: int, k: int = 0) -> Tensor:
        return self.noise(self.step, self.first + k)


def mask_of_size(mask: Tensor, size: tuple[int, int], *, nearest: bool = False) -> Tensor:
    """A mask for latents, which are smaller than the pictures.

    Args:
        mask: (b, 1, h, w), 1 where something is to be drawn.
        size: (h', w') of the latents.
        nearest: a place has the value of the pixel above and left of it, as in published pipelines, which may lose thin
            lines; else a place is drawn where any of its pixels is.
    """
    return F.interpolate(mask, size=size, mode="nearest") if nearest else F.adaptive_max_pool2d(mask, size)
