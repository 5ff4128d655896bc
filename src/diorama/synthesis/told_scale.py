"""Models that were taught a guided teacher's answers, and are told its scale as a condition.

Such a model has a condition ``guidance``, whose null is the scale that it draws at where nobody asks for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from diorama.core.contracts import ConditionSpec

KEY = "guidance"


def told_scale(conditions: Sequence[ConditionSpec], scale: float) -> float:
    """The scale that samples are drawn at: what the network is told, or else the model's own ``scale``."""
    spec = _spec(conditions)
    return scale if spec is None or spec.null is None else spec.null


def guidance_asked(conditions: tuple[ConditionSpec, ...], own: float, asked: float | None) -> dict[str, Any]:
    """Fields of a model that is drawn from at another scale.

    Args:
        conditions: what the model is given.
        own: its scale of guidance.
        asked: the scale that is asked for; ``None`` for its own.

    Raises:
        ValueError: the network was not taught this scale.
    """
    spec = _spec(conditions)
    if asked is None or spec is None:
        return {"guidance": own if asked is None else asked}
    if spec.bounds is not None and not spec.bounds[0] <= asked <= spec.bounds[1]:
        low, high = spec.bounds
        raise ValueError(f"guidance: this model was taught scales from {low:g} to {high:g}, got {asked:g}")
    told = replace(spec, null=asked)
    return {"conditions": tuple(told if other is spec else other for other in conditions)}


def _spec(conditions: Sequence[ConditionSpec]) -> ConditionSpec | None:
    return next((spec for spec in conditions if spec.key == KEY), None)
