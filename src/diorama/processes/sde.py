"""A noise process as a stochastic differential equation ``dx = rate x dt + diffusion dw``, forwards and backwards.

Rates follow from any process's slopes; the chains of steps that the paper derives for its own equations are here too.

Reference: Y. Song, J. Sohl-Dickstein, D. P. Kingma, A. Kumar, S. Ermon, B. Poole, arXiv:2011.13456.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from diorama.core.contracts import Level, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import like, noise_of, on, posterior
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.preserving import PreservingProcess


class Motion(NamedTuple):
    """How fast samples move at a time.

    Attributes:
        rate: the drift is ``rate * x``.
        diffusion: standard deviation of the noise that is added, by the square root of time.
    """

    rate: Tensor
    diffusion: Tensor


def motion(process: Process, t: Tensor) -> Motion:
    """The equation whose samples have the process's levels, each of the shape of ``t``.

    Reference: D. P. Kingma et al., arXiv:2107.00630, appendix A (``f`` and ``g²`` of alpha and sigma).
    """
    level, (alpha, sigma) = process.at(t), process.slopes(t)
    rate = alpha / level.alpha
    return Motion(rate, (2 * level.sigma * (sigma - rate * level.sigma)).clamp(min=0).sqrt())


def score_of(x: Tensor, clean: Tensor, level: Level) -> Tensor:
    """The gradient of the log-density of noisy samples, of the shape of ``x``, that a clean sample implies."""
    level = on(level, x)
    return -noise_of(x, clean, level) / level.sigma


def reverse_drift(x: Tensor, score: Tensor, motion: Motion, *, flow: bool = False) -> Tensor:
    """dx / dt of the reverse-time equation, in the direction in which noise grows; of the shape of ``x``.

    Args:
        x: (b, ...).
        score: like ``x``.
        motion: of the process at the samples' time.
        flow: of the probability-flow path, which has the same densities and draws no noise.

    Reference: equation 6, and 13 for the flow.
    """
    share = 0.5 if flow else 1.0
    return like(motion.rate, x) * x - share * like(motion.diffusion**2, x) * score


def flow_slope(x: Tensor, clean: Tensor, process: Process, t: Tensor) -> Tensor:
    """dx / dt of the probability-flow path through ``x`` on which the clean sample is ``clean``; of their shape.

    It is :func:`reverse_drift` of a flow, without a division by alpha.
    """
    of_clean, of_noise = process.slopes(t)
    return like(of_clean, x) * clean + like(of_noise, x) * noise_of(x, clean, on(process.at(t), x))


def prior_log_density(process: Process, x: Tensor) -> Tensor:
    """Log-density in nats of samples (b, ...) at the process's end, under the noise that samples start with: (b,)."""
    scale = process.prior_scale(torch.tensor(process.end, dtype=torch.float64)).item()
    values = x.flatten(1)
    return -0.5 * (values / scale).square().sum(1) - values.shape[1] * math.log(scale * math.sqrt(2 * math.pi))


class Step(NamedTuple):
    """A step of the process upwards: ``x_above ~ N(keep x_below, variance)``.

    Attributes:
        keep: weight of the sample below.
        variance: of what is added.
        share: of ``variance`` that the posterior of the step backwards has, given the clean sample; ``None`` where no
            level below is known.
    """

    keep: Tensor
    variance: Tensor
    share: Tensor | None


def step_between(process: Process, t: Tensor, below: Tensor) -> Step:
    """The step from one time to a later one, exactly."""
    level, lower = process.at(t), process.at(below)
    step = posterior(level, lower)
    return Step(level.alpha / lower.alpha, step.step_variance, lower.sigma**2 / level.sigma**2)


def euler_step(process: Process, t: Tensor, length: float | Tensor) -> Step:
    """Euler and Maruyama's step of so much time, with drift and diffusion taken at ``t``."""
    moving = motion(process, t)
    return Step(1 + moving.rate * length, moving.diffusion**2 * length, None)


def chain_step(process: Process, t: Tensor, count: int) -> Step:
    """The step at time ``t`` in the chain of ``count`` steps that the paper derives from its equation.

    DDPM's of the variance-preserving process, SMLD's of the variance-exploding one; a process of steps is its own
    chain, and all others move by Euler's step of ``end / count``.

    Raises:
        ValueError: a process of steps has another number of them.

    Reference: appendices D and E; that of the sub-variance-preserving process is the published code's.
    """
    chain: Process = process
    if isinstance(process, DiscreteProcess | GeometricStepsProcess):
        if process.steps != count:
            raise ValueError(f"a chain is walked in all its {process.steps} steps, and {count} were asked for")
        place = t.floor()
    elif type(process) is PreservingProcess:
        first, growth = process.beta_min / count, process.beta_growth / count
        chain = DiscreteProcess(steps=count, first=first, last=first + growth)
        place = _place(process, t, count)
    elif isinstance(process, GeometricProcess):
        chain = GeometricStepsProcess(steps=count, sigma_min=process.sigma_min, sigma_max=process.sigma_max)
        place = _place(process, t, count)
    else:
        return euler_step(process, t, process.end / count)
    # Whole times, whose levels are looked up and not interpolated.
    return step_between(chain, place, (place - 1).clamp(min=0))


def _place(process: Process, t: Tensor, count: int) -> Tensor:
    """The whole step of a chain in which a continuous time lies."""
    return (t * (count - 1) / process.end).floor() + 1


def equation_of(process: Process, t: Tensor) -> tuple[Process, Tensor]:
    """The process in continuous time that a chain of steps stands for, and the time there; others are their own.

    Raises:
        ValueError: the steps are no chain of one of the paper's equations.
    """
    if isinstance(process, GeometricStepsProcess):
        ends = {"sigma_min": process.sigma_min, "sigma_max": process.sigma_max}
        return GeometricProcess(**ends), (t - 1) / (process.steps - 1)
    if not isinstance(process, DiscreteProcess):
        return process, t
    if process.betas != "linear" or process.zero_terminal_snr or process.steps < 2 or process.first == process.last:
        raise ValueError(
            "these discrete steps are no chain of the variance-preserving equation, whose betas are linear"
        )
    first, growth = process.first * process.steps, (process.last - process.first) * process.steps
    return PreservingProcess(beta_min=first, beta_growth=growth), (t - 1) / (process.steps - 1)
