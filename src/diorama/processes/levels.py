"""Discrete Gaussian processes: how much signal and noise is left at each of T steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import Level

BetaName = Literal["linear", "scaled_linear", "cosine"]
Spacing = Literal["leading", "trailing", "linspace"]


def linear_betas(steps: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """Variances that grow linearly: (steps,) float64.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, section 4.
    """
    return torch.linspace(first, last, steps, dtype=torch.float64)


def scaled_linear_betas(steps: int, first: float = 0.00085, last: float = 0.012) -> Tensor:
    """Variances whose square roots grow linearly: (steps,) float64.

    Reference: R. Rombach et al., arXiv:2112.10752, published code.
    """
    return torch.linspace(math.sqrt(first), math.sqrt(last), steps, dtype=torch.float64) ** 2


def cosine_betas(steps: int, offset: float = 0.008, largest: float = 0.999) -> Tensor:
    """Variances under which the signal falls like a squared cosine: (steps,) float64, at most ``largest``.

    Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, equation 17.
    """
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=largest)


@dataclass(frozen=True, kw_only=True)
class DiscreteProcessConfig:
    """A process of ``steps`` steps that keeps the variance of unit-variance data.

    Args:
        steps: T.
        betas: how the steps' variances grow.
        first: variance of the first step, of the two linear kinds.
        last: variance of the last step, of the two linear kinds.
    """

    steps: int = 1_000
    betas: BetaName = "linear"
    first: float = 1e-4
    last: float = 0.02

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be positive, got {self.steps}")
        if not 0 < self.first <= self.last < 1:
            raise ValueError(f"0 < first <= last < 1 must hold, got first={self.first} last={self.last}")

    def build(self) -> DiscreteProcess:
        """The process with its tables."""
        return DiscreteProcess(self)


class DiscreteProcess(nn.Module):
    """Levels by the step's index ``t`` in 0 … T - 1; step 0 already holds a little noise.

    Attributes:
        betas: (T,) float64 on the CPU, the variance that each step adds.
        signal: (T,) float64 on the CPU, the share of the data's variance that is left, alpha squared.

    Reference: Ho et al. 2020, equation 4.
    """

    def __init__(self, config: DiscreteProcessConfig) -> None:
        super().__init__()
        self.config = config
        with torch.device("cpu"):
            if config.betas == "cosine":
                self.betas = cosine_betas(config.steps)
            else:
                make = linear_betas if config.betas == "linear" else scaled_linear_betas
                self.betas = make(config.steps, config.first, config.last)
            self.signal = torch.cumprod(1 - self.betas, 0)
            self.register_buffer("alpha", self.signal.sqrt().float(), persistent=False)
            self.register_buffer("sigma", (1 - self.signal).sqrt().float(), persistent=False)
        self.alpha: Tensor
        self.sigma: Tensor

    @property
    def steps(self) -> int:
        """T."""
        return self.config.steps

    def at(self, t: Tensor, dims: int) -> Level:
        """Levels of a batch, for training: float32 on the process's device.

        Args:
            t: (b,) int64 in 0 … T - 1.
            dims: dimensions of the data with the batch axis; the level broadcasts against them.
        """
        shape = (-1, *[1] * (dims - 1))
        return Level(t=t.reshape(shape), alpha=self.alpha[t].reshape(shape), sigma=self.sigma[t].reshape(shape))

    def level(self, t: int) -> Level:
        """One level for all samples, for samplers: scalars in float64 on the CPU. ``t = -1`` is clean data."""
        signal = torch.ones((), dtype=torch.float64) if t < 0 else self.signal[t]
        return Level(t=torch.tensor(t), alpha=signal.sqrt(), sigma=(1 - signal).sqrt())

    def descent(self, count: int | None = None, spacing: Spacing = "trailing") -> list[Level]:
        """``count`` levels from noise towards data, and clean data at the end.

        Args:
            count: how many of the T; ``None`` for all.
            spacing: as :func:`sampling_times`.
        """
        times = sampling_times(self.steps, count or self.steps, spacing)
        return [self.level(t) for t in (*times, -1)]


def sampling_times(steps: int, count: int, spacing: Spacing) -> list[int]:
    """``count`` of the indices 0 … steps - 1, the largest first.

    Args:
        steps: T.
        count: at most T.
        spacing: every (T // count)-th from 0; every (T / count)-th back from T - 1; or evenly with both ends.

    Reference: S. Lin et al., arXiv:2305.08891, table 2.
    """
    if not 1 <= count <= steps:
        raise ValueError(f"between 1 and {steps} steps can be taken, got {count}")
    if spacing == "leading":
        return [i * (steps // count) for i in reversed(range(count))]
    if spacing == "trailing":
        return [round(steps - i * steps / count) - 1 for i in range(count)]
    last = steps - 1
    return [round(last - i * last / max(count - 1, 1)) for i in range(count)]
