"""Denoising diffusion implicit models: few steps, deterministic unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import along_noise, like, noise_of, on, posterior


@dataclass(frozen=True, kw_only=True)
class DDIMConfig:
    """The sampler's settings.

    Args:
        eta: 0 is deterministic, 1 draws as much noise on the way as ancestral sampling.
        clipped_noise: where clean samples are limited, the noise is what leads to the limited one, as in the published
            code of P. Dhariwal and A. Nichol, arXiv:2105.05233; False keeps what the network found, as diffusers does.
        even: each step of a discrete process walks down T // n steps wherever the next one starts, as diffusers does.
    """

    eta: float = 0.0
    clipped_noise: bool = field(default=True, metadata={LATER: True})
    even: bool = field(default=False, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ddim` with these settings."""
        return ddim(denoise, x, process, times, noise, config=self)


def ddim(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    config: DDIMConfig | None = None,
) -> Iterator[Stage]:
    """Walk down the levels along the noise that the denoiser finds.

    On the straight path of a flow, and on a variance-exploding one, these are Euler's steps.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for where ``eta`` is 0.
        config: of noise; ``None`` for none.

    Yields:
        One stage after each step.

    Reference: J. Song, C. Meng, S. Ermon, arXiv:2010.02502, equations 12 and 16.
    """
    settings = config or DDIMConfig()
    for i, (t, end) in enumerate(_steps(process, times, even=settings.even)):
        level, below = process.at(t), process.at(end)
        prediction = denoise(x, level)
        clean = prediction.clean
        telling = clean if settings.clipped_noise or prediction.unclipped is None else prediction.unclipped
        fresh = settings.eta * posterior(level, below).variance.sqrt()
        kept = (below.sigma**2 - fresh**2).clamp(min=0).sqrt()
        x = like(below.alpha, x) * clean + like(kept, x) * noise_of(x, telling, on(level, x))
        if settings.eta > 0 and bool((below.sigma > 0).any()):
            x = x + like(fresh, x) * noise(i)
        yield Stage(x, clean, below)


def ddim_inverse(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, *, ahead: bool = True, to_noise: bool = False
) -> Iterator[Stage]:
    """Walk up the levels, from a picture to the noise that DDIM draws it from again, nearly.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level, which must have some noise.
        process: whose levels are walked.
        times: of the levels, rising, (n + 1,) float64 on the CPU.
        ahead: at each level the network is told the next one's time, at which the way down will ask it, as diffusers
            does; else the level's own.
        to_noise: a last step leads on to noise alone, as in the published code of P. Dhariwal and A. Nichol.

    Yields:
        One stage after each step.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, appendix F; R. Mokady et al., arXiv:2211.09794, section 3.
    """
    levels = [process.at(t) for t in times]
    if to_noise:
        levels.append(Level(t=levels[-1].t, alpha=torch.zeros_like(times[-1]), sigma=torch.ones_like(times[-1])))
    for level, above in pairwise(levels):
        clean = denoise(x, replace(level, t=above.t) if ahead else level).clean
        x = along_noise(x, clean, level, above)
        yield Stage(x, clean, above)


def _steps(process: Process, times: Tensor, *, even: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Where each step starts and ends.

    Raises:
        ValueError: even steps are asked for of a process without steps.
    """
    if not even:
        yield from pairwise(times)
        return
    if not isinstance(process, DiscreteProcess):
        raise ValueError(f"even: DDIM's even steps are those of a discrete process, not {type(process).__name__}")
    leap = process.steps // (len(times) - 1)
    for t in times[:-1]:
        yield t, (t - leap if t > leap else times[-1])
