"""The midpoint method on the probability-flow path, with noise stirred in where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import like, noise_of
from diorama.samplers.churn import ChurnConfig
from diorama.samplers.serving import needs_signal


@dataclass(frozen=True, kw_only=True)
class MidpointConfig(ChurnConfig):
    """The sampler's settings, beside those of churn.

    Args:
        rho: the middle of two ratios sigma / alpha is that of their rho-th roots.
    """

    rho: float = 3.0

    def __post_init__(self) -> None:
        if not self.rho > 0:
            raise ValueError(f"rho must be positive, got {self.rho}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`midpoint` with these settings."""
        return midpoint(denoise, x, process, times, noise, config=self)

    def check(self, process: Process, times: Tensor) -> None:
        """See :func:`~diorama.samplers.serving.needs_signal`."""
        needs_signal("midpoint", process, times)


def midpoint(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: MidpointConfig
) -> Iterator[Stage]:
    """Walk from one ratio of noise and signal to the next along the noise that is found in their middle.

    Args:
        denoise: the meaning of the network, called twice a step, and once in one whose middle is clean data.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for without churn.
        config: of the middle and of churn.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the first level has no signal, so that there is no ratio.

    Reference: ``sample_dpm_2`` of K. Crowson's k-diffusion in 2022, which Y. Song et al., arXiv:2303.01469, publish;
    after C. Lu et al., arXiv:2206.00927, algorithm 1, and T. Karras et al., arXiv:2206.00364, algorithm 2.
    """
    config.check(process, times)
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        ratio, target = level.sigma / level.alpha, below.sigma / below.alpha
        # u = x / alpha moves by the noise for each unit of the ratio.
        u = x / like(level.alpha, x)
        gamma = config.raised_by(ratio, len(times) - 1)
        if gamma:
            raised = ratio * (1 + gamma)
            u = u + like((raised**2 - ratio**2).sqrt(), x) * config.churn_scale * noise(i)
            ratio, level = raised, process.at(process.time_of(raised))
        x = like(level.alpha, x) * u
        middle = ((ratio ** (1 / config.rho) + target ** (1 / config.rho)) / 2) ** config.rho
        clean = denoise(x, level).clean
        found = noise_of(x, clean, level)
        between = process.at(process.time_of(middle))
        # Some processes have no noise between their least and none, so that the middle is clean data already.
        if between.sigma > 0:
            x_between = like(between.alpha, x) * (u + like(middle - ratio, x) * found)
            clean = denoise(x_between, between).clean
            found = noise_of(x_between, clean, between)
        x = like(below.alpha, x) * (u + like(target - ratio, x) * found)
        yield Stage(x, clean, below)
