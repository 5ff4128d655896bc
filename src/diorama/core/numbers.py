"""Numbers as people read them: as many digits as say something."""

from __future__ import annotations

import math

_MOST_DECIMALS = 6
_MOST_DIGITS = 6


def number_words(value: float) -> str:
    """A number with three significant digits and no exponent between 0.001 and a million."""
    if not math.isfinite(value):
        return "—"
    if value == 0 or 0.001 <= abs(value) < 1_000_000:
        digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    return f"{value:.2e}"


def counted(count: int, one: str, several: str = "") -> str:
    """``1 class``, ``1,200 classes``; an s is put to ``one`` where there is no other word for several."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def bytes_words(count: int) -> str:
    """Bytes for people: ``"850 B"``, ``"12.3 kB"``, ``"1.2 GB"``."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        # 999.96 kB rounds to 1,000.0 kB: it belongs to the next unit.
        if count >= size * 0.99995:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def interval_words(value: float, low: float, high: float) -> tuple[str, str, str]:
    """An estimate and the ends of its interval, rounded alike: to two digits of the interval's width, or to whole
    numbers where it is wide.

    Args:
        value: the estimate; it may lie outside the interval.
        low: the lower end.
        high: the upper end.

    Returns:
        Value, lower and upper end. What rounds to zero is ``"0"``. Without a width each has three digits of its own.
    """
    three = (value, low, high)
    width = high - low
    if not all(map(math.isfinite, three)) or width <= 0:
        return number_words(value), number_words(low), number_words(high)
    decimals = 1 - math.floor(math.log10(width))
    largest = max(map(abs, three))
    # An estimate far outside a narrow interval would get digits without end.
    decimals = min(decimals, _MOST_DIGITS - 1 - math.floor(math.log10(largest)))
    written = [_rounded(number, decimals) for number in three]
    return written[0], written[1], written[2]


def _rounded(value: float, decimals: int) -> str:
    decimals = max(0, decimals)
    if abs(value) < 0.5 * 10.0**-decimals:
        return "0"
    if decimals <= _MOST_DECIMALS:
        return f"{value:,.{decimals}f}"
    return f"{value:.{max(0, decimals + math.floor(math.log10(abs(value))))}e}"
