"""Which scheduler of diffusers may say a schedule of ours, and with which settings; whether it does is found by reading
it back.

A candidate has each setting from the part of the schedule that reading puts it into. Where several settings lead to one
part, as the ends of a curve do, there is a candidate for each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Any

import torch

from diorama.interop.diffusers_ddpm import LEARNED
from diorama.interop.diffusers_schedule import BETAS, TARGETS, Schedule
from diorama.interop.diffusers_scheduler import SCHEDULERS, AnyArguments
from diorama.processes.catalog import AnyPreconditioning, AnyProcess, AnyThreshold
from diorama.processes.curves import Curve, CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.flow_spacing import FlowSpacing
from diorama.processes.geometric import GeometricProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.solver_spacing import FlowSolverSpacing, SolverSpacing
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.deis import DEISConfig
from diorama.samplers.dpm_solver import DPMSolverConfig, SinglestepDPMSolverConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.kdpm2 import KDPM2Config
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.lms import LMSConfig
from diorama.samplers.pndm import PNDMConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.samplers.sa_solver import SASolverConfig
from diorama.samplers.tcd import TCDConfig
from diorama.samplers.unipc import UniPCConfig

Settings = Mapping[str, Any]
"""Of a scheduler, under the library's names. One that a scheduler does not have is left out."""

WRITTEN: Mapping[type, tuple[str, ...]] = {
    AncestralConfig: ("DDPMScheduler", "UnCLIPScheduler"),
    ConsistencyConfig: ("CMStochasticIterativeScheduler", "FlowMatchEulerDiscreteScheduler"),
    DDIMConfig: (
        "DDIMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "EDMEulerScheduler",
        "FlowMatchEulerDiscreteScheduler",
    ),
    DEISConfig: ("DEISMultistepScheduler",),
    DPMSolverConfig: ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler"),
    EulerConfig: (
        "EulerDiscreteScheduler",
        "EDMEulerScheduler",
        "FlowMatchEulerDiscreteScheduler",
        "DDIMScheduler",
    ),
    HeunConfig: ("HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"),
    KDPM2Config: ("KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"),
    LCMConfig: ("LCMScheduler",),
    LMSConfig: ("LMSDiscreteScheduler",),
    PNDMConfig: ("PNDMScheduler",),
    PredictorCorrectorConfig: ("ScoreSdeVeScheduler",),
    SASolverConfig: ("SASolverScheduler",),
    SinglestepDPMSolverConfig: ("DPMSolverSinglestepScheduler",),
    TCDConfig: ("TCDScheduler",),
    UniPCConfig: ("UniPCMultistepScheduler",),
}
"""The schedulers that walk as a sampler does, the likeliest first."""


def candidates(schedule: Schedule) -> Iterator[tuple[str, AnyArguments]]:
    """Names of schedulers with their arguments, some of which cannot be built or be read."""
    process = schedule.process
    common = {**_of_process(process), **_of_preconditioning(schedule.preconditioning)}
    for name in WRITTEN.get(type(schedule.sampler), ()):
        kind = SCHEDULERS[name]
        taken = {field.name for field in fields(kind)}
        common |= _of_threshold(schedule.threshold, static="clip_sample" in taken)
        tried: list[Settings] = []
        for spaced, walked in product(_of_spacing(schedule), _of_sampler(schedule.sampler, name)):
            settings = {key: value for key, value in {**common, **spaced, **walked}.items() if key in taken}
            if settings not in tried:
                tried.append(settings)
                yield name, kind(**settings)


def _of_process(process: AnyProcess) -> Settings:
    if isinstance(process, DiscreteProcess):
        betas = {ours: theirs for theirs, ours in BETAS.items()}
        return {
            "num_train_timesteps": process.steps,
            "beta_start": process.first,
            "beta_end": process.last,
            "beta_schedule": betas.get(process.betas, "linear"),
            "trained_betas": process.trained or None,
            "rescale_betas_zero_snr": process.zero_terminal_snr,
        }
    if isinstance(process, ExplodingProcess):
        return {"sigma_max": process.sigma_max}
    if isinstance(process, GeometricProcess):
        return {"sigma_min": process.sigma_min, "sigma_max": process.sigma_max}
    return {"use_flow_sigmas": isinstance(process, FlowProcess)}


def _of_preconditioning(preconditioning: AnyPreconditioning) -> Settings:
    if isinstance(preconditioning, EDMPreconditioning):
        return {
            "sigma_data": preconditioning.sigma_data,
            "prediction_type": "v_prediction" if preconditioning.reverse else "epsilon",
            "timestep_type": "continuous",
        }
    if not isinstance(preconditioning, TargetPreconditioning):
        return {}
    targets = {ours: theirs for theirs, ours in TARGETS.items()} | {"flow": "flow_prediction"}
    learned = {ours: theirs for theirs, ours in LEARNED.items()}
    found: dict[str, Any] = {
        "prediction_type": targets.get(preconditioning.predicts, "epsilon"),
        "invert_sigmas": preconditioning.time_input == "reverse_time",
        "variance_type": learned.get(preconditioning.variance),
    }
    if preconditioning.time_input in ("time", "reverse_time") and preconditioning.time_scale >= 1:
        found["num_train_timesteps"] = round(preconditioning.time_scale)
    return found


