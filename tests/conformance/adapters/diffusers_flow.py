"""Steps of diffusers' schedulers for flows on analytic networks, and the times that Flux visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.flow import FlowProcess
from diorama.processes.flow_spacing import FlowSpacing, SizedShift
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import UniformSpacing
from diorama.samplers.euler import EulerConfig
from tests.conformance.adapters.diffusers_ddpm import schedule_of
from tests.conformance.adapters.diffusers_sigmas import places_of, recorded
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def flowed(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` at each call of the network, and what belongs to it."""
    schedule = _asked_of_times(case)
    count = case.config.get("_num_inference_steps")
    times = schedule.spacing.times(schedule.process, count)
    assert not case.config.get("_step_kwargs"), f"{case.stem}: arguments of a step"
    denoise, stages = recorded(case, schedule, schedule.sampler, times)
    states = [level.alpha * ratio_state for ratio_state, level, _ in denoise.asked]
    states[0] = case.inputs["x_T"].double()
    told = torch.stack([schedule.preconditioning.time(level) for _, level, _ in denoise.asked])
    levels = [*(level for _, level, _ in denoise.asked), schedule.process.at(times[-1])]
    sigmas = torch.stack([_sigma(schedule, level) for level in levels])
    made = {
        "trajectory": torch.stack([*states, stages[-1].x]).float(),
        "timesteps": told.float(),
        "sigmas": sigmas.float(),
        "init_noise_sigma": torch.ones(1),
    }
    if "add_x0" in case.inputs:
        sigma = sigmas[places_of(case.inputs["add_t"], told)].reshape(-1, 1, 1, 1)
        made["added"] = ((1 - sigma) * case.inputs["add_x0"] + sigma * case.inputs["add_noise"]).float()
    return made


def _sigma(schedule: Schedule, level: Level) -> Tensor:
    """The library's sigma of a level: its noise, or where sigmas are inverted its signal."""
    preconditioning = schedule.preconditioning
    assert isinstance(preconditioning, TargetPreconditioning)
    return level.alpha if preconditioning.predicts == "reverse_flow" else level.sigma


def _asked_of_times(case: Case) -> Schedule:
    """The schedule with what ``set_timesteps`` was given: the strength of a shift, sigmas, times."""
    schedule = schedule_of(case, case.kind.rpartition(".")[2])
    given = dict(case.config.get("_set_timesteps_kwargs", {}))
    steps = case.config.get("num_train_timesteps", 1000)
    spacing = schedule.spacing
    assert isinstance(spacing, FlowSpacing)
    if (mu := given.pop("mu", None)) is not None:
        spacing = spacing.at_strength(mu)
    sigmas, times = given.pop("sigmas", None), given.pop("timesteps", None)
    assert not given, f"{case.stem}: set_timesteps was given {sorted(given)}"
    if sigmas is not None or times is not None:
        spacing = replace(spacing, chosen=tuple(sigmas if sigmas is not None else (t / steps for t in times)))
    sampler = schedule.sampler
    if times is not None and not case.config.get("invert_sigmas"):
        assert isinstance(sampler, EulerConfig), f"{case.stem}: times that are told of a stochastic step"
        sampler = EulerConfig(told=FlowSpacing(chosen=tuple(t / steps for t in times)))
    return replace(schedule, spacing=spacing, sampler=sampler)


def flux_times(case: Case) -> Mapping[str, Tensor]:
    """Times for numbers of steps and places, with the shift of their size or without."""
    made: dict[str, Tensor] = {}
    sized = SizedShift()
    for steps, places, shift in case.config["rows"]:
        spacing = UniformSpacing(shift=sized.shift(sized.mu(places)) if shift else 1.0)
        made[f"sched_{steps}_{places}_{int(shift)}"] = spacing.times(FlowProcess(), steps).float()
    return made


ADAPTERS: dict[str, Compute] = {
    "diffusers.FlowMatchEulerDiscreteScheduler": flowed,
    "diffusers.FlowMatchHeunDiscreteScheduler": flowed,
    "flux.sampling.get_schedule": flux_times,
}
