"""Denoising diffusion implicit models: few steps, deterministic unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import like, noise_of, on, posterior


@dataclass(frozen=True, kw_only=True)
class DDIMConfig:
    """The sampler's settings.

    Args:
        eta: 0 is deterministic, 1 draws as much noise on the way as ancestral sampling.
        clipped_noise: where clean samples are limited, the noise is what leads to the limited one, as in the published
            code of P. Dhariwal and A. Nichol, arXiv:2105.05233; False keeps what the network found, as diffusers does.
    """

    eta: float = 0.0
    clipped_noise: bool = field(default=True, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ddim` with these settings."""
        return ddim(denoise, x, process, times, noise, eta=self.eta, clipped_noise=self.clipped_noise)


def ddim(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    eta: float = 0.0,
    clipped_noise: bool = True,
) -> Iterator[Stage]:
    """Walk down the levels along the noise that the denoiser finds.

    On the straight path of a flow, and on a variance-exploding one, these are Euler's steps.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for where ``eta`` is 0.
        eta: share of the ancestral noise that is drawn anew.
        clipped_noise: see :class:`DDIMConfig`.

    Yields:
        One stage after each step.

    Reference: J. Song, C. Meng, S. Ermon, arXiv:2010.02502, equations 12 and 16.
    """
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        prediction = denoise(x, level)
        clean = prediction.clean
        telling = clean if clipped_noise or prediction.unclipped is None else prediction.unclipped
        fresh = eta * posterior(level, below).variance.sqrt()
        kept = (below.sigma**2 - fresh**2).clamp(min=0).sqrt()
        x = like(below.alpha, x) * clean + like(kept, x) * noise_of(x, telling, on(level, x))
        if eta > 0 and bool((below.sigma > 0).any()):
            x = x + like(fresh, x) * noise(i)
        yield Stage(x, clean, below)
