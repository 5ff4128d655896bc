"""The samplers by the names that people type, and their closed union."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from diorama.core.errors import BadConfig
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig

AnySampler = AncestralConfig | DDIMConfig | HeunConfig
"""How noise becomes data."""

SAMPLERS: Mapping[str, type[AnySampler]] = {"ancestral": AncestralConfig, "ddim": DDIMConfig, "heun": HeunConfig}
"""By name."""


def sampler_named(name: str) -> AnySampler:
    """A sampler with its default settings.

    Raises:
        BadConfig: there is none of that name; the message lists those that there are.
    """
    if name not in SAMPLERS:
        close = get_close_matches(name, SAMPLERS, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise BadConfig(f"sampler: there is no {name!r}{hint}; known are {', '.join(SAMPLERS)}")
    return SAMPLERS[name]()


def name_of(sampler: AnySampler) -> str:
    """The name of a sampler; of a user's own, its class."""
    return next((name for name, kind in SAMPLERS.items() if isinstance(sampler, kind)), type(sampler).__name__)
