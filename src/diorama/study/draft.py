"""A design of which a study is yet to be made: what is asked, and where the pictures of every system lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diorama.core.config import decode
from diorama.core.errors import BadConfig, BadInput
from diorama.study.design import StudyDesign, design_of, parsed, plain, read_bytes, to_toml

SOURCES = "sources"
"""The table of the TOML file that a made study's ``study.toml`` lacks."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 4_096


@dataclass(frozen=True)
class Draft:
    """What ``diorama study new --design`` reads.

    Args:
        design: of the study.
        sources: of some or all of its systems a folder, an archive, prepared data, a model folder or a run, as
            ``--systems`` has them.
    """

    design: StudyDesign
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, source in self.sources.items():
            if name not in self.design.systems:
                raise ValueError(f"{SOURCES}: {name!r} is none of the systems {', '.join(self.design.systems)}")
            if not source or len(source) > _LONGEST or _CONTROL.search(source):
                raise ValueError(f"{SOURCES}: {name} must be a folder, an archive or a run, got {source[:80]!r}")


def read_draft(path: Path) -> Draft:
    """The draft that a TOML file holds: a design, and perhaps a table ``[sources]``.

    Raises:
        BadInput: it cannot be read, is no TOML, or holds a value that does not fit; the message names the key.
    """
    return draft_of(parsed(read_bytes(path), path), str(path))


def draft_of(values: Mapping[str, Any], where: str) -> Draft:
    """The draft that plain values stand for, as TOML or a form give them.

    Raises:
        BadInput: one does not fit; the message begins with ``where``.
    """
    design = design_of({key: value for key, value in values.items() if key != SOURCES}, where)
    try:
        return Draft(design, decode(Mapping[str, str], values.get(SOURCES, {}), f"{where}: {SOURCES}"))
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    except ValueError as problem:
        raise BadInput(f"{where}: {problem}") from problem


def draft_to_toml(draft: Draft) -> str:
    """A draft as TOML, from which :func:`read_draft` reads the same."""
    sources = {SOURCES: dict(draft.sources)} if draft.sources else {}
    return to_toml({**plain(draft.design), **sources})
