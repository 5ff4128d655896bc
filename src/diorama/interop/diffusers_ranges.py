"""What numbers of a scheduler's config may be, under the names of the config."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple


class _Range(NamedTuple):
    """Numbers that serve, and how a message says so."""

    words: str
    holds: Callable[[float], bool]


_POSITIVE = _Range("positive and finite", lambda value: 0 < value < math.inf)
_AT_LEAST_0 = _Range("at least 0", lambda value: value >= 0)
_AT_LEAST_1 = _Range("at least 1", lambda value: value >= 1)

_RANGES: Mapping[str, _Range] = {
    "clip_sample_range": _POSITIVE,
    "correct_steps": _AT_LEAST_0,
    "dynamic_thresholding_ratio": _Range("above 0 and at most 1", lambda value: 0 < value <= 1),
    "original_inference_steps": _AT_LEAST_1,
    "s_noise": _AT_LEAST_0,
    "sample_max_value": _AT_LEAST_1,
    "sampling_eps": _POSITIVE,
    "shift": _POSITIVE,
    "shift_terminal": _Range("above 0 and below 1", lambda value: 0 < value < 1),
    "sigma_max": _POSITIVE,
    "sigma_min": _POSITIVE,
    "solver_order": _AT_LEAST_1,
    "steps_offset": _AT_LEAST_0,
    "timestep_scaling": _POSITIVE,
}


def out_of_range(arguments: object) -> str:
    """The first field of a scheduler's arguments whose number cannot serve, in words; empty where all can."""
    for name, allowed in _RANGES.items():
        value = getattr(arguments, name, None)
        if value is not None and not allowed.holds(value):
            return f"{name}: must be {allowed.words}, got {value:g}"
    return ""
