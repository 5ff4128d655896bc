"""Samples that lie in a folder or an archive, as batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.seeds import fold
from diorama.data.clips import frame_by_frame
from diorama.data.raw import AS_IT_IS, MeasuredAs, OneSplit
from diorama.data.sources.base import Item, Skip, SourceOptions
from diorama.data.sources.open import nothing_in, open_source
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.evaluation.sample_list import UNKNOWN, SampleList, read_list
from diorama.media.convert import to_float
from diorama.media.image import read_image
from diorama.media.resize import fit
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
        how: which split of the files' own, and what size they are brought to; all and their own by default.

    ``rates`` counts the clips that were read by the frames a second that their files state, 0 for none: clips are read
    frame by frame, whatever rate a file states.

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
        how: MeasuredAs = AS_IT_IS,
    ) -> None:
        self.path, self.media, self.batch_size = path, media, batch_size
        self.classes, self.count, self.seed = classes, count, seed
        self.listed = UNKNOWN
        self.unreadable: list[Skip] = []
        self.rates: Counter[float] = Counter()
        self.longer = 0
        self._done: Counter[str] = Counter()
        self._size = how.size
        clips = media.kind == "video"
        # What is held against pictures is one, however long.
        self._source = OneSplit(
            open_source(path, SourceOptions(clips=clips, strip=None if clips else False)), how.split
        )

    def __iter__(self) -> Iterator[Batch]:
        """Batches with ``image`` (b, c, h, w) or ``video`` (b, c, t, h, w) in [-1, 1], ``index``, and ``label`` and
        ``tokens`` where the folder's list says what every sample was drawn of.

        Raises:
            BadInput: no sample can be read, there are too few, or one has another size than the reference.
        """
        self.unreadable, self.longer = [], 0
        self.rates, self._done = Counter(), Counter()
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
                self.unreadable.append(Skip.because(item.path, problem))
                continue
            held.append({self.media.kind: self._fitting(pixels, item.path), **self.listed.of(item.path, place)})
            self._done.update(item.notes)
            found += 1
            if len(held) == self.batch_size:
                yield _stacked(held)
                held = []
        if held:
            yield _stacked(held)
        self.unreadable += self._source.skipped
        if not found:
            holds = "pictures" if self.media.kind == "image" else "clips"
            raise BadInput(f"{nothing_in(self._source)}; the reference holds {holds}")

    def warnings(self) -> list[str]:
        """What was left out, after the batches have been read."""
        said = [self.listed.note] if self.listed.note else []
        return [*said, *left_out(self.path, self.unreadable)]

    def notes(self) -> list[str]:
        """How the samples were read, after the batches have been."""
        done = (f"{count} x {note}" for note, count in sorted(self._done.items()))
        said = [f"{self.path}: {note}" for note in (*self._source.notes, *done)]
        if self.longer:
            frames = self.media.frames
            said.append(f"{self.longer:,} clips are longer than the reference's: their first {frames} frames count")
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
        frames = frame_by_frame(read_video(content, item.path))
        # One more than are measured tells that there are more.
        clip = [*islice(frames, (self.media.frames or 1) + 1)]
        if len({frame.shape for frame in clip}) > 1:
            raise BadInput("its frames differ in size")
        self.rates[probe(content, item.path).fps or 0.0] += 1
        return np.stack(clip)

    def _fitting(self, pixels: np.ndarray, path: str) -> Tensor:
        media = self.media
        wanted = (media.height, media.width) if media.frames is None else (media.frames, media.height, media.width)
        if media.frames == 1 and pixels.ndim == 3:
            pixels = pixels[None]
        if media.frames is not None and pixels.ndim == 4 and pixels.shape[0] > media.frames:
            pixels, self.longer = pixels[: media.frames], self.longer + 1
        if self._size is not None:
            pixels = fit(pixels, (self._size, self._size))
        if pixels.shape[:-1] != wanted:
            way = "samples are measured at the size they have; `diorama evaluate --size N` brings both sides to N x N"
            if pixels.shape[-3:-1] == wanted[-2:]:
                way = f"only clips of at least {media.frames or 1} frames are measured against it"
            raise BadInput(
                f"{self.path}: {path} is {_size(pixels.shape[:-1])} and the reference {_size(wanted)}; {way}"
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


def left_out(path: Path | str, skipped: Sequence[Skip]) -> list[str]:
    """A warning of the files of a source that could not be used; lists and notes beside pictures are passed over."""
    missed = [skip for skip in skipped if not skip.path.lower().endswith(_NOT_SAMPLES)]
    if not missed:
        return []
    files = counted(len(missed), "file is", "files are")
    return [f"{path}: {files} left out, first {missed[0].path} ({missed[0].reason})"]


def _stacked(held: Sequence[Mapping[str, Tensor]]) -> Batch:
    return {key: torch.stack([each[key] for each in held]) for key in held[0]}


def _size(shape: tuple[int, ...]) -> str:
    frames = f"{counted(shape[0], 'frame')} of " if len(shape) == 3 else ""
    return f"{frames}{shape[-1]}x{shape[-2]}"
