"""Ancestral sampling: the learned process, run backwards step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.bound import Variance
from diorama.processes.gaussian import learned_log_variance, like, posterior


@dataclass(frozen=True, kw_only=True)
class AncestralConfig:
    """The sampler's settings.

    Args:
        variance: of a step backwards, see :func:`ancestral`.
        last_noise: noise is also drawn in a last step that is not the process's first, as diffusers does.
        last_scale: multiplies the clean samples at the end; not 1 where rounding errors of a published scheduler are
            followed.
    """

    variance: Variance = "large"
    last_noise: bool = field(default=False, metadata={LATER: True})
    last_scale: float = field(default=1.0, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ancestral` with these settings."""
        walk = ancestral(denoise, x, process, times, noise, variance=self.variance, last_noise=self.last_noise)
        for i, stage in enumerate(walk):
            yield stage if i < len(times) - 2 else replace(stage, x=self.last_scale * stage.x)


def ancestral(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    variance: Variance = "large",
    last_noise: bool = False,
) -> Iterator[Stage]:
    """Draw each lower level from the posterior of the denoiser's clean sample.

    Args:
        denoise: the meaning of the network; a variance that it learned takes the place of ``variance``.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; none is asked for at the last step, which takes the mean, but for ``last_noise``.
        variance: ``small`` is right for data of one point, ``large`` for data of unit variance.
        last_noise: see :class:`AncestralConfig`.

    Yields:
        One stage after each step.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, algorithm 2 and section 3.2.
    """
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        prediction = denoise(x, level)
        clean, step = prediction.clean, posterior(level, below)
        log_variance = learned_log_variance(prediction, step, x)
        x = like(step.of_x, x) * x + like(step.of_clean, x) * clean
        if bool((below.sigma > 0).any()) or (last_noise and bool((level.t > 1).any())):
            if log_variance is not None:
                deviation = (0.5 * log_variance).exp()
            else:
                deviation = like((step.variance if variance == "small" else step.step_variance).sqrt(), x)
            x = x + deviation * noise(i)
        yield Stage(x, clean, below)