def _of_threshold(threshold: AnyThreshold | None, *, static: bool) -> Settings:
    """How clean samples are limited.

    Args:
        threshold: ours.
        static: whether the scheduler has the static kind.
    """
    if threshold is None:
        return {"clip_sample": False, "clip_denoised": False, "thresholding": False}
    if isinstance(threshold, DynamicThreshold):
        return {
            "clip_sample": False,
            "thresholding": True,
            "dynamic_thresholding_ratio": threshold.share,
            "sample_max_value": threshold.largest,
        }
    limited = {"clip_sample": True, "clip_sample_range": threshold.largest, "clip_denoised": True}
    # Schedulers that have only the dynamic kind cut at 1 where no quantile may be larger.
    return limited | {"thresholding": not static and threshold == StaticThreshold(), "sample_max_value": 1.0}


def _of_curve(curve: Curve) -> Settings:
    return {f"use_{kind}_sigmas": curve == kind for kind in ("karras", "exponential", "beta")}


def _of_spacing(schedule: Schedule) -> Iterator[Settings]:
    spacing, process = schedule.spacing, schedule.process
    if isinstance(spacing, StepSpacing | CurveSpacing | SolverSpacing):
        yield from _of_steps(spacing, process)
    elif isinstance(spacing, KarrasSpacing):
        yield from _of_karras(schedule, spacing)
    elif isinstance(spacing, FlowSpacing):
        yield _of_flow(spacing)
    elif isinstance(spacing, FlowSolverSpacing):
        yield from _of_flow_solver(spacing)
    elif isinstance(spacing, UniformSpacing):
        # Even times that are stretched stay even, so that they may end at any.
        steps = schedule.steps or 1
        yield {"shift": spacing.shift, "shift_terminal": 1 / steps if steps > 1 else None}
    elif isinstance(spacing, DistilledSpacing):
        yield {"original_inference_steps": spacing.grid}
    elif isinstance(spacing, KarrasGridSpacing):
        ends = {"sigma_min": spacing.low, "sigma_max": spacing.high, "rho": spacing.rho}
        yield {**ends, "num_train_timesteps": spacing.grid}
    elif isinstance(spacing, TruncatedSpacing):
        yield {"sampling_eps": spacing.last}
    else:
        yield from ({"timestep_spacing": leap} for leap in ("leading", "trailing", "linspace"))


def _of_steps(spacing: StepSpacing | CurveSpacing | SolverSpacing, process: AnyProcess) -> Iterator[Settings]:
    curve: Curve = "times" if isinstance(spacing, StepSpacing) else spacing.curve
    found: dict[str, Any] = {
        "timestep_spacing": spacing.leap,
        "steps_offset": spacing.offset,
        "set_alpha_to_one": spacing.until == "clean",
        "final_sigmas_type": "zero" if spacing.until == "clean" else "sigma_min",
        **_of_curve(curve),
    }
    if isinstance(spacing, SolverSpacing) and spacing.latest is not None and isinstance(process, DiscreteProcess):
        found["lambda_min_clipped"] = _between_steps(process, spacing.latest)
    ends = {} if isinstance(spacing, StepSpacing) else {"sigma_min": spacing.low, "sigma_max": spacing.high}
    # An end may be the process's own, which is not said, or asked for.
    for left_out in ((), ("sigma_max",), ("sigma_min",), ("sigma_min", "sigma_max")):
        kept = {end: value for end, value in ends.items() if end not in left_out and value is not None}
        yield found | kept
        if curve == "exponential":
            yield found | kept | {"use_lu_lambdas": True, "use_exponential_sigmas": False}
        if isinstance(spacing, CurveSpacing) and curve != "times":
            # Its other ends are written out when it is read.
            yield found | kept | {"interpolation_type": "log_linear"}


def _between_steps(process: DiscreteProcess, latest: int) -> float:
    """log(alpha / sigma) half-way between a step and the one after it, so that no rounding moves it to another."""
    steps = torch.tensor([min(latest, process.steps), latest + 1], dtype=torch.float64, device="cpu")
    level = process.at(steps.clamp(max=process.steps))
    found = (level.alpha / level.sigma).log()
    return float(found.mean()) - (0.1 if latest >= process.steps else 0.0)


