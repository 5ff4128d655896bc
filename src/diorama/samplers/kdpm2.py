"""The midpoint method in the logarithm of noise to signal, with fresh noise after each step where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import like, noise_of, on
from diorama.samplers.serving import needs_signal


@dataclass(frozen=True, kw_only=True)
class KDPM2Config:
    """The sampler's settings.

    Args:
        eta: 0 is deterministic; 1 draws as much noise after each step as ancestral sampling.
        whole_times: of the levels that are visited, but not of those between, the network is told the nearest whole
            time, as by diffusers with Karras' levels.
    """

    eta: float = 0.0
    whole_times: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must be in [0, 1], got {self.eta}")

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels that it cannot walk; raises ValueError."""
        needs_signal("kdpm2", process, times)

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`kdpm2` with these settings."""
        return kdpm2(denoise, x, process, times, noise, config=self)


def kdpm2(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: KDPM2Config
) -> Iterator[Stage]:
    """Step along the noise that is found in the middle of each step.

    With fresh noise a step walks down deeper, as :func:`~diorama.samplers.ddim.ddim` does, to draw the rest anew.

    Args:
        denoise: the meaning of the network, called twice a step, and once in one to clean data.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for where ``eta`` is 0, nor in a step to clean data.
        config: of noise and of what the network is told.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the first level has no signal, so that there is no ratio.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2, with the second slope of C. Lu
    et al., arXiv:2206.00927, algorithm 1; K. Crowson's k-diffusion, ``sample_dpm_2`` and ``sample_dpm_2_ancestral``.
    """
    config.check(process, times)
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        told = replace(level, t=level.t.round()) if config.whole_times else level
        clean = denoise(x, told).clean
        if below.sigma == 0:
            x = like(below.alpha, x) * clean
            yield Stage(x, clean, below)
            continue
        ratio, target = level.sigma / level.alpha, below.sigma / below.alpha
        fresh = config.eta * target * (1 - (target / ratio) ** 2).clamp(min=0).sqrt()
        down = (target**2 - fresh**2).sqrt()
        u, between = x / like(level.alpha, x), _level_of(process, (ratio * down).sqrt())
        slope = noise_of(x, clean, on(level, x))
        middle = like(between.alpha, x) * (u + like(between.sigma / between.alpha - ratio, x) * slope)
        clean = denoise(middle, between).clean
        u = u + like(down - ratio, x) * noise_of(middle, clean, on(between, x))
        if config.eta > 0:
            u = u + like(fresh, x) * noise(i)
        x = like(below.alpha, x) * u
        yield Stage(x, clean, below)


def _level_of(process: Process, ratio: Tensor) -> Level:
    """The level of exactly this ratio, also where the process looks its time up only nearly."""
    level = process.at(process.time_of(ratio))
    alpha = ((level.alpha**2 + level.sigma**2) / (1 + ratio**2)).sqrt()
    return replace(level, alpha=alpha, sigma=ratio * alpha)
