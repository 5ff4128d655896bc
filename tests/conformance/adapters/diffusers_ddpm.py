"""Steps of diffusers' DDPM, DDIM and unCLIP schedulers on analytic networks, with their noise injected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import Condition, DrawNoise, Stage
from diorama.interop.diffusers_scheduler import Schedule, read_schedule
from diorama.processes.gaussian import noised, target_of
from diorama.processes.precondition import LearnedVariance, Network, NetworkDenoise
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig, ddim_inverse
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_STEP_ARGUMENTS = {"eta", "use_clipped_model_output"}


def published_steps(case: Case) -> Mapping[str, Tensor]:
    """``trajectory``, ``pred_original_sample``, tables and levels of ``x_T`` and ``noise``."""
    name = case.kind.rpartition(".")[2]
    inverse = name == "DDIMInverseScheduler"
    schedule = _schedule(case, "DDIMScheduler" if inverse else name)
    times = _times(case, schedule)
    x = case.inputs["x_T"].double()
    denoise = NetworkDenoise(
        analytic_network(case.call, schedule.preconditioning.variance),
        schedule.preconditioning,
        {},
        threshold=schedule.threshold,
    )
    stages: Iterator[Stage]
    if inverse:
        assert isinstance(schedule.sampler, DDIMConfig)
        stages = ddim_inverse(denoise, x, schedule.process, times.flip(0), config=schedule.sampler)
        visited = times.flip(0)[1:]
    else:
        stages = schedule.sampler.run(denoise, x, schedule.process, times, injected(case))
        visited = times[:-1]
    walked = list(stages)
    cleans = [stage.clean for stage in walked if stage.clean is not None]
    made = {
        "trajectory": torch.stack([x, *(stage.x for stage in walked)]).float(),
        "pred_original_sample": torch.stack(cleans).float(),
        "timesteps": visited.round().long() - 1,
        "init_noise_sigma": torch.ones(1),
        **tables(schedule),
        **noised_as_given(case, schedule),
    }
    reference = _OUTPUTS.get(name, _OUTPUTS["DDPMScheduler"])
    return {key: value for key, value in made.items() if key in reference}


_COMMON = {"trajectory", "timesteps", "init_noise_sigma", "betas", "alphas_cumprod", "added"}
_OUTPUTS = {
    "DDPMScheduler": _COMMON | {"pred_original_sample", "velocity"},
    "DDIMInverseScheduler": _COMMON | {"pred_original_sample"},
    "UnCLIPScheduler": {"trajectory", "timesteps", "betas"},
}


def analytic_network(call: str, variance: LearnedVariance = "none") -> Network:
    """What the cases have for a network, in float32: the one of three whose formula ``call`` gives."""
    scale = 1 if "sin(t/1)" in call else 100

    def mean(x: Tensor, t: Tensor) -> Tensor:
        if "1.8*x" in call:
            return 1.8 * x + 0.3 * (t / scale).sin()
        if "-0.7*x" in call:
            return x + (-t / 200).exp() * (-0.7 * x + 0.2 * (2 * x).sin() + 0.3 * (t / 100).sin())
        return 0.3 * x + 0.2 * (2 * x).sin() + 0.1 * (t / scale).sin()

    def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        x, t = x.float(), t.float().reshape(-1, *(1,) * (x.dim() - 1))
        if variance == "none":
            return mean(x, t)
        wave = (x + t / 200).sin()
        return torch.cat([mean(x, t), 0.01 + 0.009 * wave if variance == "plain" else 0.9 * wave], dim=1)

    return network


def schedule_of(case: Case, name: str) -> Schedule:
    """What the config says of the scheduler of this name; call arguments begin with an underscore."""
    given = {key: value for key, value in case.config.items() if not key.startswith("_")}
    return read_schedule({"_class_name": name} | given)


def _schedule(case: Case, name: str) -> Schedule:
    schedule = schedule_of(case, name)
    step = case.config.get("_step_kwargs", {})
    assert step.keys() <= _STEP_ARGUMENTS, f"{case.stem}: arguments of a step {sorted(step)}"
    if isinstance(schedule.sampler, AncestralConfig):
        # Whether the last of given times draws noise depends on it alone, not on the spacing.
        late = schedule.sampler.last_noise or _given_times(case) is not None
        return replace(schedule, sampler=replace(schedule.sampler, last_noise=late))
    sampler = DDIMConfig(
        eta=step.get("eta", 0.0),
        clipped_noise=step.get("use_clipped_model_output", False),
        even=schedule.sampler.even,
    )
    return replace(schedule, sampler=sampler)


def _times(case: Case, schedule: Schedule) -> Tensor:
    chosen = _given_times(case)
    if chosen is not None:
        return torch.tensor([*(step + 1 for step in chosen), 0], dtype=torch.float64)
    return schedule.spacing.times(schedule.process, case.config["_num_inference_steps"])


def _given_times(case: Case) -> list[int] | None:
    """The times that the case visits in place of the spacing's, as published networks count them."""
    given: list[int] | None = case.config.get("_set_timesteps_kwargs", {}).get("timesteps")
    return given


def injected(case: Case) -> DrawNoise:
    """The noise that the case gives, by the step in which it is drawn."""
    drawn = case.inputs.get("noise", torch.empty(0))
    at_steps = case.inputs.get("noise_step", torch.empty(0)).tolist()
    draws: dict[int, list[Tensor]] = {}
    for step, draw in zip(at_steps, drawn, strict=True):
        draws.setdefault(int(step), []).append(draw.double())
    return lambda i, k=0: draws[i][k]


def tables(schedule: Schedule) -> Mapping[str, Tensor]:
    """``betas`` and ``alphas_cumprod``."""
    betas = schedule.process.variances
    return {"betas": betas.float(), "alphas_cumprod": torch.cumprod(1 - betas, 0).float()}


def noised_as_given(case: Case, schedule: Schedule) -> Mapping[str, Tensor]:
    """``added`` and ``velocity`` at the case's times, if it has them."""
    if "add_x0" not in case.inputs:
        return {}
    clean, noise = case.inputs["add_x0"].double(), case.inputs["add_noise"].double()
    level = schedule.process.at((case.inputs["add_t"] + 1).double().reshape(-1, 1, 1, 1))
    return {
        "added": noised(clean, noise, level).float(),
        "velocity": target_of("velocity", clean, noise, level).float(),
    }


_SCHEDULERS = ("DDPMScheduler", "DDIMScheduler", "DDIMInverseScheduler", "UnCLIPScheduler")
ADAPTERS: dict[str, Compute] = {f"diffusers.{name}": published_steps for name in _SCHEDULERS}
