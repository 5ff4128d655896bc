"""Pseudo linear multistep sampling: DDIM's steps along a combination of what the network said in the last four."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import along_noise, clean_of, noise_of, on, target_of
from diorama.samplers.ddim import leap_of, steps_between
from diorama.samplers.serving import counts_steps, needs_signal

_WEIGHTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Of Adams and Bashforth, for the last one to four slopes, the newest first."""

_RUNGE_KUTTA_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class PNDMConfig:
    """The sampler's settings.

    Args:
        warm_up: of the first steps, which have no past: ``runge_kutta`` looks four times in each of three, as in the
            paper; ``heun`` looks twice in the first, and the next ones combine as few as there are, as Stable
            Diffusion's PLMS does.
        combined: which prediction of the last steps is combined: the noise, as in the paper, or the velocity, as
            diffusers does for networks that predict it. Sums of velocities lose the second order of the paper's method,
            since each belongs to a level of its own.
        even: as of :class:`~diorama.samplers.ddim.DDIMConfig`.
    """

    warm_up: Literal["heun", "runge_kutta"] = "heun"
    combined: Literal["noise", "velocity"] = "noise"
    even: bool = False

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels that it cannot walk; raises ValueError."""
        if self.combined == "noise":
            needs_signal("pndm", process, times)
        if self.even:
            counts_steps("pndm with even steps counts", process)
        if self.warm_up == "runge_kutta" and len(times) - 1 <= _RUNGE_KUTTA_STEPS:
            raise ValueError(f"warm_up: Runge-Kutta steps need at least four steps in all, got {len(times) - 1}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`pndm` with these settings."""
        return pndm(denoise, x, process, times, config=self)


def pndm(denoise: Denoise, x: Tensor, process: Process, times: Tensor, *, config: PNDMConfig) -> Iterator[Stage]:
    """Walk down the levels along weighted sums of the last predictions.

    The weights are those of even steps in time.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        config: how the first steps are taken, and what is combined.

    Yields:
        One stage after each step.

    Raises:
        ValueError: fewer than four steps with the Runge-Kutta warm-up, or no signal at the first level.

    Reference: L. Liu, Y. Ren, Z. Lin, Z. Zhao, arXiv:2202.09778, algorithm 2 and equations 9 to 13.
    """
    config.check(process, times)
    walk = _Walk(denoise, process, config.combined)
    steps = list(steps_between(process, times, even=config.even))
    said: list[Tensor] = []
    for i, (t, end) in enumerate(steps):
        new = walk.said(x, t)
        said = [new, *said[:3]]
        below = times[i + 1]
        if config.warm_up == "runge_kutta" and i < _RUNGE_KUTTA_STEPS:
            half = times.new_tensor(leap_of(process, times) // 2) if config.even else (t - below) / 2
            x, clean = _runge_kutta(walk, x, new, (t, below), half)
            end = below
        elif i == 0 and len(steps) > 1:
            ahead, _ = walk.to(x, new, t, end)
            # Where steps are even and times are not, the second look counts as one of a step that ends at its time.
            start = below + leap_of(process, times) if config.even else t
            x, clean = walk.to(x, (new + walk.said(ahead, below)) / 2, start, below)
            end = below
        else:
            weighted = [weight * old for weight, old in zip(_WEIGHTS[len(said) - 1], said, strict=True)]
            x, clean = walk.to(x, torch.stack(weighted).sum(0), t, end)
        yield Stage(x, clean, process.at(end))


def _runge_kutta(
    walk: _Walk, x: Tensor, first: Tensor, ends: tuple[Tensor, Tensor], half: Tensor
) -> tuple[Tensor, Tensor]:
    """A step of four looks, and the clean sample that their mean implies; the paper's equations 12 and 13."""
    t, below = ends
    middle = below + half
    second = walk.said(walk.to(x, first, t, t - half)[0], middle)
    third = walk.said(walk.to(x, second, t, middle)[0], middle)
    fourth = walk.said(walk.to(x, third, t, below)[0], below)
    return walk.to(x, (first + 2 * second + 2 * third + fourth) / 6, t, below)


@dataclass(frozen=True)
class _Walk:
    """Looks and steps on one process."""

    denoise: Denoise
    process: Process
    combined: Literal["noise", "velocity"]

    def said(self, x: Tensor, t: Tensor) -> Tensor:
        """The prediction for a sample, told that it is at time t."""
        level = self.process.at(t)
        clean, level = self.denoise(x, level).clean, on(level, x)
        return target_of(self.combined, clean, noise_of(x, clean, level), level)

    def to(self, x: Tensor, said: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
        """The sample at another time if this is the prediction at ``start``, and the clean sample then."""
        level = self.process.at(start)
        clean = clean_of(self.combined, said, x, on(level, x))
        return along_noise(x, clean, level, self.process.at(end)), clean
