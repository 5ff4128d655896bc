"""Samplers for models that jump to clean data, and what is said of models that were never trained to."""

from __future__ import annotations

from diorama.processes.catalog import AnyPreconditioning
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.samplers.catalog import AnySampler, name_of
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.tcd import TCDConfig

_JUMPING = (ConsistencyConfig, LCMConfig, TCDConfig)


def unlearned_jumps(own: AnySampler, preconditioning: AnyPreconditioning, asked: AnySampler) -> str:
    """What is said where a model is asked for jumps to clean data that it has never learned; empty where it has, or
    where another sampler is asked for.

    Args:
        own: the sampler that the model was made for, which jumps if the model does.
        preconditioning: of its network.
        asked: the sampler in its place.
    """
    learned = isinstance(own, _JUMPING) or isinstance(preconditioning, ConsistencyPreconditioning)
    if learned or not isinstance(asked, _JUMPING):
        return ""
    suited = "jumps or restarts" if preconditioning.two_times else "ddim, heun, dpmpp_2m or unipc"
    return (
        f"sampler: {name_of(asked)} is for consistency models, which jump to clean data, and this model is none: what "
        f"it draws so may be blurred or worse; {suited} suit it, and its own is {name_of(own)}"
    )
