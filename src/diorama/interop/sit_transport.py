"""The settings of SiT's ``create_transport``: its paths, and between which times it trains and draws.

Its time runs from noise, 0, to data, 1; all times here are ours, which run the other way.

Reference: N. Ma et al., "SiT: Exploring flow and diffusion-based generative models with scalable interpolant
transformers", arXiv:2401.08740, and its published code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.flow import FlowProcess
from diorama.processes.paths import CosineProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import motion
from diorama.samplers.interpolant import LastStep, Rate

PathType = Literal["Linear", "GVP", "VP"]
Predicted = Literal["velocity", "score", "noise"]
LossWeight = Literal["velocity", "likelihood"]

PROCESSES: Mapping[PathType, Process] = {
    "Linear": FlowProcess(),
    "GVP": CosineProcess(),
    "VP": PreservingProcess(),
}
"""By the name of the path."""

RATES: Mapping[str, Rate] = {
    "constant": "constant",
    "SBDM": "process",
    "sigma": "sigma",
    "linear": "linear",
    "decreasing": "decreasing",
    "inccreasing-decreasing": "bump",
}
"""By the name of the diffusion form, with its published spelling."""

LAST_STEPS: Mapping[str, LastStep] = {"Mean": "mean", "Euler": "euler", "Tweedie": "clean"}
"""By the name of the last step."""


@dataclass(frozen=True, kw_only=True)
class Transport:
    """What ``create_transport`` is given.

    Args:
        path_type: see :data:`PROCESSES`.
        prediction: what the network says.
        loss_weight: of squared errors of the score or the noise; ``None`` for 1. Errors of the velocity have no weight.
        train_eps: how far training stays away from the ends; ``None`` for its default.
        sample_eps: likewise of sampling.
    """

    path_type: PathType = "Linear"
    prediction: Predicted = "velocity"
    loss_weight: LossWeight | None = None
    train_eps: float | None = None
    sample_eps: float | None = None

    def __post_init__(self) -> None:
        if self.path_type not in PROCESSES:
            raise ValueError(f"path_type: must be one of {', '.join(PROCESSES)}, got {self.path_type!r}")
        if self._trimmed and self.train_eps is not None and self.sample_eps is None:
            # There the published code has no value for it and fails.
            raise ValueError("sample_eps: must be given where train_eps is")

    @property
    def process(self) -> Process:
        """The path."""
        return PROCESSES[self.path_type]

    def training_times(self) -> tuple[float, float]:
        """The latest and the earliest time that training looks at."""
        return self._interval(self._eps[0], diffusion="SBDM", stochastic=False, last=0.0)

    def ode_times(self, count: int) -> Tensor:
        """``count`` times of the path, falling."""
        return _grid(self._interval(self._eps[1], diffusion="SBDM", stochastic=False, last=0.0), count)

    def sde_times(self, count: int, *, diffusion: str, last: float) -> Tensor:
        """``count`` times of stochastic sampling, falling; the last is 0 where the last step has a size.

        Args:
            count: of the times before the last step.
            diffusion: form of the noise.
            last: size of the last step in time; 0 for none.
        """
        times = _grid(self._interval(self._eps[1], diffusion=diffusion, stochastic=True, last=last), count)
        return torch.cat([times, times.new_zeros(1)]) if last else times

    def weight(self, t: Tensor) -> Tensor:
        """The weight of squared errors of the noise at times t, of their shape."""
        if self.loss_weight is None:
            return torch.ones_like(t)
        sigma, rate = self.process.at(t).sigma, motion(self.process, t).diffusion ** 2 / 2
        return (rate / sigma) ** 2 if self.loss_weight == "velocity" else rate / sigma**2

    @property
    def _trimmed(self) -> bool:
        return self.path_type == "VP" or self.prediction != "velocity"

    @property
    def _eps(self) -> tuple[float, float]:
        """Of training and of sampling."""
        if not self._trimmed:
            return 0.0, 0.0
        if self.train_eps is None or self.sample_eps is None:
            return (1e-5 if self.path_type == "VP" else 1e-3), 1e-3
        return self.train_eps, self.sample_eps

    def _interval(self, eps: float, *, diffusion: str, stochastic: bool, last: float) -> tuple[float, float]:
        end = last if stochastic and last else eps
        if self.path_type == "VP":
            return 1.0, end
        if self.prediction == "velocity" and not stochastic:
            return 1.0, 0.0
        away = self.prediction != "velocity" or (stochastic and diffusion == "SBDM")
        return 1 - (eps if away else 0.0), end


def _grid(ends: tuple[float, float], count: int) -> Tensor:
    return torch.linspace(*ends, count, dtype=torch.float64, device="cpu")
