"""The samplers by the names that people type, and their closed union."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial

from torch import Tensor

from diorama.core.contracts import Process
from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.deis import DEISConfig
from diorama.samplers.dpm_solver import DPMSolverConfig, SinglestepDPMSolverConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.interpolant import InterpolantConfig
from diorama.samplers.jumps import JumpsConfig
from diorama.samplers.kdpm2 import KDPM2Config
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.lms import LMSConfig
from diorama.samplers.midpoint import MidpointConfig
from diorama.samplers.ode import ODEConfig
from diorama.samplers.pndm import PNDMConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.samplers.sa_solver import SASolverConfig
from diorama.samplers.tcd import TCDConfig
from diorama.samplers.unipc import UniPCConfig

AnySampler = (
    AncestralConfig
    | ConsistencyConfig
    | DDIMConfig
    | DEISConfig
    | DPMSolverConfig
    | EulerConfig
    | HeunConfig
    | InterpolantConfig
    | JumpsConfig
    | KDPM2Config
    | LCMConfig
    | LMSConfig
    | MidpointConfig
    | ODEConfig
    | PNDMConfig
    | PredictorCorrectorConfig
    | SASolverConfig
    | SinglestepDPMSolverConfig
    | TCDConfig
    | UniPCConfig
)
"""How noise becomes data."""

SAMPLERS: Mapping[str, Callable[[], AnySampler]] = {
    "ancestral": AncestralConfig,
    "consistency": ConsistencyConfig,
    "ddim": DDIMConfig,
    "deis": DEISConfig,
    "dpm_2m": partial(DPMSolverConfig, predicts="noise"),
    "dpmpp_2m": DPMSolverConfig,
    "dpmpp_2m_sde": partial(DPMSolverConfig, stochastic=True),
    "dpmpp_2s": SinglestepDPMSolverConfig,
    "dpmpp_3m": partial(DPMSolverConfig, order=3),
    "dpmpp_3m_sde": partial(DPMSolverConfig, order=3, stochastic=True),
    "dpmpp_3s": partial(SinglestepDPMSolverConfig, order=3, rule="heun"),
    "euler": EulerConfig,
    "heun": HeunConfig,
    "kdpm2": KDPM2Config,
    "lcm": LCMConfig,
    "lms": LMSConfig,
    "interpolant": InterpolantConfig,
    "jumps": JumpsConfig,
    "midpoint": MidpointConfig,
    "ode": ODEConfig,
    "pc": PredictorCorrectorConfig,
    "pndm": PNDMConfig,
    "restarts": partial(JumpsConfig, restart=True),
    "sa_solver": SASolverConfig,
    "tcd": TCDConfig,
    "unipc": UniPCConfig,
}
"""By name; several are of one kind with other settings."""

_ELSEWHERE = {
    "ddpm": "ancestral",
    "dpmpp": "dpmpp_2m",
    "dpmsolver": "dpm_2m",
    "dpmsolverpp": "dpmpp_2m",
    "edm": "heun",
    "euler_a": "ancestral",
    "plms": "pndm",
    "rk45": "ode",
}
"""What other programs call them."""

_PARTICULAR = (
    HeunConfig | InterpolantConfig | KDPM2Config | LCMConfig | LMSConfig | MidpointConfig | ODEConfig | PNDMConfig
)
"""Samplers that cannot walk all levels."""


def sampler_named(name: str) -> AnySampler:
    """A sampler with its default settings.

    Raises:
        BadConfig: there is none of that name, and the message lists those that there are; or settings follow a name.
    """
    alone, colon, _ = name.partition(":")
    if colon and alone in SAMPLERS:
        raise BadConfig(
            f"sampler: {alone} takes no settings behind a colon, got {name!r}; give its name alone. A recipe sets them "
            "(--method.synthesizer.sampler.…), or the config of a model in Python (docs/sample.md)"
        )
    if name not in SAMPLERS:
        plain = name.casefold().replace("++", "pp").replace("-", "_")
        hint = did_you_mean(_ELSEWHERE.get(plain, plain), SAMPLERS)
        raise BadConfig(f"sampler: there is no {name!r}{hint}; known are {', '.join(SAMPLERS)}")
    return SAMPLERS[name]()


def check_serves(sampler: AnySampler, process: Process, times: Tensor) -> None:
    """Refuse a sampler that cannot walk these levels.

    Raises:
        ValueError: saying why.
    """
    if isinstance(sampler, _PARTICULAR):
        sampler.check(process, times)


def name_of(sampler: AnySampler) -> str:
    """The name of a sampler, of those of its kind the one whose settings are most alike; of a user's own, its class."""
    alike = {name: named for name, make in SAMPLERS.items() if type(named := make()) is type(sampler)}
    return min(alike, key=lambda name: _differences(alike[name], sampler), default=type(sampler).__name__)


def _differences(one: AnySampler, other: AnySampler) -> int:
    return sum(getattr(one, field.name) != getattr(other, field.name) for field in fields(one))
