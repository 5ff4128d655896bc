"""One type and one scale for the values of all records; what has several scales is refused, never mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.data.records import DTYPES

Values = Literal["check", "keep"]

BIT_DEPTHS = (8, 10, 12, 14, 16)
_FLOATS, _LARGEST = ("float16", "float32"), {"uint8": 255, "uint16": 65535}
_FULL_DEPTH = 16

_NEAR_ONE, _BETWEEN, _LIKE_BYTES = 0.5, (2.0, 50.0), 100.0
"""Largest values of float records that are typical of a scale to 1 and of one to 255, and what lies between them."""

_SEEN = 16
"""The largest value of 8-bit records from which on something is to be seen."""

_ENOUGH, _FAR_APART, _SHARE = 8, 4, 0.1
"""Records, bits and share from which on two depths among records of one type are spoken of."""


@dataclass(frozen=True)
class Scale:
    """What values become.

    Args:
        dtype: the type of all.
        factors: of each stored type, that its values are multiplied by; 1 where it is not named.
    """

    dtype: str
    factors: Mapping[str, float] = field(default_factory=dict)

    def converted(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The values in the common type."""
        factor = self.factors.get(pixels.dtype.name, 1.0)
        if pixels.dtype.name == self.dtype and factor == 1:
            return pixels
        if self.dtype in _FLOATS:
            return (pixels.astype(np.float32) * np.float32(factor)).astype(self.dtype)
        return (pixels.astype(np.int64) * round(factor)).astype(self.dtype)


class _Group:
    """The records of some types, and how far their values reach."""

    def __init__(self, rows: NDArray[np.void], ranges: NDArray[np.float64], types: Sequence[str]) -> None:
        codes = [DTYPES.index(name) for name in types]
        self.numbers = np.flatnonzero(np.isin(rows["dtype"], codes))
        own = ranges[self.numbers]
        self.low = float(own[:, 0].min()) if len(own) else 0.0
        self.high = float(own[:, 1].max()) if len(own) else 0.0

    def __bool__(self) -> bool:
        return len(self.numbers) > 0

    @property
    def bits(self) -> int | None:
        """The smallest depth that holds the values; ``None`` for negative and larger ones."""
        return next((bits for bits in BIT_DEPTHS if self.low >= 0 and self.high < 1 << bits), None)


def common_scale(
    rows: NDArray[np.void], ranges: NDArray[np.float64], names: Sequence[str], values: Values = "check"
) -> tuple[Scale, list[str]]:
    """The type and scale that the values of all records can share.

    Integers of one type keep their values. 8-bit values among 16-bit ones that use all 16 bits, and integers among
    floats from 0 to 1, are scaled by their full range. Wider integers, and whatever counts in the same units, are taken
    as they are.

    Args:
        rows: (n,) index rows, n >= 1.
        ranges: (n, 2) smallest and largest value of each record.
        names: of the records.
        values: ``keep`` takes all values as they stand, whatever scales they seem to have.

    Returns:
        The scale, and notes for people.

    Raises:
        BadInput: the values have several scales, of which each is named with a record that has it.
    """
    types = [name for code, name in enumerate(DTYPES) if (rows["dtype"] == code).any()]
    floats = _Group(rows, ranges, _FLOATS)
    whole = _Group(rows, ranges, ("uint8", "uint16", "int32"))
    bytes_, deep, wide = (_Group(rows, ranges, (name,)) for name in ("uint8", "uint16", "int32"))
    if values == "keep":
        return _as_they_stand(types, whole, floats)
    if floats:
        _check_floats(floats, ranges, names)
    if len(types) == 1 and not wide:
        return Scale(types[0]), [
            *_two_depths(deep, ranges, names),
            *_two_starts(floats, ranges, names),
            *_nearly_black(bytes_),
        ]
    if floats:
        return _among_floats(types, floats, bytes_, deep, wide, names)
    counted = _Group(rows, ranges, ("uint16", "int32"))
    if bytes_ and counted:
        if counted.bits == 8:
            return Scale("uint8"), [f"{_words(types)} records became uint8: none of their values is above 255"]
        if wide or counted.bits != _FULL_DEPTH:
            raise _several(names, {"8 bits": bytes_, _span(counted): counted})
        return Scale("uint16", {"uint8": 257.0}), [f"{_words(types)} records became uint16, 8 bits by their full scale"]
    return _as_they_stand(types, whole, floats)


def _among_floats(
    types: Sequence[str], floats: _Group, bytes_: _Group, deep: _Group, wide: _Group, names: Sequence[str]
) -> tuple[Scale, list[str]]:
    became = f"{_words(types)} records became float32"
    if not (bytes_ or deep or wide):
        return Scale("float32"), [became]
    if floats.low >= 0 and floats.high <= 1:
        if (not deep or deep.bits == _FULL_DEPTH) and (not wide or (wide.bits is not None and wide.high <= 1)):
            factors = {name: 1.0 / largest for name, largest in _LARGEST.items()}
            return Scale("float32", factors), [f"{became}, integers by their full scale"]
        odd = wide if wide and wide.high > 1 else deep
        raise _several(names, {_span(odd): odd, "0 to 1": floats})
    like_bytes = floats.low >= 0 and _LARGEST["uint8"] / 2 < floats.high <= _LARGEST["uint8"]
    if bytes_ and (deep or wide or not like_bytes):
        raise _several(names, {"8 bits": bytes_, _span(floats): floats})
    return Scale("float32"), [f"{became}, taken to count in the same units: no value was scaled"]


