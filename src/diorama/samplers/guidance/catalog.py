"""The kinds of guidance by the names that people type, and their closed union."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.guidance.perturbed_attention import PerturbedAttentionGuidance
from diorama.samplers.guidance.projected import ProjectedGuidance
from diorama.samplers.guidance.tangential import TangentialGuidance
from diorama.samplers.guidance.zero_star import ZeroStarGuidance

AnyGuidance = (
    Autoguidance
    | ClassifierFreeGuidance
    | ClassifierGuidance
    | PerturbedAttentionGuidance
    | ProjectedGuidance
    | TangentialGuidance
    | ZeroStarGuidance
)
"""What a model is moved away from, and how."""

GUIDANCES: Mapping[str, type[AnyGuidance]] = {
    "cfg": ClassifierFreeGuidance,
    "cfg-zero": ZeroStarGuidance,
    "apg": ProjectedGuidance,
    "tcfg": TangentialGuidance,
    "autoguidance": Autoguidance,
    "pag": PerturbedAttentionGuidance,
    "classifier": ClassifierGuidance,
}
"""By name."""


def guidance_named(words: str) -> AnyGuidance:
    """A kind of guidance in words: its name, and after a colon the settings that are not at their defaults.

    Args:
        words: ``apg``, ``cfg:low=0.3,high=5``, ``pag:layers=2+3``.

    Raises:
        BadConfig: there is no such kind or setting, or a value does not fit.
    """
    name, _, settings = words.partition(":")
    if name not in GUIDANCES:
        raise BadConfig(
            f"guidance-kind: there is no {name!r}{did_you_mean(name, GUIDANCES)}; known are {', '.join(GUIDANCES)}"
        )
    kind, given = GUIDANCES[name], {}
    hints = {field.name: get_type_hints(kind)[field.name] for field in dataclasses.fields(kind)}
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition("=")
        if key not in hints:
            known = ", ".join(hints)
            raise BadConfig(f"guidance-kind: {name} has no {key!r}{did_you_mean(key, hints)}; it has {known}")
        given[key] = _read(hints[key], value, f"guidance-kind: {key} of {name}")
    try:
        return kind(**given)
    except ValueError as problem:
        raise BadConfig(f"guidance-kind: {name}: {problem}") from problem


def in_words(guidance: AnyGuidance) -> str:
    """What :func:`guidance_named` reads as this guidance."""
    name = next((name for name, kind in GUIDANCES.items() if type(guidance) is kind), type(guidance).__name__)
    told = {field.name: getattr(guidance, field.name) for field in dataclasses.fields(guidance)}
    changed = [f"{f.name}={_written(told[f.name])}" for f in dataclasses.fields(guidance) if told[f.name] != f.default]
    return f"{name}:{','.join(changed)}" if changed else name


def _read(annotation: Any, value: str, where: str) -> Any:
    if get_origin(annotation) is Literal:
        if value not in get_args(annotation):
            raise BadConfig(f"{where} is {' or '.join(get_args(annotation))}, got {value!r}")
        return value
    try:
        if annotation in (int, float):
            return annotation(value)
        return tuple(int(each) for each in value.split("+"))
    except ValueError as problem:
        wanted = {int: "a whole number", float: "a number"}.get(annotation, "whole numbers joined by +")
        raise BadConfig(f"{where} is {wanted}, got {value!r}") from problem


def _written(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
