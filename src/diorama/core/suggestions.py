"""Names in messages: the known one nearest to one that does not exist, and many known ones in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_SHOWN = 12


def did_you_mean(name: object, known: Iterable[object], *, cutoff: float = 0.6) -> str:
    """`` (did you mean 'ddpm'?)``, to be put behind a name that is unknown; empty where no known name is close.

    Args:
        name: what was written.
        known: what could have been written.
        cutoff: least similarity in [0, 1] of the two words, as :func:`difflib.get_close_matches` measures it.
    """
    options = [str(option) for option in known]
    # Capitals are the likeliest mistake of all: to difflib 'male' is nearer to 'Female' than to 'Male'.
    close = [option for option in options if option.casefold() == str(name).casefold()]
    close = close or get_close_matches(str(name), options, n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""


def in_a_line(names: Sequence[str], most: int = _SHOWN) -> str:
    """Names one after another, the first ``most`` where there are more: ``a, b, c and 4 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
