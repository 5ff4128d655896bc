"""What goes into a network of two times and what comes out of it, for models that jump between any two levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.precondition import LearnedVariance


@dataclass(frozen=True, kw_only=True)
class TwoTimePreconditioning:
    """The network sees samples of unit variance, and is told a time and how far it is to a second, earlier one.

    Written for any process ``x = alpha clean + sigma noise``. The paper's sigma is ``s = sigma / sigma_data`` here,
    since its noise has the data's deviation.

    Args:
        form: what the network puts out: the slope of the straight path in units of the data's deviation
            (``euler_fm``); the same of the arc from data to noise (``simple_edm``); or the clean sample (``identity``),
            which does not return what it is given where no noise is left.
        sigma_data: standard deviation of the data.
        time_scale: multiplies both times.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, section 4.2 and appendix C.5; the second time as "t - s" in
    table 5.
    """

    variance: ClassVar[LearnedVariance] = "none"
    two_times: ClassVar[bool] = True

    form: Literal["euler_fm", "simple_edm", "identity"] = "euler_fm"
    sigma_data: float = 0.5
    time_scale: float = 1_000.0

    def __post_init__(self) -> None:
        for name in ("sigma_data", "time_scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")

    def input(self, level: Level) -> Tensor:
        """c_in, ``1 / (sigma_data sqrt(alpha² + s²))``."""
        return 1 / self._total(level)

    def time(self, level: Level) -> Tensor:
        """c_noise, ``time_scale t``."""
        return self.time_scale * level.t

    def target(self, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """What a perfect network would put out, of the shape of ``clean``."""
        if self.form == "identity":
            return clean
        clean = clean / self.sigma_data
        if self.form == "euler_fm":
            return noise - clean
        return (self.sigma_data * level.alpha * noise - level.sigma * clean) / self._total(level)

    def clean(self, output: Tensor, x: Tensor, level: Level) -> Tensor:
        """c_skip(t) x + c_out(t) output."""
        if self.form == "identity":
            return output
        if self.form == "euler_fm":
            return (x - level.sigma * output) / (level.alpha + level.sigma / self.sigma_data)
        total = self._total(level)
        return level.alpha * (self.sigma_data / total) ** 2 * x - self.sigma_data * level.sigma / total * output

    def weight(self, level: Level) -> Tensor:
        """1 / c_out(t)²."""
        if self.form == "identity":
            return torch.ones_like(level.sigma)
        if self.form == "euler_fm":
            return (level.alpha / level.sigma + 1 / self.sigma_data) ** 2
        return (self._total(level) / (self.sigma_data * level.sigma)) ** 2

    def _total(self, level: Level) -> Tensor:
        """Standard deviation of the noisy sample."""
        return ((self.sigma_data * level.alpha) ** 2 + level.sigma**2).sqrt()
