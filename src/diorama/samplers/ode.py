"""The probability-flow path, followed by solvers of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.sde import flow_slope
from diorama.samplers.fixed_steps import Method, move
from diorama.samplers.runge_kutta import rk45
from diorama.samplers.serving import needs_slopes


@dataclass(frozen=True, kw_only=True)
class ODEConfig:
    """The sampler's settings.

    Args:
        method: one step between two levels, which asks the network once to four times
            (:data:`~diorama.samplers.fixed_steps.TABLEAUS`); or ``rk45``, which chooses its own steps between the first
            level and the last one above clean data, six calls each.
        relative: tolerated error of ``rk45`` as a share of the samples' values, of all samples of a batch together.
        absolute: tolerated error added to it.
        denoise: at the last level above clean data the denoiser's clean sample is taken, where the path would end with
            the little noise of that level.

    Reference: Y. Song et al., arXiv:2011.13456, section 4.3 and appendix D.3.
    """

    method: Method | Literal["rk45"] = "rk45"
    relative: float = 1e-5
    absolute: float = 1e-5
    denoise: bool = True

    def __post_init__(self) -> None:
        for name in ("relative", "absolute"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be in (0, 1), got {getattr(self, name):g}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`ode` with these settings."""
        return ode(denoise, x, process, times, noise, config=self)

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels between which there is no way.

        Raises:
            ValueError: there are fewer than two above clean data, or they jump from step to step.
        """
        needs_slopes("ode", process, times)
        if len(times) < 3:
            raise ValueError(f"steps: the sampler ode walks between at least two levels, got {len(times) - 1}")


def ode(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: ODEConfig
) -> Iterator[Stage]:
    """Follow the probability-flow path from the first level to the last one above clean data, and then denoise.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU; ``rk45`` takes the first and the
            last but one.
        noise: never asked for.
        config: which solver.

    Yields:
        One stage after each step, of ``rk45`` after each one that it accepts.

    Raises:
        ValueError: there are fewer than two levels above clean data.
        ArithmeticError: ``rk45`` finds no step that is short enough.
    """
    config.check(process, times)
    path = FlowPath(denoise, process, x.dtype)
    y, clean = x.double(), x
    if config.method == "rk45":
        ends = times[0].item(), times[-2].item()
        for reached in rk45(path, y, *ends, relative=config.relative, absolute=config.absolute):
            y = reached.y
            yield Stage(y.to(x.dtype), path.clean, process.at(_time(reached.t)))
    else:
        for t, below in pairwise(times[:-1]):
            y = move(path, t.item(), y, below.item(), config.method)
            yield Stage(y.to(x.dtype), path.clean, process.at(below))
    if config.denoise:
        clean = denoise(y.to(x.dtype), process.at(times[-2])).clean
        yield Stage(clean, clean, process.at(times[-1]))


class FlowPath:
    """The slope of the probability-flow path for solvers.

    Args:
        denoise: the meaning of the network.
        process: of its levels.
        dtype: of samples as the network sees them; the solver's are of float64, since its errors add up.
    """

    def __init__(self, denoise: Denoise, process: Process, dtype: torch.dtype) -> None:
        self.denoise, self.process, self.dtype = denoise, process, dtype
        self.clean: Tensor | None = None
        """What the denoiser said last."""

    def __call__(self, t: float, y: Tensor) -> Tensor:
        """dy / dt of samples (b, ...)."""
        time, x = _time(t), y.to(self.dtype)
        self.clean = self.denoise(x, self.process.at(time)).clean
        return flow_slope(x, self.clean, self.process, time).to(y.dtype)


def _time(t: float) -> Tensor:
    return torch.tensor(t, dtype=torch.float64, device="cpu")
