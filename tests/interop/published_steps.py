"""Walking with a scheduler of diffusers and with ours, on one analytic network and the same noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.catalog import AnySampler

START = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
NOISE = torch.randn(40, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
"""In the order in which it is drawn."""


def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    """A function of sample and time, in whatever units it is told."""
    t = t.reshape(-1, 1, 1, 1)
    return 0.6 * x + 0.2 * (2 * x + t / 60).sin() + 0.1 * (t / 7).cos()


def theirs(
    scheduler: Any, given: Mapping[str, Any], step: Mapping[str, Any] | None = None
) -> tuple[Tensor, list[float]]:
    """Where diffusers ends, and the times that the network is told.

    Args:
        scheduler: of diffusers.
        given: to ``set_timesteps``.
        step: to every step.
    """
    scheduler.set_timesteps(**given)
    draws, told = iter(NOISE), []
    x = START * getattr(scheduler, "init_noise_sigma", 1.0)
    with pytest.MonkeyPatch.context() as patch:
        module = type(scheduler).__module__
        patch.setattr(f"{module}.randn_tensor", lambda *a, **k: next(draws), raising=False)
        for t in scheduler.timesteps:
            told.append(float(t))
            output = network(
                scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x,
                t.reshape(1).float(),
                {},
            )
            x = scheduler.step(output, t, x, **(step or {})).prev_sample
    return x, told


def ours(
    schedule: Schedule, count: int | None, *, sampler: AnySampler | None = None, start: float | None = None
) -> tuple[Tensor, list[float]]:
    """Where ours ends, in the scale ``x / alpha``, and the times that the network is told."""
    told: list[float] = []

    def asked(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        told.append(float(t[0]))
        return network(x.float(), t.float(), condition)

    process, times = schedule.process, schedule.spacing.times(schedule.process, count)
    denoise = NetworkDenoise(asked, schedule.preconditioning, {}, threshold=schedule.threshold)
    scale = process.prior_scale(times[0]) if start is None else start
    draws: Iterator[Tensor] = iter(NOISE)
    walker = sampler or schedule.sampler
    *_, last = walker.run(denoise, scale * START.double(), process, times, lambda i, k=0: next(draws).double())
    assert last.level is not None
    return (last.x / last.level.alpha).float(), told
