"""Denoising diffusion implicit models: few steps, deterministic unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Stage
from diorama.processes.gaussian import like, noise_of, on, posterior
from diorama.processes.levels import DiscreteProcess, Spacing


@dataclass(frozen=True, kw_only=True)
class DDIMConfig:
    """The sampler's settings.

    Args:
        steps: evaluations of the network; ``None`` for all of the process's.
        eta: 0 is deterministic, 1 draws as much noise on the way as ancestral sampling.
        spacing: which of the process's steps.
    """

    steps: int | None = 50
    eta: float = 0.0
    spacing: Spacing = "trailing"

    def run(self, denoise: Denoise, x: Tensor, process: DiscreteProcess, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ddim` over the levels of a process."""
        return ddim(denoise, x, process.descent(self.steps, self.spacing), noise, eta=self.eta)


def ddim(
    denoise: Denoise, x: Tensor, levels: Sequence[Level], noise: DrawNoise, *, eta: float = 0.0
) -> Iterator[Stage]:
    """Walk down the levels along the noise that the denoiser finds.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        levels: from noise to data, each a scalar or broadcasting against x.
        noise: the draw of step *i*; not asked for where ``eta`` is 0.
        eta: share of the ancestral noise that is drawn anew.

    Yields:
        One stage after each step.

    Reference: J. Song, C. Meng, S. Ermon, arXiv:2010.02502, equations 12 and 16.
    """
    for i, (level, below) in enumerate(pairwise(levels)):
        clean = denoise(x, level).clean
        fresh = eta * posterior(level, below).variance.sqrt()
        kept = (below.sigma**2 - fresh**2).clamp(min=0).sqrt()
        x = like(below.alpha, x) * clean + like(kept, x) * noise_of(x, clean, on(level, x))
        if eta > 0 and bool((below.sigma > 0).any()):
            x = x + like(fresh, x) * noise(i)
        yield Stage(x, clean, below)
