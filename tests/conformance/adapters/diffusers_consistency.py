"""Steps of diffusers' schedulers for models that jump to clean data, on analytic networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import Stage
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.tcd import TCDConfig
from tests.conformance.adapters.diffusers_ddpm import (
    analytic_network,
    injected,
    noised_as_given,
    schedule_of,
    tables,
)
from tests.conformance.adapters.diffusers_sigmas import places_of
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def distilled(case: Case) -> Mapping[str, Tensor]:
    """LCM's and TCD's ``trajectory``, and what belongs to it."""
    name = case.kind.rpartition(".")[2]
    schedule = schedule_of(case, name)
    given = dict(case.config.get("_set_timesteps_kwargs", {}))
    times = _times(case, schedule, given)
    if isinstance(schedule.sampler, TCDConfig):
        schedule = replace(schedule, sampler=TCDConfig(**case.config.get("_step_kwargs", {})))
    x = case.inputs["x_T"].double()
    stages = _walk(case, schedule, times, x)
    made = {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "timesteps": times[:-1].round().long() - 1,
        "init_noise_sigma": torch.ones(1),
        **tables(schedule),
        **noised_as_given(case, schedule),
    }
    if name == "LCMScheduler":
        made["pred_original_sample"] = torch.stack([s.clean for s in stages if s.clean is not None]).float()
    return made


def _times(case: Case, schedule: Schedule, given: dict[str, object]) -> Tensor:
    spacing = schedule.spacing
    assert isinstance(spacing, DistilledSpacing)
    if (grid := given.pop("original_inference_steps", None)) is not None:
        # TCD's scheduler then takes every step of the process for the grid, whatever the number.
        every = isinstance(schedule.sampler, TCDConfig)
        spacing = replace(spacing, grid=schedule.process.steps if every else grid)  # type: ignore[union-attr,arg-type]
    strength, chosen = given.pop("strength", 1.0), given.pop("timesteps", None)
    assert not given, f"{case.stem}: set_timesteps was given {sorted(given)}"
    if chosen is not None:
        assert strength == 1.0, f"{case.stem}: a strength with chosen times"
        steps = [step + 1 for step in chosen]  # type: ignore[attr-defined]
        return torch.tensor([*steps, float(spacing.until == "first")], dtype=torch.float64)
    spacing = replace(spacing, strength=strength)  # type: ignore[arg-type]
    return spacing.times(schedule.process, case.config["_num_inference_steps"])


def consistent(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` of a consistency model, and what belongs to it."""
    schedule = schedule_of(case, "CMStochasticIterativeScheduler")
    given = dict(case.config.get("_set_timesteps_kwargs", {}))
    spacing, chosen = schedule.spacing, given.pop("timesteps", ())
    assert isinstance(spacing, KarrasGridSpacing)
    assert not given, f"{case.stem}: set_timesteps was given {sorted(given)}"
    # The library counts places from the least noise, and then from the most.
    spacing = replace(spacing, places=tuple(reversed(chosen)))
    times = spacing.times(schedule.process, case.config.get("_num_inference_steps"))
    x = schedule.process.end * case.inputs["x_T"].double()
    stages = _walk(case, schedule, times, x)
    levels = schedule.process.at(times)
    told = schedule.preconditioning.time(levels)[:-1]
    sigma = levels.sigma[places_of(case.inputs["add_t"], told)].reshape(-1, 1, 1, 1)
    return {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "timesteps": told.float(),
        "sigmas": levels.sigma.float(),
        "init_noise_sigma": torch.tensor([schedule.process.end]),
        "added": (case.inputs["add_x0"] + sigma * case.inputs["add_noise"]).float(),
    }


def _walk(case: Case, schedule: Schedule, times: Tensor, x: Tensor) -> list[Stage]:
    network = analytic_network(case.call)
    denoise = NetworkDenoise(network, schedule.preconditioning, {}, threshold=schedule.threshold)
    return list(schedule.sampler.run(denoise, x, schedule.process, times, injected(case)))


ADAPTERS: dict[str, Compute] = {
    "diffusers.CMStochasticIterativeScheduler": consistent,
    "diffusers.LCMScheduler": distilled,
    "diffusers.TCDScheduler": distilled,
}
