"""The samplers by the names that people type, and their closed union."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diorama.core.contracts import Process
from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.kdpm2 import KDPM2Config
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.lms import LMSConfig
from diorama.samplers.ode import ODEConfig
from diorama.samplers.pndm import PNDMConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.samplers.tcd import TCDConfig

AnySampler = (
    AncestralConfig
    | ConsistencyConfig
    | DDIMConfig
    | EulerConfig
    | HeunConfig
    | KDPM2Config
    | LCMConfig
    | LMSConfig
    | ODEConfig
    | PNDMConfig
    | PredictorCorrectorConfig
    | TCDConfig
)
"""How noise becomes data."""

SAMPLERS: Mapping[str, type[AnySampler]] = {
    "ancestral": AncestralConfig,
    "consistency": ConsistencyConfig,
    "ddim": DDIMConfig,
    "euler": EulerConfig,
    "heun": HeunConfig,
    "kdpm2": KDPM2Config,
    "lcm": LCMConfig,
    "lms": LMSConfig,
    "ode": ODEConfig,
    "pc": PredictorCorrectorConfig,
    "pndm": PNDMConfig,
    "tcd": TCDConfig,
}
"""By name."""


def sampler_named(name: str) -> AnySampler:
    """A sampler with its default settings.

    Raises:
        BadConfig: there is none of that name; the message lists those that there are.
    """
    if name not in SAMPLERS:
        hint = did_you_mean(name, SAMPLERS)
        raise BadConfig(f"sampler: there is no {name!r}{hint}; known are {', '.join(SAMPLERS)}")
    return SAMPLERS[name]()


def check_serves(sampler: AnySampler, process: Process, times: Tensor) -> None:
    """Refuse a sampler that cannot walk these levels.

    Raises:
        ValueError: saying why.
    """
    if isinstance(sampler, KDPM2Config | LCMConfig | LMSConfig | PNDMConfig):
        sampler.check(process, times)


def name_of(sampler: AnySampler) -> str:
    """The name of a sampler; of a user's own, its class."""
    return next((name for name, kind in SAMPLERS.items() if isinstance(sampler, kind)), type(sampler).__name__)
