"""Sampling of latent consistency models: the clean sample of each level, noised to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import like
from diorama.samplers.serving import counts_steps


@dataclass(frozen=True, kw_only=True)
class LCMConfig:
    """The sampler's settings.

    The clean sample is ``c_skip x + c_out clean`` with ``c_skip = s² / (k² + s²)`` and ``c_out = k / sqrt(k² + s²)``,
    where ``k`` is ``time_scale`` times the number of steps below the level: of the first step it is ``x`` itself.

    Args:
        time_scale: see above.
        sigma_data: standard deviation of the data, s.
    """

    time_scale: float = 10.0
    sigma_data: float = 0.5

    def __post_init__(self) -> None:
        if not (self.time_scale > 0 and self.sigma_data > 0):
            raise ValueError(f"must be positive: time_scale={self.time_scale}, sigma_data={self.sigma_data}")

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels that it cannot walk; raises ValueError."""
        counts_steps("lcm counts", process)

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`lcm` with these settings."""
        return lcm(denoise, x, process, times, noise, config=self)

    def boundary(self, level: Level) -> tuple[Tensor, Tensor]:
        """c_skip and c_out of a level of a process of steps."""
        k = self.time_scale * (level.t - 1)
        total = k**2 + self.sigma_data**2
        return self.sigma_data**2 / total, k / total.sqrt()


def lcm(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: LCMConfig
) -> Iterator[Stage]:
    """Find the clean sample, draw noise of the next level onto it, and so on.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; none is asked for in the last, which ends at the clean sample.
        config: how a clean sample meets the sample itself where there is little noise.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the process has no steps.

    Reference: S. Luo, Y. Tan, L. Huang, J. Li, H. Zhao, arXiv:2310.04378, algorithm 3 and section 4.1.
    """
    config.check(process, times)
    last = len(times) - 2
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        skip, out = config.boundary(level)
        clean = like(out, x) * denoise(x, level).clean + like(skip, x) * x
        x = clean if i == last else like(below.alpha, x) * clean + like(below.sigma, x) * noise(i)
        yield Stage(x, clean, below)
