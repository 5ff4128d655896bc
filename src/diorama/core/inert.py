"""Objects in pickles as their names and states, of the few classes that published networks are saved with.

NVIDIA's research code, and R3GAN's that is built on it, pickles whole networks: an object names its class, carries the
source text of it, and has the attributes of a module of PyTorch as its state. Of all that the name and the state are
kept. The source text is passed over, unread; the classes are neither imported nor made.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diorama.core.pickles import MOST_AXES, Name, NestedStorage, Unreadable, shown

_PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
_DICT = Name("dnnlib.util", "EasyDict")
_NESTED = Name("torch.storage", "_load_from_bytes")
_SETS = (Name("builtins", "set"), Name("__builtin__", "set"))
_ARRAY, _DTYPE = Name("numpy", "ndarray"), Name("numpy", "dtype")
_EMPTY_ARRAYS = tuple(Name(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core"))
_NUMBERS = tuple(Name(f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core"))
_MODULES = (
    *(Name("torch.nn.modules.container", kind) for kind in ("ModuleDict", "ModuleList", "Sequential")),
    *(Name("torch.nn.modules.linear", kind) for kind in ("Identity", "Linear")),
    Name("torch.nn.modules.conv", "Conv2d"),
)
_OF_R3GAN = ("R3GAN.Networks", "R3GAN.FusedOperators", "R3GAN.Resamplers")
"""Where the modules inside R3GAN's networks are defined, which name their classes and carry no source text."""
PRECISIONS = tuple(Name("torch", kind) for kind in ("float32", "float16", "bfloat16"))
"""Types of tensors as an attribute of a module; they are read as words."""
_KNOWN = (_PERSISTENT, _DICT, _NESTED, *_SETS, _ARRAY, _DTYPE, *_EMPTY_ARRAYS, *_NUMBERS, *_MODULES)
_NUMERIC = re.compile(r"(f[248]|[iu][1248]|b1)")
_LONGEST_NAME = 200
"""Characters of a class's name; published ones have up to thirty."""


@dataclass(eq=False)
class Inert:
    """What stands for an object.

    Args:
        name: of its class.
        state: its attributes.
    """

    name: str
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class NumberType:
    """What stands for a type of NumPy's numbers, little-endian."""

    code: str


@dataclass(eq=False)
class InertArray:
    """What stands for an array of NumPy."""

    code: str = "f8"
    shape: tuple[int, ...] = (0,)
    fortran: bool = False
    data: bytes = b""

    def flat(self) -> np.ndarray[Any, Any]:
        """Its numbers in the order in which they lie, not copied.

        Raises:
            Unreadable: its bytes are too few or too many.
        """
        dtype = np.dtype(f"<{self.code}")
        if len(self.data) != math.prod(self.shape) * dtype.itemsize:
            raise Unreadable("an array is larger or smaller than its bytes")
        return np.frombuffer(self.data, dtype)


class PublishedObjects:
    """The names that are known; see :class:`~diorama.core.pickles.Vocabulary`."""

    def knows(self, name: Name) -> bool:
        return name in _KNOWN or name in PRECISIONS or name.module in _OF_R3GAN

    def call(self, name: Name, arguments: tuple[Any, ...]) -> Any:
        if name == _PERSISTENT:
            return _persistent(arguments)
        if name == _DICT and not arguments:
            return {}
        if name == _NESTED:
            return NestedStorage(_bytes(arguments[0]))
        if name in _SETS and arguments and isinstance(arguments[0], list):
            return arguments[0]
        if name == _DTYPE:
            return NumberType(_numeric(arguments[0]))
        if name in _EMPTY_ARRAYS:
            return InertArray()
        if name in _NUMBERS:
            return _number(*arguments)
        if name in _MODULES or name.module in _OF_R3GAN:
            return Inert(name.attribute)
        raise TypeError(f"{name.attribute} cannot be called")

    def build(self, target: Any, state: Any) -> None:
        if isinstance(target, Inert):
            # Not copied: one dict may be given to thousands of objects.
            target.state = _mapping(state)
        elif isinstance(target, InertArray):
            _version, shape, kind, fortran, data = state
            if (
                not isinstance(shape, tuple)
                or len(shape) > MOST_AXES
                or not all(type(n) is int and n >= 0 for n in shape)
            ):
                raise TypeError("the shape of an array is made of whole numbers")
            if not isinstance(kind, NumberType):
                raise TypeError("an array has a type")
            target.code, target.shape, target.fortran, target.data = kind.code, shape, bool(fortran), _bytes(data)
        elif isinstance(target, NumberType):
            if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|", "="):
                raise Unreadable("holds numbers that are stored big-endian")
        else:
            raise TypeError("only objects carry attributes")


def _persistent(arguments: tuple[Any, ...]) -> Inert:
    """``_reconstruct_persistent_obj(meta)``: type, version, module_src, class_name and state."""
    (meta,) = arguments
    name, state = _mapping(meta)["class_name"], meta["state"]
    if meta["type"] != "class" or not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise TypeError(f"a persistent object names its class, not {shown(name)}")
    return Inert(name, {} if state is None else _mapping(state))


def _number(kind: Any, data: Any) -> int | float | bool:
    """A number of NumPy as Python's."""
    if not isinstance(kind, NumberType):
        raise TypeError("a number has a type")
    value: int | float | bool = InertArray(kind.code, (), False, _bytes(data)).flat().item()
    return value


def _numeric(code: Any) -> str:
    if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
        raise Unreadable(f"holds an array of {shown(code)}; only plain numbers are read")
    return code


def _bytes(data: Any) -> bytes:
    if not isinstance(data, bytes):
        raise TypeError("bytes must stand here")
    return data


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a dict must stand here")
    return value
