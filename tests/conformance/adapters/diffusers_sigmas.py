"""Steps of diffusers' schedulers that walk down ratios of noise to signal, on analytic networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process, Stage
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.gaussian import target_of
from diorama.processes.precondition import EDMPreconditioning, NetworkDenoise, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.euler import EulerConfig, Kept
from diorama.samplers.kdpm2 import KDPM2Config
from diorama.samplers.lms import LMSConfig
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


def recorded(case: Case, schedule: Schedule, sampler: AnySampler, times: Tensor) -> tuple[Recording, list[Stage]]:
    """What the network was asked on the way, and the way."""
    network = analytic_network(case.call)
    denoise = Recording(NetworkDenoise(network, schedule.preconditioning, {}, threshold=schedule.threshold))
    start = schedule.process.prior_scale(times[0]) * case.inputs["x_T"].double()
    draws = injected(case)
    # The library counts calls of the network, and KDPM2 draws after the second of each step.
    noise = (lambda i, k=0: draws(2 * i + 1, k)) if isinstance(sampler, KDPM2Config) else draws
    return denoise, list(sampler.run(denoise, start, schedule.process, times, noise))


def walked(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` of ``x / alpha`` at each call of the network, and what belongs to it."""
    name = case.kind.rpartition(".")[2]
    schedule = schedule_of(case, name)
    process, times = schedule.process, schedule.spacing.times(schedule.process, case.config["_num_inference_steps"])
    denoise, stages = recorded(case, schedule, _asked_of_steps(case, schedule), times)
    states, levels, cleans = zip(*denoise.asked, strict=True)
    if len(stages) == len(cleans):
        # Where a step asks once, what it makes of the answer.
        cleans = tuple(stage.clean for stage in stages)
    told = torch.stack([schedule.preconditioning.time(level) for level in levels])
    sigmas = _sigmas(case, schedule, times, torch.stack([level.sigma / level.alpha for level in levels]))
    last = process.at(times[-1])
    made = {
        "trajectory": torch.stack([*states, stages[-1].x / last.alpha]).float(),
        "pred_original_sample": torch.stack(cleans).float(),
        "timesteps": told.float(),
        "sigmas": sigmas.float(),
        "init_noise_sigma": (process.prior_scale(times[0]) / process.at(times[0]).alpha).reshape(1).float(),
    }
    places = places_of(case.inputs["add_t"], told)
    made["added"] = (case.inputs["add_x0"] + sigmas[places].reshape(-1, 1, 1, 1) * case.inputs["add_noise"]).float()
    if name == "EDMEulerScheduler":
        return made
    table = _table(case, name)
    # The library takes the place of a time among those that are visited for a step of the process.
    velocity = {"velocity": _velocity(case, table.process, places)} if name == "EulerDiscreteScheduler" else {}
    return made | dict(tables(table)) | velocity


def _asked_of_steps(case: Case, schedule: Schedule) -> AnySampler:
    """The scheduler's sampler, with what its steps were asked for: churn, or an order."""
    step = dict(case.config.get("_step_kwargs", {}))
    if isinstance(schedule.sampler, LMSConfig):
        return LMSConfig(**step)
    if not step:
        return schedule.sampler
    assert step.keys() <= {"s_churn", "s_tmin", "s_tmax", "s_noise"}, f"{case.stem}: {sorted(step)} of a step"
    kept, sigma_data = _kept(schedule)
    # The library shares churn out among the entries of its table but the last, an end that no step reaches included.
    steps = case.config["_num_inference_steps"]
    share = steps / (steps + 1) if _has_unreached_end(case, schedule) else 1.0
    return EulerConfig(
        churn=share * step.get("s_churn", 0.0),
        churn_low=step.get("s_tmin", 0.0),
        churn_high=step.get("s_tmax", math.inf),
        churn_scale=step.get("s_noise", 1.0),
        kept=kept,
        sigma_data=sigma_data,
        told=schedule.sampler.told if isinstance(schedule.sampler, EulerConfig) else None,
    )


def _kept(schedule: Schedule) -> tuple[Kept, float]:
    """What the library keeps of a network's answer when it stirs noise in, and the preconditioning's sigma_data."""
    preconditioning = schedule.preconditioning
    if isinstance(preconditioning, TargetPreconditioning):
        assert preconditioning.predicts in get_args(Kept), preconditioning
        return preconditioning.predicts, 0.5  # type: ignore[return-value]
    assert isinstance(preconditioning, EDMPreconditioning)
    if isinstance(schedule.sampler, EulerConfig) and schedule.sampler.told is None:
        return "output", preconditioning.sigma_data
    return "velocity", 0.5


def _sigmas(case: Case, schedule: Schedule, times: Tensor, asked: Tensor) -> Tensor:
    """The library's table of sigmas for the levels that were asked about."""
    end = schedule.process.at(times)
    visited = end.sigma / end.alpha
    if isinstance(schedule.sampler, KDPM2Config):
        return torch.cat([visited[:1], visited[1:].repeat_interleave(2), visited[-1:]])
    found = torch.cat([asked, visited[-1:]])
    if _has_unreached_end(case, schedule):
        ends = schedule.process.at(times.new_tensor(float(case.config.get("final_sigmas_type") == "sigma_min")))
        found = torch.cat([found, (ends.sigma / ends.alpha).reshape(1)])
    return found


def _has_unreached_end(case: Case, schedule: Schedule) -> bool:
    """Whether the library's table of sigmas goes on to an end that no step reaches."""
    return case.config.get("interpolation_type") == "log_linear" and isinstance(schedule.spacing, KarrasSpacing)


def places_of(asked: Tensor, told: Tensor) -> Tensor:
    """Where times stand among those that the network is told, of which the library's differ by roundings: the nearest,
    and of two the second, as in the library."""
    apart = [(told - t).abs() for t in asked.double()]
    near = [(gap <= gap.min() + 1e-3).nonzero().flatten() for gap in apart]
    return torch.stack([places[min(1, len(places) - 1)] for places in near])


def _table(case: Case, name: str) -> Schedule:
    """The schedule with the process of all steps, which the library keeps whatever sigmas are visited."""
    free = {"timestep_type", "sigma_min", "sigma_max"} if name == "EulerDiscreteScheduler" else set()
    kept = {key: value for key, value in case.config.items() if key not in free}
    return schedule_of(replace(case, config=kept), name)


def _velocity(case: Case, process: Process, places: Tensor) -> Tensor:
    level = process.at((places + 1).double().reshape(-1, 1, 1, 1))
    return target_of("velocity", case.inputs["add_x0"].double(), case.inputs["add_noise"].double(), level).float()


_SCHEDULERS = (
    "EDMEulerScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LMSDiscreteScheduler",
)
ADAPTERS: dict[str, Compute] = {f"diffusers.{name}": walked for name in _SCHEDULERS}
