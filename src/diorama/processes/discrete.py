"""Processes of T discrete steps that keep the variance of unit-variance data, at real times between the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Level, Process

BetaName = Literal["linear", "scaled_linear", "cosine", "sigmoid", "trained"]


def linear_betas(steps: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """Variances that grow linearly: (steps,) float64.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, section 4.
    """
    return torch.linspace(first, last, steps, dtype=torch.float64, device="cpu")


def scaled_linear_betas(steps: int, first: float = 0.00085, last: float = 0.012) -> Tensor:
    """Variances whose square roots grow linearly: (steps,) float64.

    Reference: R. Rombach et al., arXiv:2112.10752, published code.
    """
    return torch.linspace(math.sqrt(first), math.sqrt(last), steps, dtype=torch.float64, device="cpu") ** 2


def cosine_betas(steps: int, offset: float = 0.008, largest: float = 0.999) -> Tensor:
    """Variances under which the signal falls like a squared cosine: (steps,) float64, at most ``largest``.

    Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, equation 17.
    """
    time = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / steps
    signal = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=largest)


def sigmoid_betas(steps: int, first: float, last: float) -> Tensor:
    """Variances that rise from ``first`` to ``last`` like a logistic curve from -6 to 6: (steps,) float64.

    Reference: M. Xu et al., "GeoDiff", arXiv:2203.02923, published code.
    """
    rise = torch.linspace(-6, 6, steps, dtype=torch.float64, device="cpu").sigmoid()
    return first + (last - first) * rise


def zero_terminal_snr(betas: Tensor) -> Tensor:
    """The same schedule, stretched so that after its last step nothing is left of the data: (steps,) float64.

    The square roots of the products of ``1 - beta`` are moved down to end at 0, and scaled to begin where they did.

    Reference: S. Lin, B. Liu, J. Li, X. Yang, arXiv:2305.08891, algorithm 1.
    """
    root = torch.cumprod(1 - betas, 0).sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    signal = root**2
    return 1 - torch.cat([signal[:1], signal[1:] / signal[:-1]])


class _Tables(NamedTuple):
    """What is known at the whole times 0 … T, each (T + 1,), in one type and on one device.

    Attributes:
        alpha: signal scale, 1 at time 0.
        sigma: noise scale, 0 at time 0.
        angle: of the point (alpha, sigma) on the unit circle, from 0 for data up to pi/2 for pure noise.
        log_ratio: log(sigma / alpha), minus infinity at time 0.
    """

    alpha: Tensor
    sigma: Tensor
    angle: Tensor
    log_ratio: Tensor


@dataclass(frozen=True, kw_only=True)
class DiscreteProcess:
    """T noise steps as in the paper: time 0 is clean data, time ``t`` is data after t steps.

    Between two whole times log(sigma / alpha) is interpolated, as the samplers of T. Karras et al., arXiv:2206.00364,
    appendix C.3.4, ask of such models, or the ratio itself. Where that is infinite, the angle of (alpha, sigma) is.

    Args:
        steps: T.
        betas: how the steps' variances grow.
        first: variance of the first step, of the linear kinds and the sigmoid one.
        last: variance of the last step, likewise.
        offset: of the cosine kind, see :func:`cosine_betas`.
        largest: of the cosine kind's variances.
        trained: the variances themselves, of the kind ``trained``.
        zero_terminal_snr: no data are left at time T, see :func:`zero_terminal_snr`; a network that predicts noise
            says nothing there.
        terminal_signal: alpha² at time T with zero terminal SNR, for samplers that divide by it.
        between: what is interpolated between whole times; or nothing, where the levels are those of the time ``below``.
        looked_up: what is interpolated where the time of a ratio is looked up: the same, which makes it the inverse, or
            the logarithm, as diffusers does even where levels come from the ratio itself.
        prior: what samples start with: noise of unit variance, or of the variance that it has at the first level.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 4. The published networks count times from 0, one
    less than here: :class:`~diorama.processes.precondition.TargetPreconditioning` tells them ``t - 1``.
    """

    steps: int = 1_000
    betas: BetaName = "linear"
    first: float = 1e-4
    last: float = 0.02
    offset: float = field(default=0.008, metadata={LATER: True})
    largest: float = field(default=0.999, metadata={LATER: True})
    trained: tuple[float, ...] = field(default=(), metadata={LATER: True})
    zero_terminal_snr: bool = field(default=False, metadata={LATER: True})
    terminal_signal: float = field(default=0.0, metadata={LATER: True})
    between: Literal["log_ratio", "ratio", "below"] = field(default="log_ratio", metadata={LATER: True})
    looked_up: Literal["between", "log_ratio"] = field(default="between", metadata={LATER: True})
    prior: Literal["unit", "noise"] = field(default="unit", metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.steps < 1 + self.zero_terminal_snr:
            raise ValueError(f"steps must be at least {1 + self.zero_terminal_snr}, got {self.steps}")
        if len(self.trained) != (self.steps if self.betas == "trained" else 0):
            wanted = f"one for each of {self.steps} steps" if self.betas == "trained" else f"none with {self.betas}"
            raise ValueError(f"trained: {wanted} must be given, got {len(self.trained)}")
        if not 0 <= self.terminal_signal < 1 or (self.terminal_signal and not self.zero_terminal_snr):
            raise ValueError(
                f"terminal_signal must be in [0, 1), and 0 without zero_terminal_snr, got {self.terminal_signal}"
            )
        if not all(0 < beta < 1 for beta in self.trained):
            raise ValueError("trained: variances must lie between 0 and 1")
        if not 0 < self.first <= self.last < 1:
            raise ValueError(f"0 < first <= last < 1 must hold, got first={self.first} last={self.last}")
        if not (0 <= self.offset < math.inf and 0 < self.largest < 1):
            raise ValueError(
                f"offset must be at least 0 and largest in (0, 1), got offset={self.offset} largest={self.largest}"
            )

    @property
    def end(self) -> float:
        """T."""
        return float(self.steps)

    @property
    def variances(self) -> Tensor:
        """The variance that each step adds, beta_1 … beta_T: (T,) float64 on the CPU."""
        return zero_terminal_snr(self._named) if self.zero_terminal_snr else self._named

    @property
    def _named(self) -> Tensor:
        if self.betas == "trained":
            return torch.tensor(self.trained, dtype=torch.float64, device="cpu")
        if self.betas == "cosine":
            return cosine_betas(self.steps, self.offset, self.largest)
        if self.betas == "sigmoid":
            return sigmoid_betas(self.steps, self.first, self.last)
        make = linear_betas if self.betas == "linear" else scaled_linear_betas
        return make(self.steps, self.first, self.last)

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, T]; whole times may be given as integers, whose levels are float32."""
        if not t.is_floating_point():
            tables = _tables(self, torch.float32, t.device)
            return Level(t=t, alpha=tables.alpha[t], sigma=tables.sigma[t])
        tables = _tables(self, t.dtype, t.device)
        if self.between == "below":
            return Level(t=t, alpha=tables.alpha[t.long()], sigma=tables.sigma[t.long()])
        step, share = self._place(t)
        low, high = tables.log_ratio[step], tables.log_ratio[step + 1]
        angle = torch.lerp(tables.angle[step], tables.angle[step + 1], share)
        finite = low.isfinite() & high.isfinite()
        if self.between == "ratio":
            square = torch.lerp(low.exp(), high.exp(), share).square()
        else:
            square = (2 * torch.lerp(low, high, share)).exp()
        # From the ratio, alpha = 1 / sqrt(1 + r²) keeps its digits where it is nearly 0, which a cosine loses.
        alpha = torch.where(finite, (1 + square).rsqrt(), angle.cos())
        sigma = torch.where(finite, (1 + 1 / square).rsqrt(), angle.sin())
        return Level(t=t, alpha=alpha, sigma=sigma)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t; at whole times those of the step that follows.

        Raises:
            ValueError: nothing is interpolated.
        """
        if self.between == "below":
            raise ValueError("between: levels that jump have no slopes; solvers of differential equations need some")
        tables, level = _tables(self, t.dtype, t.device), self.at(t)
        step, _ = self._place(t)
        low, high = tables.log_ratio[step], tables.log_ratio[step + 1]
        # The angle turns by d(angle) = alpha sigma d(log ratio) = alpha² d(ratio).
        if self.between == "ratio":
            by_ratio = level.alpha**2 * (high.exp() - low.exp())
        else:
            by_ratio = level.alpha * level.sigma * (high - low)
        finite = low.isfinite() & high.isfinite()
        turn = torch.where(finite, by_ratio, tables.angle[step + 1] - tables.angle[step])
        return -level.sigma * turn, level.alpha * turn

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha, at most T."""
        tables = _tables(self, ratio.dtype, ratio.device)
        angle = ratio.atan()
        step = (torch.searchsorted(tables.angle, angle.contiguous(), right=True) - 1).clamp(0, self.steps - 1)
        low, high = tables.log_ratio[step], tables.log_ratio[step + 1]
        if self.between == "ratio" and self.looked_up == "between":
            by_ratio = (ratio - low.exp()) / (high.exp() - low.exp())
        else:
            by_ratio = (ratio.log() - low) / (high - low)
        by_angle = (angle - tables.angle[step]) / (tables.angle[step + 1] - tables.angle[step])
        share = torch.where(low.isfinite() & high.isfinite(), by_ratio, by_angle)
        return step + share.clamp(0, 1)

    def nearest(self, ratio: Tensor) -> Tensor:
        """The whole times 0 … T whose sigma / alpha is nearest to a ratio, of its shape; of two the later."""
        tables = _tables(self, torch.float64, ratio.device)
        ratios = tables.sigma / tables.alpha
        above = torch.searchsorted(ratios, ratio.double().contiguous()).clamp(1, self.steps)
        is_above = ratios[above] - ratio <= ratio - ratios[above - 1]
        return torch.where(is_above, above, above - 1)

    def prior_scale(self, t: Tensor) -> Tensor:
        """1: the process keeps the variance; or sigma, see ``prior``."""
        return torch.ones_like(t) if self.prior == "unit" else self.at(t).sigma

    def _place(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """The whole time below t (the last step's for T), and the share of the step that lies behind."""
        step = t.floor().clamp(0, self.steps - 1).long()
        return step, t - step


# Recorded steps read the tables where they lie, so none may be let go.
@cache
def _tables(process: DiscreteProcess, dtype: torch.dtype, device: torch.device) -> _Tables:
    signal = torch.cumprod(1 - process.variances, 0)
    if process.zero_terminal_snr:
        signal[-1] = process.terminal_signal
    data = torch.ones(1, dtype=torch.float64, device="cpu")
    signal = torch.cat([data, signal])  # (T + 1,), from clean data on
    alpha, sigma = signal.sqrt(), (1 - signal).sqrt()
    exact = (alpha, sigma, torch.atan2(sigma, alpha), (sigma / alpha).log())
    return _Tables(*(table.to(device=device, dtype=dtype) for table in exact))


def with_steps(process: Process, who: str) -> DiscreteProcess:
    """A process, as one that has steps.

    Args:
        process: any.
        who: does what with steps, as the message begins: ``sampler: lcm counts``.

    Raises:
        ValueError: it has none.
    """
    if not isinstance(process, DiscreteProcess):
        raise ValueError(f"{who} steps of a discrete process, and this model's process has none")
    return process
