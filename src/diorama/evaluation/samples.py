"""Samples that lie in a folder or an archive, as batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.rng import fold
from diorama.data.clips import on_clock
from diorama.data.sources.base import Item, Skip, SourceOptions
from diorama.data.sources.open import nothing_in, open_source
from diorama.evaluation.sample_list import LIST, UNKNOWN, SampleList, read_list
from diorama.media.convert import to_float
from diorama.media.image import read_image
from diorama.media.video import probe, read_video

BATCH = 64
_NOT_SAMPLES = (".json", ".md", ".txt", ".csv", ".html")


class SampleFolder:
    """Pictures or clips of a folder or archive, in order, like those of a reference.

    Args:
        path: folder of any depth, or zip or tar.
        media: of the reference: samples must have its size, and its length if they are clips.
        classes: of the reference; labels in the folder's list of samples are places among them.
        count: how many are measured, drawn by the seed, since archives are often sorted by class; ``None`` for all.
        seed: of that draw.
        batch_size: of the batches.

    Raises:
        BadInput: there is no such path, or it is of no known kind.
    """

    def __init__(
        self,
        path: Path,
        media: MediaSpec,
        *,
        classes: Sequence[str] = (),
        count: int | None = None,
        seed: int = 0,
        batch_size: int = BATCH,
    ) -> None:
        self.path, self.media, self.batch_size = path, media, batch_size
        self.classes, self.count, self.seed = classes, count, seed
        self.listed = UNKNOWN
        self.unreadable: list[Skip] = []
        self._source = open_source(path, SourceOptions(clips=media.kind == "video"))

    def __iter__(self) -> Iterator[Batch]:
        """Batches with ``image`` (b, c, h, w) or ``video`` (b, c, t, h, w) in [-1, 1], ``index``, and ``label`` and
        ``tokens`` where the folder's list says what every sample was drawn of.

        Raises:
            BadInput: no sample can be read, there are too few, or one has another size than the reference.
        """
        self.unreadable = []
        chosen = self._chosen()
        self.listed = self._list()
        held: list[dict[str, Tensor]] = []
        found = 0
        for place, item in enumerate(self._source.items()):
            if chosen is not None and place not in chosen:
                continue
            try:
                pixels = self._pixels(item)
            except BadInput as problem:
                self.unreadable.append(Skip(item.path, str(problem)))
                continue
            held.append({self.media.kind: self._fitting(pixels, item.path), **self.listed.of(item.path, place)})
            found += 1
            if len(held) == self.batch_size:
                yield _stacked(held)
                held = []
        if held:
            yield _stacked(held)
        self.unreadable += [skip for skip in self._source.skipped if not skip.path.lower().endswith(_NOT_SAMPLES)]
        if not found:
            raise nothing_in(self._source)

    def warnings(self) -> list[str]:
        """What was left out, after the batches have been read."""
        said = [self.listed.note] if self.listed.note else []
        if self.unreadable:
            first = self.unreadable[0]
            said.append(f"{self.path}: {len(self.unreadable)} files are left out, first {first.path} ({first.reason})")
        return said

    def _list(self) -> SampleList:
        if not (self.path / LIST).is_file():
            return UNKNOWN
        return read_list(self.path, [item.path for item in self._source.items()], self.classes)

    def _chosen(self) -> set[int] | None:
        if self.count is None:
            return None
        there = sum(1 for _ in self._source.items())
        if there < self.count:
            raise BadInput(f"{self.path}: holds {there} samples, {self.count} are to be measured")
        return set(np.random.default_rng(fold(self.seed)).choice(there, self.count, replace=False).tolist())

    def _pixels(self, item: Item) -> np.ndarray:
        content = item.load()
        if isinstance(content, np.ndarray):
            return content
        if item.kind == "image" and isinstance(content, bytes):
            return read_image(content, item.path).pixels
        fps = self.media.fps or probe(content, item.path).fps
        frames = read_video(content, item.path)
        ticks = on_clock(frames, fps) if fps else (frame.pixels for frame in frames)
        # No more than are measured: a leap in a file's times would fill the memory with one frame.
        return np.stack([*islice(ticks, self.media.frames)])

    def _fitting(self, pixels: np.ndarray, path: str) -> Tensor:
        media = self.media
        wanted = (media.height, media.width) if media.frames is None else (media.frames, media.height, media.width)
        if media.frames is not None and pixels.ndim == 4 and pixels.shape[0] > media.frames:
            pixels = pixels[: media.frames]
        if pixels.shape[:-1] != wanted:
            raise BadInput(
                f"{self.path}: {path} is {_size(pixels.shape[:-1])} and the reference {_size(wanted)}; "
                "samples are measured at the size they have (bring both to one with `diorama prepare --size`)"
            )
        if pixels.shape[-1] != media.channels:
            pixels = self._channels(pixels, path)
        return to_float(pixels.copy(), self._units(pixels, path))

    def _channels(self, pixels: np.ndarray, path: str) -> np.ndarray:
        """Grey among colour becomes colour; colour whose channels are equal becomes grey."""
        if pixels.shape[-1] == 1:
            return np.repeat(pixels, self.media.channels, axis=-1)
        if self.media.channels == 1 and (pixels == pixels[..., :1]).all():
            return pixels[..., :1]
        raise BadInput(f"{self.path}: {path} has {pixels.shape[-1]} channels and the reference {self.media.channels}")

    def _units(self, pixels: np.ndarray, path: str) -> MediaSpec:
        media = self.media
        if pixels.dtype.name == media.dtype:
            return media
        if pixels.dtype == np.uint8:
            return MediaSpec(
                kind=media.kind, channels=media.channels, height=media.height, width=media.width, frames=media.frames
            )
        raise BadInput(f"{self.path}: {path} holds {pixels.dtype} values and the reference {media.dtype}")


def open_samples(path: Path, media: MediaSpec, batch_size: int = BATCH) -> Iterator[Batch]:
    """Batches of the samples at a path; see :class:`SampleFolder`."""
    return iter(SampleFolder(path, media, batch_size=batch_size))


def _stacked(held: Sequence[Mapping[str, Tensor]]) -> Batch:
    return {key: torch.stack([each[key] for each in held]) for key in held[0]}


def _size(shape: tuple[int, ...]) -> str:
    frames = f"{shape[0]} frames of " if len(shape) == 3 else ""
    return f"{frames}{shape[-1]}x{shape[-2]}"
