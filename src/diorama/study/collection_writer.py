"""Writing what a study shows: without metadata, at one size, in files of one length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from diorama.core.config import encode
from diorama.core.files import write_json
from diorama.media.image import write_image
from diorama.media.resize import fit
from diorama.media.video import write_video
from diorama.study.collection import FOLDER, FORMAT, LIST, Collection, Medium

NOISE = 8
"""Pictures of nothing but noise, for attention items."""

_SUFFIXES = {"pictures": ".png", "clips": ".mp4"}
_STEP = 1024
_BOX = 8
"""Bytes of the head of an MP4 box."""


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


def _filler(count: int, medium: str) -> bytes:
    """So many bytes that readers of the format pass over: what follows the end of a PNG, a free box of an MP4."""
    head = count.to_bytes(4, "big") + b"free" if medium == "clips" else b""
    return head + bytes(count - len(head))