def _check_floats(floats: _Group, ranges: NDArray[np.float64], names: Sequence[str]) -> None:
    """Refuse records that reach 1 (or -1 and 1) beside records that reach 255, with none between."""
    lows, highs = ranges[floats.numbers].T
    near = np.maximum(-lows, highs)
    # From -1 to 1 counts as from 0 to 1; larger values on both sides of zero are measurements, of any size.
    small, large = (near > 0) & (near <= 1), near > 1
    if not small.any() or not large.any() or lows[large].min() < 0:
        return
    apart = not ((near > _BETWEEN[0]) & (near < _BETWEEN[1])).any()
    if apart and np.median(near[small]) > _NEAR_ONE and _LIKE_BYTES < np.median(near[large]) <= _LARGEST["uint8"]:
        first, other = (names[floats.numbers[np.flatnonzero(some)[0]]] for some in (small, large))
        start = "-1" if lows[small].min() < 0 else "0"
        raise BadInput(
            _REFUSAL.format(f"{start} to 1 ({small.sum()}, {first!r} among them), to 255 ({large.sum()}, {other!r})")
        )


def _two_depths(deep: _Group, ranges: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    """A note where the records of one type of 16 bits seem to count in two depths: each uses one of two, far apart.

    Pictures of one depth that are dark and bright use many; so nothing is refused, since chance could do it as well.
    """
    if len(deep.numbers) < _ENOUGH:
        return []
    depths = np.array(BIT_DEPTHS)
    own = depths[np.searchsorted((1 << depths) - 1, ranges[deep.numbers, 1])]
    found, counts = np.unique(own, return_counts=True)
    if len(found) != 2 or found[1] - found[0] < _FAR_APART or counts.min() < _SHARE * counts.sum():
        return []
    first, other = (names[deep.numbers[np.flatnonzero(own == bits)[0]]] for bits in found)
    return [
        f"{counts[0]} records use {found[0]} of 16 bits ({first!r} among them) and {counts[1]} use {found[1]} "
        f"({other!r}), none a depth between: if they count in two units, bring them to one, since no value was scaled"
    ]


def _two_starts(floats: _Group, ranges: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    """A note where some records reach from -1 to 1 and the others from 0 to 1, none between."""
    if len(floats.numbers) < _ENOUGH or floats.high > 1 or floats.low < -1:
        return []
    lows = ranges[floats.numbers, 0]
    below = lows < -_NEAR_ONE
    if (lows[~below] < 0).any() or min(below.sum(), (~below).sum()) < _SHARE * len(lows):
        return []
    first, other = (names[floats.numbers[np.flatnonzero(some)[0]]] for some in (below, ~below))
    return [
        f"{below.sum()} records reach below {-_NEAR_ONE} ({first!r} among them) and {(~below).sum()} not below 0 "
        f"({other!r}), none between: if they count from -1 and from 0, bring them to one, since no value was scaled"
    ]


def _nearly_black(bytes_: _Group) -> list[str]:
    """A note where 8-bit values stay so low that nothing can be seen: numbers of classes, or another scale."""
    if len(bytes_.numbers) < _ENOUGH or not 0 < bytes_.high < _SEEN:
        return []
    return [
        f"no value is above {bytes_.high:g} of 255, so that all is nearly black: if they are a mask's or of another "
        "scale, bring them to 0 to 255 first"
    ]


def _as_they_stand(types: Sequence[str], whole: _Group, floats: _Group) -> tuple[Scale, list[str]]:
    """The narrowest type that holds all values unscaled."""
    bits = None if floats else whole.bits
    wanted = "float32" if bits is None else "uint8" if bits == BIT_DEPTHS[0] else "uint16"
    if not floats and len(types) == 1 and types[0] in _LARGEST:
        wanted = types[0]
    if types == ["float16"]:
        wanted = "float16"
    return Scale(wanted), [] if types == [wanted] else [f"{_words(types)} records became {wanted}, unscaled"]


_REFUSAL = (
    "the values of the records have several scales: {}. Bring them to one, prepare them apart, or take them as they "
    "stand with --values keep"
)


def _several(names: Sequence[str], groups: Mapping[str, _Group]) -> BadInput:
    said = [f"{span} ({len(g.numbers)}, {names[int(g.numbers[0])]!r} among them)" for span, g in groups.items()]
    return BadInput(_REFUSAL.format(", ".join(said)))


def _span(group: _Group) -> str:
    depth = f"{group.bits} of 16 bits, " if group.bits in BIT_DEPTHS[1:-1] else ""
    return f"{depth}{group.low:g} to {group.high:g}"


def _words(types: Sequence[str]) -> str:
    return " and ".join(types)
