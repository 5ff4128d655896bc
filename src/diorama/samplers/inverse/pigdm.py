"""ΠGDM: every clean sample is moved by the gradient of how well it explains the measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process, Stage
from diorama.processes.gaussian import like, on
from diorama.samplers.catalog import AnySampler
from diorama.samplers.inverse.measurement import Measurement, detached


@dataclass(frozen=True, kw_only=True)
class PiGDMConfig:
    """The score of the measurement, added to that of the samples.

    It is exact for normal data of independent pixels whose deviation is ``deviation``.

    Args:
        deviation: of the data, from which follows how far off a clean sample may be at each level; 1 is the paper's.
        scale: multiplies the score; 1 is what it derives.

    Reference: J. Song, A. Vahdat, M. Mardani, J. Kautz, "Pseudoinverse-guided diffusion models for inverse problems",
    ICLR 2023, equations 7 and 8.
    """

    deviation: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("deviation", "scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be above 0, got {getattr(self, name):g}")

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
        """Walk down the levels with any sampler, whose clean samples are moved towards the measurement.

        Args:
            denoise: the meaning of the network; differentiable by ``x``.
            x: (b, c, h, w) a sample at the first level.
            process: whose levels are walked.
            times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
            noise: draws of step *i*.
            sampler: takes the steps.
            measurement: what the samples are to explain.

        Yields:
            The sampler's stages.
        """
        return sampler.run(PseudoInverseGuided(denoise, measurement, self), x, process, times, noise)


class PseudoInverseGuided:
    """A denoiser whose score has that of a measurement added.

    Where the denoiser limits its clean samples, those that are moved are limited to [-1, 1] too.

    Args:
        denoise: the denoiser; differentiable by ``x``.
        measurement: what the samples are to explain.
        config: of its strength.
    """

    def __init__(self, denoise: Denoise, measurement: Measurement, config: PiGDMConfig) -> None:
        self.denoise, self.measurement, self.config = denoise, measurement, config
        self._told = measurement.operator.measured(measurement.y)

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, c, h, w)."""
        operator, here = self.measurement.operator, on(level, x)
        with torch.enable_grad():
            given = x.detach().requires_grad_()
            found = self.denoise(given, level)
            squared = operator.singular.to(x) ** 2
            doubt = _doubt(here, self.config.deviation)
            # Of a level for each sample, the coefficients' axes follow the batch.
            doubt = doubt if doubt.dim() == 0 else doubt.reshape(-1, *(1,) * (self._told.dim() - 1))
            weight = squared / (squared * doubt + self.measurement.deviation**2)
            weight = torch.where(squared > 0, weight, 0.0)
            with torch.no_grad():
                off = operator.combined(weight * (self._told - operator.coefficients(found.clean)))
            (gradient,) = torch.autograd.grad((found.clean * off).sum(), given)
        share = (here.sigma**2 / here.alpha).masked_fill(here.alpha == 0, 0.0) * self.config.scale
        shift = like(share, x) * gradient
        found = detached(found)
        if found.unclipped is None:
            return found._replace(clean=found.clean + shift)
        # Where little of the data is left, the gradient of a network leads far out of their range.
        return found._replace(clean=(found.clean + shift).clamp(-1, 1), unclipped=found.unclipped + shift)


def _doubt(level: Level, deviation: float) -> Tensor:
    """Variance of a clean pixel once its noisy value is known, for normal data."""
    return deviation**2 * level.sigma**2 / (level.sigma**2 + level.alpha**2 * deviation**2)
