"""Steps of diffusers' schedulers that walk down ratios of noise to signal, on analytic networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.gaussian import target_of
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.catalog import AnySampler
from diorama.samplers.euler import EulerConfig, Kept
from tests.conformance.adapters.diffusers_ddpm import analytic_network, injected, schedule_of, tables
from tests.conformance.case import Case
from tests.conformance.runner import Compute


class Recording:
    """A denoiser that keeps what it was asked and what it said."""

    def __init__(self, denoise: NetworkDenoise) -> None:
        self.denoise = denoise
        self.asked: list[tuple[Tensor, Level, Tensor]] = []

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        found = self.denoise(x, level)
        self.asked.append((x / level.alpha, level, found.clean))
        return found


def walked(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` of ``x / alpha`` at each call of the network, and what belongs to it."""
    name = case.kind.rpartition(".")[2]
    schedule = schedule_of(case, name)
    sampler = _stirring(case, schedule)
    process, times = schedule.process, schedule.spacing.times(schedule.process, case.config["_num_inference_steps"])
    network = analytic_network(case.call)
    denoise = Recording(NetworkDenoise(network, schedule.preconditioning, {}, threshold=schedule.threshold))
    scale = process.prior_scale(times[0])
    stages = list(sampler.run(denoise, scale * case.inputs["x_T"].double(), process, times, injected(case)))
    states, levels, cleans = zip(*denoise.asked, strict=True)
    if len(stages) == len(cleans):
        # Where a step asks once, what it makes of the answer.
        cleans = tuple(stage.clean for stage in stages)
    ratios = torch.stack([level.sigma / level.alpha for level in levels])
    made = {
        "trajectory": torch.stack([*states, stages[-1].x]).float(),
        "pred_original_sample": torch.stack(cleans).float(),
        "timesteps": (torch.stack([level.t for level in levels]) - 1).float(),
        "sigmas": torch.cat([ratios, ratios.new_zeros(1)]).float(),
        "init_noise_sigma": (scale / process.at(times[0]).alpha).reshape(1).float(),
        "added": _added(case, process),
        **tables(schedule),
    }
    # The library takes the place of a time among those that are visited for a step of the process.
    return made | ({"velocity": _velocity(case, process, times)} if name == "EulerDiscreteScheduler" else {})


def _stirring(case: Case, schedule: Schedule) -> AnySampler:
    """The scheduler's sampler, with the churn that its steps were asked for."""
    step = case.config.get("_step_kwargs", {})
    if not step:
        return schedule.sampler
    assert step.keys() <= {"s_churn", "s_tmin", "s_tmax", "s_noise"}, f"{case.stem}: {sorted(step)} of a step"
    predicts = schedule.preconditioning.predicts
    assert predicts in get_args(Kept), predicts
    return EulerConfig(
        churn=step.get("s_churn", 0.0),
        churn_low=step.get("s_tmin", 0.0),
        churn_high=step.get("s_tmax", math.inf),
        churn_scale=step.get("s_noise", 1.0),
        kept=predicts,  # type: ignore[arg-type]
    )


def _added(case: Case, process: Process) -> Tensor:
    level = process.at((case.inputs["add_t"] + 1).double().reshape(-1, 1, 1, 1))
    return (case.inputs["add_x0"] + level.sigma / level.alpha * case.inputs["add_noise"]).float()


def _velocity(case: Case, process: Process, times: Tensor) -> Tensor:
    places = (times[None, :-1] - 1 - case.inputs["add_t"].double()[:, None]).abs().argmin(1)
    level = process.at((places + 1).double().reshape(-1, 1, 1, 1))
    return target_of("velocity", case.inputs["add_x0"].double(), case.inputs["add_noise"].double(), level).float()


_SCHEDULERS = ("EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler")
ADAPTERS: dict[str, Compute] = {f"diffusers.{name}": walked for name in _SCHEDULERS}
