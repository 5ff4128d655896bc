"""Stochastic sampling of flows: the path's slope, with noise stirred in at any rate and drained by the score.

Every rate keeps the distribution of noisy samples at each time; how much noise is best is a matter of the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.core.worded import kind_in_words
from diorama.processes.gaussian import like
from diorama.processes.path import clean_of_slope, noise_of_slope
from diorama.processes.sde import flow_slope, motion
from diorama.samplers.serving import needs_slopes

Rate = Literal["constant", "process", "sigma", "linear", "decreasing", "bump"]
"""How much noise is stirred in at time t of a process that ends at 1: alike everywhere; as the process itself adds;
``sigma``; ``t``; ``(1 - cos(pi t))² / 4``; or ``sin²(pi t)``."""

LastStep = Literal["mean", "euler", "clean"]
"""The step to clean data: that of the others without its noise; along the slope alone; or to the clean sample."""

PathSlope = Callable[[Tensor, Tensor], Tensor]
"""``(x, t) -> dx / dt`` of the probability-flow path, of the shape of x, with t of shape ()."""


@dataclass(frozen=True, kw_only=True)
class InterpolantConfig:
    """The sampler's settings.

    Args:
        rate: of the noise, see :data:`Rate`.
        scale: multiplies it; of ``decreasing``, the cosine alone.
        heun: steps are corrected by the slope at their end, after their noise; else they are Euler and Maruyama's.
        last: how the last step ends at clean data; ``None`` for a step like the others.
    """

    rate: Rate = "sigma"
    scale: float = 1.0
    heun: bool = False
    last: LastStep | None = "mean"

    def __post_init__(self) -> None:
        if not 0 <= self.scale < math.inf:
            raise ValueError(f"scale must be at least 0 and finite, got {self.scale}")

    def noise_rate(self, process: Process, t: Tensor) -> Tensor:
        """Half the variance that is stirred in by time, of the shape of ``t``."""
        if self.rate == "constant":
            return torch.full_like(t, self.scale)
        if self.rate == "process":
            return self.scale * motion(process, t).diffusion ** 2 / 2
        if self.rate == "sigma":
            return self.scale * process.at(t).sigma
        if self.rate == "linear":
            return self.scale * t
        if self.rate == "decreasing":
            return (1 - self.scale * (math.pi * t).cos()) ** 2 / 4
        return self.scale * (math.pi * t).sin() ** 2

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`interpolant` with the slope that the denoiser's clean samples imply.

        Raises:
            ValueError: see :meth:`check`.
        """
        self.check(process, times)

        def slope(x: Tensor, t: Tensor) -> Tensor:
            return flow_slope(x, denoise(x, process.at(t)).clean, process, t)

        yield from interpolant(slope, x, process, times, noise, config=self)

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels that it cannot walk.

        Raises:
            ValueError: the process does not end at 1, its levels jump, its path is infinitely steep there or so much
                noise would be stirred in, or the model would be asked at clean data.
        """
        needs_slopes("interpolant", process, times)
        if self.last is None and self.heun and times[-1] == 0:
            raise ValueError("last: a step that is corrected at clean data has no slope there; end it with 'mean'")
        starts = (*process.slopes(times[0]), self.noise_rate(process, times[0]))
        if process.end != 1 or not all(bool(start.isfinite()) for start in starts):
            raise ValueError(
                "sampler: interpolant serves flows, whose paths end at time 1 with finite slopes and, at the rate "
                f"{self.rate!r}, finite noise, and this model has a {kind_in_words(process)} process; take ddim, heun, "
                "euler or dpmpp_2m"
            )


def interpolant(
    slope: PathSlope, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: InterpolantConfig
) -> Iterator[Stage]:
    """Walk down the levels with fresh noise in every step.

    Args:
        slope: of the path.
        x: (b, ...) a sample at the first level.
        process: whose path it is.
        times: of the levels, falling, (n + 1,) float64 on the CPU. A step to 0 is the last step of ``config``; other
            ends leave what noise there is.
        noise: the draw of step *i*.
        config: of the noise.

    Yields:
        One stage after each step.

    Reference: N. Ma et al., "SiT", arXiv:2401.08740, equation 7 and appendix; M. S. Albergo, N. M. Boffi,
    E. Vanden-Eijnden, arXiv:2303.08797.
    """
    for i, (t, end) in enumerate(pairwise(times)):
        if end == 0 and config.last is not None:
            x = _last(slope, x, process, t, config)
        else:
            drawn = (2 * config.noise_rate(process, t) * (t - end)).sqrt()
            stirred = like(drawn, x) * noise(i)
            if config.heun:
                x = x + stirred
                moving = _moving(slope, x, process, t, config)
                again = _moving(slope, x + like(end - t, x) * moving, process, end, config)
                x = x + like(end - t, x) * (moving + again) / 2
            else:
                x = x + like(end - t, x) * _moving(slope, x, process, t, config) + stirred
        yield Stage(x, level=process.at(end))


def _moving(slope: PathSlope, x: Tensor, process: Process, t: Tensor, config: InterpolantConfig) -> Tensor:
    """dx / dt of the mean: the path's slope, and the score that drains the noise which is stirred in."""
    along = slope(x, t)
    if config.rate == "sigma":
        # Of the score, -noise / sigma, sigma is taken together with the rate, as both vanish at clean data.
        share = torch.full_like(t, config.scale)
    else:
        rate = config.noise_rate(process, t)
        share = torch.where(rate > 0, rate / process.at(t).sigma, torch.zeros_like(rate))
    return along + like(share, x) * noise_of_slope(along, x, process, t)


def _last(slope: PathSlope, x: Tensor, process: Process, t: Tensor, config: InterpolantConfig) -> Tensor:
    if config.last == "clean":
        return clean_of_slope(slope(x, t), x, process, t)
    moving = slope(x, t) if config.last == "euler" else _moving(slope, x, process, t, config)
    return x - like(t, x) * moving
