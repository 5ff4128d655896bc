"""Schedulers of the diffusers library: what ``scheduler_config.json`` says of the noise process and of sampling.

A setting that would change what is drawn and is not followed is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from diorama.core.config import decode
from diorama.core.errors import BadConfig, BadInput
from diorama.core.suggestions import did_you_mean
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
from diorama.interop.diffusers_ranges import out_of_range
from diorama.interop.diffusers_repaint import RePaintArguments
from diorama.interop.diffusers_schedule import MOST_STEPS, Schedule
from diorama.interop.diffusers_score_sde import ScoreSdeVeArguments
from diorama.interop.diffusers_sigmas import (
    EulerAncestralArguments,
    EulerArguments,
    HeunArguments,
    KDPM2AncestralArguments,
    KDPM2Arguments,
    LMSArguments,
)

_FEWEST = 2
"""Training steps of a consistency model, whose levels have a first and a last one."""

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


def _checked(arguments: AnyArguments) -> AnyArguments:
    """The arguments, if there are steps, and a least noise level below the largest one, under the config's names."""
    steps = getattr(arguments, "num_train_timesteps", _FEWEST)
    fewest = _FEWEST if isinstance(arguments, CMArguments) else 1
    if not fewest <= steps <= MOST_STEPS:
        raise BadInput(f"num_train_timesteps: must be in {fewest} … {MOST_STEPS}, got {steps}")
    low, high = (getattr(arguments, name, None) for name in ("sigma_min", "sigma_max"))
    if low is not None and high is not None and not 0 < low < high:
        raise BadInput(f"sigma_min, sigma_max: 0 < sigma_min < sigma_max must hold, got {low:g} and {high:g}")
    return arguments


def read_schedule(published: Mapping[str, Any]) -> Schedule:
    """What a scheduler's config says.

    Raises:
        BadInput: another scheduler, an unknown setting, or one that is not followed; the message names it.
    """
    if "_class_name" not in published:
        raise BadInput("_class_name: is missing; it says which scheduler of diffusers this is (DDIMScheduler, say)")
    kind = str(published["_class_name"])
    if kind not in SCHEDULERS:
        raise BadInput(f"_class_name: {kind!r} is not followed, only {', '.join(SCHEDULERS)} are")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    known = [field.name for field in fields(SCHEDULERS[kind])]
    for name in given:
        if name not in known:
            raise BadInput(f"{kind}.{name}: is no field that is followed{did_you_mean(name, known)}")
    try:
        arguments: AnyArguments = decode(SCHEDULERS[kind], given, kind)
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    try:
        return _checked(arguments).schedule()
    except (BadConfig, ValueError) as problem:
        # Our own classes have names of their own for what the config says.
        raise BadInput(out_of_range(arguments) or str(problem)) from problem
