"""DDRM: samples are drawn in the singular vectors of what was measured, where each coefficient is known or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import like, noise_of, on
from diorama.samplers.catalog import AnySampler
from diorama.samplers.inverse.measurement import Measurement


@dataclass(frozen=True, kw_only=True)
class DDRMConfig:
    """How much of a step is drawn anew.

    Args:
        eta: share of fresh noise in what was not measured, or more weakly than the level's noise; in [0, 1].
        eta_b: how far a coefficient that was measured more finely than the level's noise is moved to its measured
            value; in [0, 1].

    Reference: B. Kawar, M. Elad, S. Ermon, J. Song, arXiv:2201.11793; the defaults are those of section 5.
    """

    eta: float = 0.85
    eta_b: float = 1.0

    def __post_init__(self) -> None:
        for name in ("eta", "eta_b"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name):g}")

    def run(
        self,
        denoise: Denoise,
        x: Tensor,
        process: Process,
        times: Tensor,
        noise: DrawNoise,
        *,
        sampler: AnySampler,
        measurement: Measurement,
    ) -> Iterator[Stage]:
        """:func:`ddrm`, which has steps of its own and leaves the sampler out."""
        return ddrm(denoise, x, process, times, noise, measurement=measurement, config=self)


def ddrm(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    measurement: Measurement,
    config: DDRMConfig,
) -> Iterator[Stage]:
    """Walk down the levels, holding what was measured as closely as its noise allows.

    The paper's equations are those of a variance-exploding process; here they are multiplied by alpha, so that any
    process can be walked, also one whose first level has no data left.

    Args:
        denoise: the meaning of the network.
        x: (b, c, h, w) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*.
        measurement: what the samples are to explain.
        config: of noise.

    Yields:
        One stage after each step.

    Reference: B. Kawar, M. Elad, S. Ermon, J. Song, arXiv:2201.11793, equations 7 and 8.
    """
    operator, deviation = measurement.operator, measurement.deviation
    singular = operator.singular.to(x)
    told = operator.measured(measurement.y)  # (1 or b, ...) the measured coefficients
    first = process.at(times[0])
    unit = operator.coefficients(x / like(process.prior_scale(times[0]), x))
    alpha, sigma = float(first.alpha), float(first.sigma)
    start = torch.where(
        sigma * singular >= alpha * deviation, alpha * told + _left(sigma, alpha * deviation, singular) * unit,
        operator.coefficients(x),
    )  # fmt: skip
    x = x + operator.combined(start - operator.coefficients(x))
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        clean = denoise(x, level).clean
        alpha, sigma = float(below.alpha), float(below.sigma)
        fresh = noise(i) if sigma > 0 else torch.zeros_like(x)
        kept = (1 - config.eta**2) ** 0.5 * sigma
        unmeasured = alpha * clean + kept * noise_of(x, clean, on(level, x)) + config.eta * sigma * fresh
        guess, drawn = operator.coefficients(clean), operator.coefficients(fresh)
        towards = (told - guess) * (singular / deviation if deviation > 0 else 0.0)
        weakly = alpha * guess + kept * towards + config.eta * sigma * drawn
        finely = alpha * torch.lerp(guess, told.expand_as(guess), config.eta_b)
        finely = finely + _left(sigma, alpha * deviation * config.eta_b, singular) * drawn
        held = torch.where(sigma * singular < alpha * deviation, weakly, finely)
        x = unmeasured + operator.combined(held - operator.coefficients(unmeasured))
        yield Stage(x, clean, below)


def _left(sigma: float, taken: float, singular: Tensor) -> Tensor:
    """The deviation of the noise to draw where a measured value brings ``taken / singular`` of ``sigma`` along."""
    share = torch.where(singular > 0, taken / torch.where(singular > 0, singular, 1.0), 0.0)
    return (sigma**2 - share**2).clamp(min=0).sqrt()
