"""Steps of diffusers' multistep and singlestep solvers on analytic networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import noised
from diorama.processes.precondition import NetworkDenoise
from tests.conformance.adapters.diffusers_ddpm import analytic_network, injected, tables
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def solved(case: Case) -> Mapping[str, Tensor]:
    """``trajectory``, levels and, of discrete processes, tables; ``x_T`` and ``noise`` are given."""
    schedule = _schedule(case)
    process, asks = schedule.process, schedule.preconditioning
    times = _times(case, schedule)
    levels = process.at(times)
    told = asks.time(process.at(times[:-1]))
    scale = process.prior_scale(times[0])
    network = analytic_network(case.call, asks.variance)
    denoise = NetworkDenoise(network, asks, {}, threshold=schedule.threshold)
    x = scale * case.inputs["x_T"].double()
    stages = schedule.sampler.run(denoise, x, process, times, injected(case))
    edm = not isinstance(process, DiscreteProcess | FlowProcess)
    made = {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "timesteps": told.float() if edm else told.round().long(),
        "sigmas": (levels.sigma if isinstance(process, FlowProcess) else levels.sigma / levels.alpha).float(),
        "init_noise_sigma": scale.reshape(1).float(),
        "added": _added(case, levels, told),
    }
    return made if edm else made | _tables(case, schedule)


def _schedule(case: Case) -> Schedule:
    """What the config says; a shift that the call chooses takes the place of the config's."""
    given = {key: value for key, value in case.config.items() if not key.startswith("_")}
    chosen = case.config.get("_set_timesteps_kwargs", {})
    if "mu" in chosen:
        linear = given.pop("time_shift_type", "exponential") == "linear"
        given |= {"use_dynamic_shifting": False, "flow_shift": chosen["mu"] if linear else math.exp(chosen["mu"])}
    return read_schedule({"_class_name": case.kind.rpartition(".")[2]} | given)


def _times(case: Case, schedule: Schedule) -> Tensor:
    chosen = case.config.get("_set_timesteps_kwargs", {})
    assert chosen.keys() <= {"mu", "timesteps"}, f"{case.stem}: arguments of set_timesteps {sorted(chosen)}"
    if "timesteps" not in chosen:
        return schedule.spacing.times(schedule.process, case.config["_num_inference_steps"])
    end = schedule.spacing.times(schedule.process, len(chosen["timesteps"]))[-1:]
    return torch.cat([torch.tensor(chosen["timesteps"], dtype=torch.float64) + 1, end])


def _added(case: Case, levels: Level, told: Tensor) -> Tensor:
    """The clean samples noised to the visited level of which a network is told ``add_t``, of two the second."""
    places = []
    for asked in case.inputs["add_t"].double():
        found = ((told - asked).abs() < 1e-4).nonzero().flatten().tolist()
        places.append(found[min(1, len(found) - 1)] if found else len(told) - 1)
    shape = (-1, *(1,) * (case.inputs["add_x0"].dim() - 1))
    alpha, sigma = levels.alpha[places].reshape(shape), levels.sigma[places].reshape(shape)
    level = replace(levels, alpha=alpha, sigma=sigma)
    return noised(case.inputs["add_x0"].double(), case.inputs["add_noise"].double(), level).float()


def _tables(case: Case, schedule: Schedule) -> Mapping[str, Tensor]:
    """``betas`` and ``alphas_cumprod``, which the library has for flows as well."""
    if isinstance(schedule.process, DiscreteProcess):
        return tables(schedule)
    kept = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
    given = {key: value for key, value in case.config.items() if key in kept}
    return tables(read_schedule({"_class_name": "DDPMScheduler"} | given))


_SCHEDULERS = (
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EDMDPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
)
ADAPTERS: dict[str, Compute] = {f"diffusers.{name}": solved for name in _SCHEDULERS}
