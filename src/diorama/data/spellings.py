"""Names of classes that differ in nothing that a reader sees or means: capitals, spaces, how letters are composed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

_SHOWN = 5


def spelling_notes(counts: Mapping[str, int]) -> Iterator[str]:
    """What to say of classes that may be one in several spellings; nothing where all differ plainly.

    Args:
        counts: items of every class.
    """
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(_folded(name), []).append(name)
    several = [names for names in spellings.values() if len(names) > 1]
    if not several:
        return
    shown = "; ".join(" and ".join(f"{name!r} ({counts[name]:,})" for name in names) for names in several[:_SHOWN])
    more = f"; and {len(several) - _SHOWN} more" if len(several) > _SHOWN else ""
    yield (
        f"{sum(map(len, several))} classes are spellings of {len(several)}, if capitals and spaces mean nothing: "
        f"{shown}{more}; they are kept apart, so rename what belongs together"
    )


def _folded(name: str) -> str:
    """What is left of a name without capitals, superfluous spaces and ways to compose letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
