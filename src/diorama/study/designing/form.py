"""What the form holds, as the texts that a browser sends, and the draft that they stand for.

The texts become the plain values that TOML would give, and the parser of the file judges them: there is no second one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from diorama.core.errors import BadInput
from diorama.study.design import StudyDesign, plain, usual_effect
from diorama.study.designing.fields import FIELDS
from diorama.study.draft import SOURCES, Draft, draft_of
from diorama.study.staircase import Staircase

Texts = Mapping[str, str]
"""By the keys of ``study.toml``; what is ticked is ``on``, and what is not is missing or empty."""

_WHERE = "form"
_AT = re.compile(r"(?:(session|stop|power|staircase)(?:\.|: ))?(\w+)")


@dataclass(frozen=True)
class Problem:
    """Why the texts are no design.

    Args:
        key: of the field at fault.
        message: as the command line and the file's reader say it.
    """

    key: str
    message: str


def blank_texts(name: str) -> dict[str, str]:
    """The form before anything is filled in: what the command line takes by default, and no systems.

    Args:
        name: of the study, as its design takes it.
    """
    # No design is without systems, so that some are named and taken out.
    usual = texts_of(Draft(StudyDesign(name=name, kind="pairwise", systems=("one", "two"))))
    return {**usual, "systems": "", "power.effect": ""}


def texts_of(draft: Draft) -> dict[str, str]:
    """A draft as the form shows it."""
    steps = {f"staircase.{key}": str(value) for key, value in asdict(Staircase()).items()}
    texts = {**steps, **_flat(plain(draft.design), "")}
    systems = (f"{name}={source}" if (source := draft.sources.get(name)) else name for name in draft.design.systems)
    return {**texts, "systems": "\n".join(systems), "staircase": _tick(draft.design.staircase is not None)}


def draft_from(texts: Texts) -> Draft | Problem:
    """The draft that the texts stand for, or what the parser has against them.

    Args:
        texts: whatever a browser sent; keys that are no field's are passed over.
    """
    values: dict[str, Any] = {}
    for field in FIELDS:
        text = texts.get(field.key, "").replace("\r\n", "\n")
        if field.key in ("systems", "staircase") or (field.key.startswith("staircase.") and not texts.get("staircase")):
            continue
        if text or not field.optional:
            table, dot, name = field.key.rpartition(".")
            (values.setdefault(table, {}) if dot else values)[name] = _READ[field.widget](text)
    values["systems"], values[SOURCES] = _systems(texts.get("systems", ""))
    if "effect" not in values.setdefault("power", {}):
        values["power"]["effect"] = usual_effect(values["kind"])
    try:
        return draft_of(values, _WHERE)
    except BadInput as problem:
        return _problem(str(problem).removeprefix(f"{_WHERE}: "))


def _systems(text: str) -> tuple[list[str], dict[str, str]]:
    """Names, and the sources of those that have one, of lines ``NAME=FOLDER_OR_RUN``."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    parts = [(name.strip(), source.strip()) for name, _, source in (line.partition("=") for line in lines)]
    return [name for name, _ in parts], {name: source for name, source in parts if source}


def _problem(message: str) -> Problem:
    found = _AT.match(message)
    table, name = found.groups() if found else (None, "")
    key = f"{table}.{name}" if table else str(name)
    key = "systems" if key == SOURCES else key
    return Problem(key if key in {field.key for field in FIELDS} else "", message)


def _flat(values: Mapping[str, Any], before: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            texts |= _flat(value, f"{key}.")
        elif not isinstance(value, list):
            texts[f"{before}{key}"] = _tick(value) if isinstance(value, bool) else str(value)
    return texts


def _tick(on: bool) -> str:
    return "on" if on else ""


def _whole(text: str) -> int | str:
    """A whole number; what is none stays as it is, for the parser to refuse."""
    return int(text) if re.fullmatch(r"\s*[+-]?[0-9]{1,30}\s*", text) else text


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


_READ: Mapping[str, Callable[[str], object]] = {
    "line": str,
    "text": str,
    "choice": str,
    "whole": _whole,
    "number": _number,
    "tick": bool,
}
