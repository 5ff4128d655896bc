"""Ancestral sampling: the learned process, run backwards step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import posterior
from diorama.processes.reverse import Variance, reverse_step, second_variance


@dataclass(frozen=True, kw_only=True)
class AncestralConfig:
    """The sampler's settings.

    Args:
        variance: of a step backwards, see :data:`~diorama.processes.reverse.Variance`.
        last_noise: noise is also drawn in a last step that is not the process's first, as diffusers does.
        clipped_mean: where clean samples are limited, a step's mean leads to the limited one; False is for networks
            that predict that mean, which then stays as they said it.
        last_scale: multiplies the clean samples at the end; not 1 where rounding errors of a published scheduler are
            followed.
    """

    variance: Variance = "large"
    last_noise: bool = field(default=False, metadata={LATER: True})
    clipped_mean: bool = field(default=True, metadata={LATER: True})
    last_scale: float = field(default=1.0, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ancestral` with these settings."""
        walk = ancestral(denoise, x, process, times, noise, config=self)
        for i, stage in enumerate(walk):
            # Of a part of the way only one that leads to clean data has the last step.
            is_last = i == len(times) - 2 and bool(times[-1] == 0)
            yield replace(stage, x=self.last_scale * stage.x) if is_last else stage


def ancestral(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    config: AncestralConfig | None = None,
) -> Iterator[Stage]:
    """Draw each lower level from the posterior of the denoiser's clean sample.

    Args:
        denoise: the meaning of the network; a variance that it learned takes the place of the config's, and a gradient
            that comes with its prediction moves the mean of the step.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; none is asked for at the last step, which takes the mean, but for ``last_noise``.
        config: of variance and mean; ``None`` for the defaults.

    Yields:
        One stage after each step.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, algorithm 2 and section 3.2; with a gradient P. Dhariwal,
    A. Nichol, arXiv:2105.05233, algorithm 1.
    """
    settings = config or AncestralConfig()
    first = None if settings.last_noise else second_variance(process, times)
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        prediction = denoise(x, level)
        step = reverse_step(
            prediction, x, posterior(level, below), settings.variance, first=first, clipped=settings.clipped_mean
        )
        x = step.mean
        if bool((below.sigma > 0).any()) or (settings.last_noise and bool((level.t > 1).any())):
            x = x + (0.5 * step.log_variance).exp() * noise(i)
        yield Stage(x, prediction.clean, below)
