"""The samplers by the names that people type, and their closed union."""

from __future__ import annotations

from collections.abc import Mapping

from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.interpolant import InterpolantConfig
from diorama.samplers.jumps import JumpsConfig
from diorama.samplers.midpoint import MidpointConfig
from diorama.samplers.ode import ODEConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig

AnySampler = (
    AncestralConfig
    | ConsistencyConfig
    | DDIMConfig
    | EulerConfig
    | HeunConfig
    | InterpolantConfig
    | JumpsConfig
    | MidpointConfig
    | ODEConfig
    | PredictorCorrectorConfig
)
"""How noise becomes data."""

SAMPLERS: Mapping[str, type[AnySampler]] = {
    "ancestral": AncestralConfig,
    "consistency": ConsistencyConfig,
    "ddim": DDIMConfig,
    "euler": EulerConfig,
    "heun": HeunConfig,
    "interpolant": InterpolantConfig,
    "jumps": JumpsConfig,
    "midpoint": MidpointConfig,
    "ode": ODEConfig,
    "pc": PredictorCorrectorConfig,
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


def name_of(sampler: AnySampler) -> str:
    """The name of a sampler; of a user's own, its class."""
    return next((name for name, kind in SAMPLERS.items() if isinstance(sampler, kind)), type(sampler).__name__)
