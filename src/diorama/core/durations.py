"""Lengths and costs of work as people write them: ``200k`` or ``2M`` images, ``90s``, ``10min``, ``2h``, ``3 kJ``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from diorama.core.errors import BadConfig

_NUMBER = re.compile(r"(\d+(?:[._]\d+)*)\s*([A-Za-z]*)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_COUNTS = {"": 1, "k": 1_000, "M": 1_000_000}
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3_600.0}
_HOURS_IN_DAYS = 96
"""Hours from which a time is told in days."""

_AMBIGUOUS = "a bare 'm' could be minutes or millions: write '{n}min' for minutes or '{n}M' for millions of images"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a training may last: one of the two is given.

    Args:
        images: images (or clips) seen.
        seconds: wall-clock seconds of training.
    """

    images: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{count_words(self.images)} images" if self.images is not None else clock_words(self.seconds or 0.0)


def parse_images(text: str) -> int:
    """``"200k"`` as 200,000; ``M`` (million) and plain numbers as well, with separators or without.

    Raises:
        BadConfig: another unit (a bare ``m`` included), or not a whole positive number of images.
    """
    number, unit = _split(text, "images, such as 50000, 200k or 2M")
    if unit not in _COUNTS:
        raise BadConfig(f"{text!r}: images are counted plainly, in k or in M (50000, 200k, 2M), not in {unit!r}")
    count = round(number * _COUNTS[unit], 6)
    if count != int(count) or count < 1:
        raise BadConfig(f"{text!r}: a number of images must be whole and at least 1")
    return int(count)


def parse_seconds(text: str) -> float:
    """``"10min"`` as 600.0; ``s`` and ``h`` as well.

    Raises:
        BadConfig: no unit, another unit (a bare ``m`` included), or no time at all.
    """
    number, unit = _split(text, "a time, such as 90s, 10min or 2h")
    if unit not in _SECONDS:
        wrong = f"the unit {unit!r} is unknown" if unit else "the unit is missing"
        raise BadConfig(f"{text!r}: {wrong}; write s, min or h (90s, 10min, 2h)")
    if number <= 0:
        raise BadConfig(f"{text!r}: a time must be above zero")
    return number * _SECONDS[unit]


def parse_budget(text: str) -> Budget:
    """A number of images or a time, whichever the unit says; a plain number is a number of images.

    Raises:
        BadConfig: as :func:`parse_images` and :func:`parse_seconds`.
    """
    _, unit = _split(text, "a budget: images (200k, 2M) or a time (90s, 10min, 2h)")
    if unit in _SECONDS:
        return Budget(seconds=parse_seconds(text))
    if unit in _COUNTS:
        return Budget(images=parse_images(text))
    raise BadConfig(f"{text!r}: the unit {unit!r} is unknown; write k or M for images, s, min or h for a time")


def clock_words(seconds: float) -> str:
    """Seconds for people: ``"4.2 s"``, ``"3 min 20 s"``, ``"2 h 5 min"``, ``"12 days"``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= _HOURS_IN_DAYS:
        return f"{round(hours / 24):,} days"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def count_words(count: float) -> str:
    """A count for people: ``"950"``, ``"12.5k"``, ``"2M"``, ``"35.7M"``."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        # 999,960 rounds to 1,000.0k: it belongs to the next unit.
        if count >= size * 0.99995:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return f"{count:.0f}"


def energy_words(joules: float) -> str:
    """Joules for people: ``"850 J"``, ``"12.3 kJ"``, ``"1.2 MJ"``."""
    for size, unit in ((1e6, "MJ"), (1e3, "kJ")):
        # 999.96 kJ rounds to 1,000.0 kJ: it belongs to the next unit.
        if joules >= size * 0.99995:
            return f"{joules / size:.1f} {unit}"
    return f"{joules:.0f} J"


def _split(text: str, wanted: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(_THOUSANDS.sub("", text.strip()))
    if match is None or match[1].count(".") > 1:
        raise BadConfig(f"{text!r} is not {wanted}")
    if match[2] == "m":
        raise BadConfig(f"{text!r}: " + _AMBIGUOUS.format(n=match[1]))
    return float(match[1].replace("_", "")), match[2]
