"""What a study shows, on disk: files of one size and one length that say nothing of where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from diorama.core.config import decode
from diorama.core.errors import BadConfig, BadInput

LIST, FOLDER = "media.json", "media"
FORMAT = "diorama-study-media/1"
TYPES = {"pictures": "image/png", "clips": "video/mp4"}
_MOST_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Medium:
    """One picture or clip.

    Args:
        system: whose it is; empty for noise.
        item: the scene or prompt.
        file: in the folder ``media``, named by its content.
    """

    system: str
    item: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """All that a study may show.

    Args:
        medium: pictures (PNG) or clips (MP4).
        height: pixels of each.
        width: pixels of each.
        frames: of each clip; 1 for pictures.
        bytes: of each file.
        items: names of scenes or prompts.
        systems: names, in the order of the design.
        media: of item *i* and system *s* the one at ``i * len(systems) + s``; behind them those of noise.
    """

    medium: Literal["pictures", "clips"]
    height: int
    width: int
    frames: int
    bytes: int
    items: tuple[str, ...]
    systems: tuple[str, ...]
    media: tuple[Medium, ...]

    def __post_init__(self) -> None:
        if len(self.media) <= self.ordinary or not self.ordinary:
            raise ValueError(f"media must be items x systems and noise, got {len(self.media)}")
        for medium in self.media:
            # What the list names is served to strangers: nothing outside the folder.
            if Path(medium.file).name != medium.file or medium.file.startswith("."):
                raise ValueError(f"media: {medium.file!r} is no file name")

    @property
    def ordinary(self) -> int:
        """Media that are no noise."""
        return len(self.items) * len(self.systems)

    @property
    def noise(self) -> range:
        """Places of those that are noise."""
        return range(self.ordinary, len(self.media))

    def place(self, item: int, system: int) -> int:
        """Where the picture of an item by a system stands among the media."""
        return item * len(self.systems) + system

    @property
    def content_type(self) -> str:
        """Of the files, as HTTP names it."""
        return TYPES[self.medium]


def read_collection(folder: Path) -> Collection:
    """What the study in a folder shows.

    Raises:
        BadInput: there is no list, or it is broken.
    """
    path = folder / LIST
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path}: is larger than a list of media can be")
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror}); `diorama study new` makes studies") from problem
    except ValueError as problem:
        raise BadInput(f"{path}: is no JSON ({problem})") from problem
    return collection_of(values, str(path))


def collection_of(values: Mapping[str, Any], where: str) -> Collection:
    """The collection that plain values stand for.

    Raises:
        BadInput: one does not fit; the message begins with ``where``.
    """
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        raise BadInput(f"{where}: is no list of a study's media (expected the format {FORMAT!r})")
    try:
        collection: Collection = decode(Collection, {k: v for k, v in values.items() if k != "format"}, f"{where}: ")
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    return collection


def media_path(folder: Path, medium: Medium) -> Path:
    """Where a medium's file is."""
    return folder / FOLDER / medium.file
