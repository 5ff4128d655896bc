"""Schedulers of the diffusers library: what ``scheduler_config.json`` says of the noise process and of sampling.

A setting that would change what is drawn and is not followed is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diorama.core.config import decode
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.diffusers_consistency import CMArguments, LCMArguments, TCDArguments
from diorama.interop.diffusers_ddpm import DDIMArguments, DDPMArguments, UnCLIPArguments
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
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_score_sde import ScoreSdeVeArguments
from diorama.interop.diffusers_sigmas import (
    EulerAncestralArguments,
    EulerArguments,
    HeunArguments,
    KDPM2AncestralArguments,
    KDPM2Arguments,
    LMSArguments,
)

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


def _check_sigmas(arguments: AnyArguments) -> None:
    """Refuse a least noise level that is not below the largest one, under the names of the config."""
    low, high = (getattr(arguments, name, None) for name in ("sigma_min", "sigma_max"))
    if low is not None and high is not None and not 0 < low < high:
        raise BadInput(f"sigma_min, sigma_max: 0 < sigma_min < sigma_max must hold, got {low:g} and {high:g}")


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
        _check_sigmas(arguments)
        return arguments.schedule()
    except (BadConfig, ValueError) as problem:
        raise BadInput(str(problem)) from problem
