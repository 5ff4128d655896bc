"""A process whose noise is as strong as the data, and not of unit variance."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.flow import FlowProcess
from diorama.processes.paths import CosineProcess


@dataclass(frozen=True, kw_only=True)
class ScaledNoiseProcess:
    """Another process's levels with weaker or stronger noise: the same alpha, and ``deviation`` times its sigma.

    Args:
        of: the other process.
        deviation: standard deviation of the noise; that of the data, so that noisy samples keep their scale.

    Reference: C. Lu, Y. Song, arXiv:2410.11081, section 3 (the prior's deviation is sigma_d); L. Zhou, S. Ermon,
    J. Song, arXiv:2503.07565, section 4.1.
    """

    of: FlowProcess | CosineProcess = field(default_factory=FlowProcess)
    deviation: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.deviation < float("inf"):
            raise ValueError(f"deviation must be positive and finite, got {self.deviation}")

    @property
    def end(self) -> float:
        """That of the other process."""
        return self.of.end

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        level = self.of.at(t)
        return Level(t=t, alpha=level.alpha, sigma=self.deviation * level.sigma)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t."""
        of_alpha, of_sigma = self.of.slopes(t)
        return of_alpha, self.deviation * of_sigma

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        return self.of.time_of(ratio / self.deviation)

    def prior_scale(self, t: Tensor) -> Tensor:
        """The deviation times that of the other process."""
        return self.deviation * self.of.prior_scale(t)
