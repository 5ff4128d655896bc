"""Classes by name: from what people call a label to the number that a model knows it by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import ConditionSpec
from diorama.core.errors import BadInput, WrongValue
from diorama.core.suggestions import did_you_mean, in_a_line

ALL = "all"
"""The word for every class in turn."""

LabelLike = Tensor | np.ndarray | str | int | Sequence[str | int]
"""What a label may be given as: a tensor or array of class numbers, a class name or number, or a list of them."""

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


def numbers_are_names(names: Sequence[str]) -> bool:
    """Whether a class name is itself a number, so that a number can only mean the class of that name."""
    return any(_NUMBER.fullmatch(name.strip()) for name in names)


def class_number(names: Sequence[str], asked: str) -> int:
    """The number of a class.

    Args:
        names: of all classes, in order.
        asked: a name, or a number where no class name is one.

    Raises:
        WrongValue: there is no such class; the nearest is named.
    """
    wanted = unicodedata.normalize("NFC", asked)
    for number, name in enumerate(names):
        if unicodedata.normalize("NFC", name) == wanted:
            return number
    if asked.isdecimal() and int(asked) < len(names) and not numbers_are_names(names):
        return int(asked)
    near, known = did_you_mean(asked, names), in_a_line(names)
    if numbers_are_names(names):
        raise WrongValue(
            f"label {asked!r}{near}: the model has no class of that name, and as its class names are numbers, a number "
            f"is always a name; it knows {known}, or {ALL} for the classes in turn"
        )
    raise WrongValue(
        f"label {asked!r}{near}: the model knows {known}, or their numbers, 0 to {len(names) - 1}, or {ALL} for the "
        "classes in turn"
    )


def how_taken(names: Sequence[str], asked: str) -> str:
    """A sentence on what a label was taken for, where that is not what was written; empty where there is no doubt."""
    if asked == ALL and ALL in names:
        return f"label {ALL!r} is the class of that name, not the classes in turn"
    if asked == ALL or asked in names:
        return ""
    number = class_number(names, asked)
    return f"label {asked!r} is class number {number}, {names[number]!r}" if asked.isdecimal() else ""


def label_tensor(spec: ConditionSpec, value: LabelLike, count: int, first: int = 0) -> Tensor:
    """Labels of samples as a model reads them.

    Args:
        spec: of the labels.
        value: a tensor or an array, which is taken as it is; a class name or ``all``; a class number (in a list or
            alone), which is a name where class names are numbers; or a list of ``count`` of them, or of one for all.
        count: samples.
        first: index of the first sample, for ``all``: of k classes sample *i* is given class *i* modulo k.

    Returns:
        (count,) int64, but for tensors and arrays.

    Raises:
        BadInput: there is no such class, or the list has another length.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        return torch.from_numpy(value)
    if isinstance(value, str) and value == ALL and ALL not in spec.names:
        return torch.arange(first, first + count) % len(spec.names)
    listed = [value] if isinstance(value, (str, int, np.integer)) else value
    if not isinstance(listed, (list, tuple, range, np.ndarray)):
        raise BadInput(
            f"condition: label is a class name, its number, a list of them, or an int64 tensor, got {_kind(value)}"
        )
    numbers = [_number_of(spec, each) for each in listed]
    if len(numbers) not in (1, count):
        raise BadInput(f"condition: {count} samples are given {count} labels, or one for all, got {len(numbers)}")
    return torch.tensor(numbers * (count if len(numbers) == 1 else 1))


def _number_of(spec: ConditionSpec, asked: object) -> int:
    if isinstance(asked, str):
        return class_number(spec.names, asked)
    if isinstance(asked, (bool, np.bool_)) or not isinstance(asked, (int, np.integer)):
        raise BadInput(f"condition: label {asked!r} is neither a class name nor a class number")
    if spec.names and numbers_are_names(spec.names):
        return class_number(spec.names, str(asked))
    # What stands for no label, and what is out of range, is seen where tensors are checked too.
    return int(asked)


def _kind(value: object) -> str:
    return f"{value!r}" if isinstance(value, (float, bool, type(None))) else type(value).__name__
