"""A study's folder, as it is served: ``study.toml``, ``media.json`` and the media."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.study.collection import LIST, Collection, read_collection
from diorama.study.design import FILE, StudyDesign, read_design


@dataclass(frozen=True)
class Study:
    """A study as its folder holds it."""

    folder: Path
    design: StudyDesign
    collection: Collection


def open_study(folder: Path) -> Study:
    """The study in a folder.

    Raises:
        BadInput: a file is missing or broken, or the design names systems that the folder has no pictures of.
    """
    collection = read_collection(folder)
    design = read_design(folder / FILE)
    if design.systems != collection.systems:
        raise BadInput(
            f"{folder / FILE}: systems are {', '.join(design.systems)}, and {LIST} has pictures of "
            f"{', '.join(collection.systems)}, in this order; make another study for other systems"
        )
    return Study(folder, design, collection)