def _of_karras(schedule: Schedule, spacing: KarrasSpacing) -> Iterator[Settings]:
    process, sampler = schedule.process, schedule.sampler
    if isinstance(sampler, EulerConfig) and isinstance(sampler.told, CurveSpacing):
        # The ends are those of the process.
        told = {"timestep_spacing": sampler.told.leap, "steps_offset": sampler.told.offset}
        final = "zero" if sampler.told.until == "clean" else "sigma_min"
        ends = {"sigma_min": sampler.told.low, "sigma_max": sampler.told.high}
        for kept in ({}, ends):
            yield {**told, "final_sigmas_type": final, "interpolation_type": "log_linear", **kept}
    geometric = math.isinf(spacing.rho)
    counted = isinstance(process, ExplodingProcess) and process.prior_data == 1
    yield {
        "sigma_min": spacing.low,
        "sigma_max": spacing.high,
        "rho": 7.0 if geometric else spacing.rho,
        "sigma_schedule": "exponential" if geometric else "karras",
        **_of_curve("exponential" if geometric else "karras"),
        "final_sigmas_type": "zero" if spacing.until == "clean" else "sigma_min",
        "timestep_spacing": "leading" if counted else "linspace",
    }


def _of_flow(spacing: FlowSpacing) -> Settings:
    found: dict[str, Any] = {"shift": spacing.shift, "shift_terminal": spacing.stretched_to, **_of_curve(spacing.curve)}
    if (sized := spacing.sized) is None:
        return found
    return found | {
        "use_dynamic_shifting": True,
        "time_shift_type": sized.kind,
        "base_shift": sized.low,
        "max_shift": sized.high,
        "base_image_seq_len": sized.low_places,
        "max_image_seq_len": sized.high_places,
    }


def _of_flow_solver(spacing: FlowSolverSpacing) -> Iterator[Settings]:
    found: dict[str, Any] = {"flow_shift": spacing.shift, "shift_terminal": spacing.stretched_to}
    yield {**found, "final_sigmas_type": "zero" if spacing.until == 0 else "sigma_min"}
    if spacing.until:
        # The first step of betas that nothing else is told of.
        first = spacing.until**2 / (1 + spacing.until**2)
        yield {**found, "final_sigmas_type": "sigma_min", "beta_start": first, "beta_end": max(first, 0.02)}


def _of_sampler(sampler: AnySampler, scheduler: str) -> Iterator[Settings]:
    """What is walked by.

    Args:
        sampler: ours.
        scheduler: whose words are used; several have the same word for other things.
    """
    if isinstance(sampler, AncestralConfig):
        small = "fixed_small_log" if scheduler == "UnCLIPScheduler" else "fixed_small"
        yield {"variance_type": small if sampler.variance == "small" else "fixed_large"}
        yield {}  # learned, as the network says
    elif isinstance(sampler, DPMSolverConfig | SinglestepDPMSolverConfig):
        yield _of_dpm_solver(sampler)
    elif isinstance(sampler, DEISConfig):
        yield {"solver_order": sampler.order, "lower_order_final": sampler.lower_order_final}
    elif isinstance(sampler, UniPCConfig):
        yield {
            "solver_order": sampler.order,
            "predict_x0": sampler.predicts == "clean",
            "solver_type": sampler.variant,
            "lower_order_final": sampler.lower_order_final,
            "disable_corrector": sampler.uncorrected,
        }
    elif isinstance(sampler, SASolverConfig):
        yield {
            "predictor_order": sampler.predictor_order,
            "corrector_order": sampler.corrector_order,
            "algorithm_type": "data_prediction" if sampler.predicts == "clean" else "noise_prediction",
            "lower_order_final": sampler.lower_order_final,
        }
    elif isinstance(sampler, PNDMConfig):
        yield {"skip_prk_steps": sampler.warm_up == "heun"}
    elif isinstance(sampler, LCMConfig):
        yield {"timestep_scaling": sampler.time_scale}
    elif isinstance(sampler, ConsistencyConfig):
        yield {"s_noise": sampler.noise_scale, "sigma_min": sampler.sigma_min, "stochastic_sampling": True}
    elif isinstance(sampler, PredictorCorrectorConfig):
        yield _of_corrector(sampler)
    else:
        yield {}


def _of_dpm_solver(sampler: DPMSolverConfig | SinglestepDPMSolverConfig) -> Settings:
    algorithm = "dpmsolver++" if sampler.predicts == "clean" else "dpmsolver"
    return {
        "solver_order": sampler.order,
        "algorithm_type": f"sde-{algorithm}" if sampler.stochastic else algorithm,
        "solver_type": sampler.rule,
        "lower_order_final": sampler.lower_order_final,
        "euler_at_final": isinstance(sampler, DPMSolverConfig) and sampler.euler_at_final,
    }


def _of_corrector(sampler: PredictorCorrectorConfig) -> Settings:
    corrector = sampler.corrector
    if corrector is None:
        return {"correct_steps": 0}
    return {"correct_steps": corrector.steps, "snr": corrector.snr}
