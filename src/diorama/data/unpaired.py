"""A second set of pictures beside the first: where it comes from, and how its records are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diorama.data.prepare_options import PrepareOptions
from diorama.data.sources.base import Source
from diorama.data.sources.labelled import OfLabel
from diorama.data.sources.world import WORLD


@dataclass(frozen=True)
class Second:
    """What the second set is prepared of.

    Args:
        sources: of it.
        options: of its preparation.
    """

    sources: Sequence[Path | str | Source]
    options: PrepareOptions


def divided(
    sources: Sequence[Source], tests: Sequence[Source], options: PrepareOptions
) -> tuple[list[Source], list[Source], Second]:
    """Sources and test sources of the first set, and what the second is prepared of.

    ``options.unpaired`` is a path, or a label whose records then are the second set. Of a path no table is used that
    the options name: it is the first source's.
    """
    other = options.unpaired
    assert other is not None
    own = replace(options, unpaired=None, name=f"{options.name}-unpaired")
    if Path(other).exists() or str(other) == WORLD:
        own = replace(own, test=(), table=None, group=None, label=None, caption=None)
        return list(sources), list(tests), Second([other], own)
    label = str(other)
    first = [OfLabel(source, label, kept=False, needed=True) for source in sources]
    kept = [OfLabel(source, label, kept=True, needed=True) for source in sources]
    first_tests = [OfLabel(source, label, kept=False, needed=False) for source in tests]
    kept_tests = tuple(OfLabel(source, label, kept=True, needed=False) for source in tests)
    return list(first), list(first_tests), Second(kept, replace(own, test=kept_tests))
