"""What a study shows, on disk: files of one size and one length that say nothing of where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import write_json
from diorama.media.image import write_image
from diorama.media.resize import fit
from diorama.media.video import write_video

LIST, FOLDER = "media.json", "media"
FORMAT = "diorama-study-media/1"
NOISE = 8
"""Pictures of nothing but noise, for attention items."""

_SUFFIXES = {"pictures": ".png", "clips": ".mp4"}
TYPES = {"pictures": "image/png", "clips": "video/mp4"}
_STEP = 1024
_BOX = 8
"""Bytes of the head of an MP4 box."""
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


class CollectionWriter:
    """Writes media into a study's folder.

    Args:
        folder: of the study.
        clips: clips are written, not pictures.
        size: height and width of each.
        fps: of clips.
    """

    def __init__(self, folder: Path, *, clips: bool, size: tuple[int, int], fps: float) -> None:
        self._folder, self.size, self._fps = folder / FOLDER, size, fps
        self._medium: Literal["pictures", "clips"] = "clips" if clips else "pictures"
        self.resized = 0

    def write(self, pixels: np.ndarray, system: str, item: str) -> Medium:
        """Write one, without any metadata, under a name that its content gives.

        Args:
            pixels: (h, w, 3) or (t, h, w, 3) uint8.
            system: whose it is.
            item: scene or prompt.
        """
        self.resized += pixels.shape[-3:-1] != self.size
        fitting = fit(pixels, self.size)
        partial = self._folder / f"writing{_SUFFIXES[self._medium]}"
        if self._medium == "clips":
            write_video(partial, fitting, self._fps)
        else:
            write_image(partial, fitting)
        name = hashlib.sha256(partial.read_bytes()).hexdigest()[:24]
        partial = partial.rename(partial.with_stem(name))
        return Medium(system=system, item=item, file=partial.name)

    def finish(self, items: Sequence[str], systems: Sequence[str], media: Sequence[Medium], frames: int) -> Collection:
        """Bring all files to one length, so that it tells nothing, and list them."""
        paths = {self._folder / medium.file for medium in media}
        longest = max(path.stat().st_size for path in paths)
        length = -(-(longest + _BOX) // _STEP) * _STEP
        for path in paths:
            with path.open("ab") as file:
                file.write(_filler(length - file.tell(), self._medium))
        height, width = self.size
        collection = Collection(
            medium=self._medium,
            height=height,
            width=width,
            frames=frames,
            bytes=length,
            items=tuple(items),
            systems=tuple(systems),
            media=tuple(media),
        )
        write_json(self._folder.parent / LIST, {"format": FORMAT, **encode(collection)}, indent=None)
        return collection


def noise_media(size: tuple[int, int], frames: int | None, seed: int) -> Iterator[np.ndarray]:
    """Pictures or clips of nothing but noise, in blocks that are seen at every size.

    Args:
        size: height and width.
        frames: of clips; ``None`` for pictures.
        seed: of the noise.

    Yields:
        (h, w, 3) or (t, h, w, 3) uint8.
    """
    rng = np.random.default_rng(seed)
    block = max(1, min(size) // 32)
    for _ in range(NOISE):
        shape = (*((frames,) if frames else ()), -(-size[0] // block), -(-size[1] // block), 3)
        coarse = rng.integers(0, 256, shape, dtype=np.uint8)
        yield coarse.repeat(block, -3).repeat(block, -2)[..., : size[0], : size[1], :]


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
        collection: Collection = decode(Collection, {k: v for k, v in values.items() if k != "format"}, where)
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    return collection


def media_path(folder: Path, medium: Medium) -> Path:
    """Where a medium's file is."""
    return folder / FOLDER / medium.file


def _filler(count: int, medium: str) -> bytes:
    """So many bytes that readers of the format pass over: what follows the end of a PNG, a free box of an MP4."""
    head = count.to_bytes(4, "big") + b"free" if medium == "clips" else b""
    return head + bytes(count - len(head))
