"""Denoising diffusion implicit models: few steps, deterministic unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process, Stage
from diorama.processes.discrete import with_steps
from diorama.processes.gaussian import like, noise_of, on, posterior


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
    for i, (t, end) in enumerate(steps_between(process, times, even=settings.even)):
        level, below = process.at(t), process.at(end)
        prediction = denoise(x, level)
        draws = settings.eta > 0 and bool((below.sigma > 0).any())
        x = ddim_step(prediction, x, (level, below), settings, noise(i) if draws else None)
        yield Stage(x, prediction.clean, below)


def ddim_step(
    prediction: Prediction, x: Tensor, ends: tuple[Level, Level], config: DDIMConfig, noise: Tensor | None
) -> Tensor:
    """One step of :func:`ddim`.

    Args:
        prediction: for ``x``.
        x: (b, ...) a sample at the first of the two levels.
        ends: where the step starts and ends.
        config: of noise.
        noise: like ``x``, fresh; ``None`` draws none, which the step must then not need.
    """
    level, below = ends
    # A step that ends where it starts has no variance, which rounding may miss.
    fresh = config.eta * posterior(level, below).variance.clamp(min=0).sqrt()
    kept = (below.sigma**2 - fresh**2).clamp(min=0).sqrt()
    ended = like(below.alpha, x) * prediction.clean + like(kept, x) * _noise_in(x, prediction, level, config)
    return ended if noise is None else ended + like(fresh, x) * noise


def _noise_in(x: Tensor, prediction: Prediction, level: Level, config: DDIMConfig) -> Tensor:
    """The noise in a sample (b, ...) at a level, as a prediction for it has it."""
    unclipped = None if config.clipped_noise else prediction.unclipped
    return noise_of(x, prediction.clean if unclipped is None else unclipped, on(level, x))


def ddim_inverse(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    *,
    config: DDIMConfig | None = None,
    ahead: bool = True,
    to_noise: bool = False,
) -> Iterator[Stage]:
    """Walk up the levels, from a picture to the noise that DDIM draws it from again, nearly.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level. At clean data it counts as having as little noise as its type can
            tell, since of a clean sample without any no noise follows.
        process: whose levels are walked.
        times: of the levels, rising, (n + 1,) float64 on the CPU.
        config: of the way down that is undone, without noise: ``clipped_noise`` and ``even``; ``None`` for the
            defaults.
        ahead: at each level the network is told the next one's time, at which the way down will ask it, as diffusers
            does; else the level's own.
        to_noise: a last step leads on to noise alone, as in the published code of P. Dhariwal and A. Nichol.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the way down draws noise, or takes even steps of a process without steps.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, appendix F; R. Mokady et al., arXiv:2211.09794, section 3.
    """
    settings = config or DDIMConfig()
    if settings.eta:
        raise ValueError(f"eta: a way down that draws noise cannot be walked up, got {settings.eta}")
    down = steps_between(process, times.flip(0), even=settings.even)
    steps = [(process.at(start), process.at(end)) for end, start in reversed(list(down))]
    if to_noise:
        last = steps[-1][1]
        steps.append((last, replace(last, alpha=torch.zeros_like(last.alpha), sigma=torch.ones_like(last.sigma))))
    # Less would be lost in rounding, and more would change the sample.
    least = torch.finfo(x.dtype).eps ** 0.5
    for level, above in steps:
        here = replace(level, sigma=level.sigma.clamp(min=least))
        prediction = denoise(x, replace(here, t=above.t) if ahead else here)
        x = like(above.alpha, x) * prediction.clean + like(above.sigma, x) * _noise_in(x, prediction, here, settings)
        yield Stage(x, prediction.clean, above)


def steps_between(process: Process, times: Tensor, *, even: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Where each step starts and ends.

    Args:
        process: whose levels are walked.
        times: (n + 1,) as samplers are given them.
        even: see :class:`DDIMConfig`.

    Raises:
        ValueError: even steps are asked for of a process without steps.
    """
    if not even:
        yield from pairwise(times)
        return
    leap = leap_of(process, times)
    for t in times[:-1]:
        yield t, (t - leap if t > leap else times[-1])


def leap_of(process: Process, times: Tensor) -> int:
    """How many steps of a discrete process an even step walks down, T // n.

    Raises:
        ValueError: the process has no steps.
    """
    return with_steps(process, "even: the sampler counts").steps // (len(times) - 1)
