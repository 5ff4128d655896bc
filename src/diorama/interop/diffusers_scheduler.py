"""Schedulers of the diffusers library: what ``scheduler_config.json`` says of the noise process and of sampling.

A setting that would change what is drawn and is not followed is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.diffusers_consistency import CMArguments, LCMArguments, TCDArguments
from diorama.interop.diffusers_ddpm import LEARNED, DDIMArguments, DDPMArguments, UnCLIPArguments
from diorama.interop.diffusers_edm_euler import EDMEulerArguments
from diorama.interop.diffusers_flow import FlowEulerArguments, FlowHeunArguments
from diorama.interop.diffusers_multistep import (
    DEISArguments,
    DPMSolverMultistepArguments,
    DPMSolverSinglestepArguments,
    EDMDPMSolverArguments,
    SASolverArguments,
    UniPCArguments,
)
from diorama.interop.diffusers_pndm import PNDMArguments
from diorama.interop.diffusers_repaint import RePaintArguments
from diorama.interop.diffusers_schedule import BETAS, TARGETS, Schedule
from diorama.interop.diffusers_score_sde import ScoreSdeVeArguments
from diorama.interop.diffusers_sigmas import (
    EulerAncestralArguments,
    EulerArguments,
    HeunArguments,
    KDPM2AncestralArguments,
    KDPM2Arguments,
    LMSArguments,
)
from diorama.processes.catalog import AnyThreshold
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import DynamicThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig

AnyArguments = (
    CMArguments
    | DDIMArguments
    | DDPMArguments
    | DEISArguments
    | DPMSolverMultistepArguments
    | DPMSolverSinglestepArguments
    | EDMDPMSolverArguments
    | EDMEulerArguments
    | EulerAncestralArguments
    | EulerArguments
    | FlowEulerArguments
    | FlowHeunArguments
    | HeunArguments
    | KDPM2AncestralArguments
    | KDPM2Arguments
    | LCMArguments
    | LMSArguments
    | PNDMArguments
    | RePaintArguments
    | SASolverArguments
    | ScoreSdeVeArguments
    | TCDArguments
    | UnCLIPArguments
    | UniPCArguments
)

SCHEDULERS: Mapping[str, type[AnyArguments]] = {
    "CMStochasticIterativeScheduler": CMArguments,
    "DDIMScheduler": DDIMArguments,
    "DDPMScheduler": DDPMArguments,
    "DEISMultistepScheduler": DEISArguments,
    "DPMSolverMultistepScheduler": DPMSolverMultistepArguments,
    "DPMSolverSinglestepScheduler": DPMSolverSinglestepArguments,
    "EDMDPMSolverMultistepScheduler": EDMDPMSolverArguments,
    "EDMEulerScheduler": EDMEulerArguments,
    "EulerAncestralDiscreteScheduler": EulerAncestralArguments,
    "EulerDiscreteScheduler": EulerArguments,
    "FlowMatchEulerDiscreteScheduler": FlowEulerArguments,
    "FlowMatchHeunDiscreteScheduler": FlowHeunArguments,
    "HeunDiscreteScheduler": HeunArguments,
    "KDPM2AncestralDiscreteScheduler": KDPM2AncestralArguments,
    "KDPM2DiscreteScheduler": KDPM2Arguments,
    "LCMScheduler": LCMArguments,
    "LMSDiscreteScheduler": LMSArguments,
    "PNDMScheduler": PNDMArguments,
    "RePaintScheduler": RePaintArguments,
    "SASolverScheduler": SASolverArguments,
    "ScoreSdeVeScheduler": ScoreSdeVeArguments,
    "TCDScheduler": TCDArguments,
    "UnCLIPScheduler": UnCLIPArguments,
    "UniPCMultistepScheduler": UniPCArguments,
}
"""Arguments of the schedulers that are read, by their published names."""


def read_schedule(published: Mapping[str, Any]) -> Schedule:
    """What a scheduler's config says.

    Raises:
        BadInput: another scheduler, an unknown setting, or one that is not followed; the message names it.
    """
    kind = str(published.get("_class_name"))
    if kind not in SCHEDULERS:
        raise BadInput(f"_class_name: {kind!r} is not followed, only {', '.join(SCHEDULERS)} are")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    try:
        arguments: AnyArguments = decode(SCHEDULERS[kind], given, kind)
        return arguments.schedule()
    except (BadConfig, ValueError) as problem:
        raise BadInput(str(problem)) from problem


def write_schedule(schedule: Schedule) -> dict[str, Any]:
    """The content of ``scheduler_config.json``; :func:`read_schedule` reads it back, but for what nobody can tell.

    Raises:
        BadInput: the library cannot say a field; the message names it.
    """
    betas = {ours: theirs for theirs, ours in BETAS.items()}
    targets = {ours: theirs for theirs, ours in TARGETS.items()}
    variances = {ours: theirs for theirs, ours in LEARNED.items()}
    process, preconditioning, spacing = schedule.process, schedule.preconditioning, schedule.spacing
    if not isinstance(process, DiscreteProcess):
        raise BadInput(f"process: schedulers that are written here are discrete, not {_name(process)}")
    if not isinstance(preconditioning, TargetPreconditioning):
        raise BadInput(f"preconditioning: schedulers take a target, this network has {_name(preconditioning)}")
    predicts = preconditioning.predicts
    if not isinstance(spacing, StepSpacing):
        raise BadInput(f"spacing: schedulers that are written here visit whole steps, not {_name(spacing)}")
    if not isinstance(schedule.sampler, AncestralConfig | DDIMConfig):
        raise BadInput(f"sampler: schedulers that are written here are of DDPM and DDIM, not {_name(schedule.sampler)}")
    if process.betas == "cosine" and (process.offset, process.largest) != (0.008, 0.999):
        raise BadInput(f"process: the library's cosine has an offset of 0.008 and a largest of 0.999, not {process}")
    if predicts not in targets:
        raise BadInput(f"preconditioning.predicts: schedulers take {', '.join(targets)}, this network says {predicts}")
    common: dict[str, Any] = {
        "num_train_timesteps": process.steps,
        "beta_start": process.first,
        "beta_end": process.last,
        "beta_schedule": betas.get(process.betas, "linear"),
        "trained_betas": process.trained or None,
        "rescale_betas_zero_snr": process.zero_terminal_snr,
        "prediction_type": targets[predicts],
        "timestep_spacing": spacing.leap,
        "steps_offset": spacing.offset,
        **_written_threshold(schedule.threshold),
    }
    learned = preconditioning.variance
    arguments: DDPMArguments | DDIMArguments
    if isinstance(schedule.sampler, DDIMConfig):
        if learned != "none":
            raise BadInput("preconditioning.variance: DDIM's scheduler takes no learned variance")
        if process.betas == "sigmoid":
            raise BadInput("process.betas: DDIM's scheduler knows no 'sigmoid'")
        arguments = DDIMArguments(**common, set_alpha_to_one=spacing.until == "clean")
    else:
        if learned == "log":
            raise BadInput("preconditioning.variance: schedulers take a variance or a share, not a logarithm")
        variance = variances.get(learned, f"fixed_{schedule.sampler.variance}")
        arguments = DDPMArguments(**common, variance_type=variance)
    name = next(name for name, kind in SCHEDULERS.items() if isinstance(arguments, kind))
    fields = {key: value for key, value in encode(arguments).items() if key not in ("kind", "tensor_format")}
    return {"_class_name": name} | fields


def _written_threshold(threshold: AnyThreshold | None) -> dict[str, Any]:
    if isinstance(threshold, DynamicThreshold):
        return {
            "thresholding": True,
            "dynamic_thresholding_ratio": threshold.share,
            "sample_max_value": threshold.largest,
        }
    return {"clip_sample": False} if threshold is None else {"clip_sample_range": threshold.largest}


def _name(value: object) -> str:
    return type(value).__name__
