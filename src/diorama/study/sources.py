"""What a study shows, as pixels: chosen files of folders and archives, records of prepared data, samples of runs."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.data.clips import frame_by_frame, on_clock
from diorama.data.dataset import is_prepared, open_dataset
from diorama.data.sources.base import Item, SourceOptions
from diorama.data.sources.names import natural
from diorama.data.sources.open import nothing_in, open_source
from diorama.media.convert import displayable, to_float
from diorama.media.image import read_image
from diorama.media.video import read_video
from diorama.synthesis.samples import SampleOptions, sample
from diorama.synthesis.store import holds_model

_MOST_FRAMES = 300
"""Of a clip; what is longer is cut."""
_MOST_SIDE, _MOST_FPS = 4096, 240


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How sources are read.

    Args:
        clips: clips are shown, not pictures.
        fps: frames a second of every clip, whatever its file says; ``None`` takes every frame of a file once.
        size: side in pixels of the squares that all are cropped and scaled to; ``None`` for their own size, where it is
            one, and else the shortest side of all.
        count: samples that are drawn of a run.
        seed: of these samples.
        split: of prepared data.
        device: where a run draws.
    """

    clips: bool = False
    fps: float | None = None
    size: int | None = None
    count: int = 50
    seed: int = 0
    split: str = "test"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= _MOST_FPS:
            raise ValueError(f"fps must be in (0, {_MOST_FPS}], got {self.fps:g}")
        if self.size is not None and not 1 <= self.size <= _MOST_SIDE:
            raise ValueError(f"size must be in [1, {_MOST_SIDE:,}], got {self.size:,}")

    @property
    def what(self) -> str:
        """What one of them is called."""
        return "clip" if self.clips else "picture"


class Pictures:
    """The pictures or clips of one system, by name.

    Args:
        path: a folder or archive of files, a prepared folder, a model folder or a run.
        how: it is read.

    Raises:
        BadInput: it is none of these, or holds nothing that can be shown.
    """

    def __init__(self, path: Path, how: Shown) -> None:
        self.path, self.how = path, how
        self._open = ExitStack()
        self.notes: list[str] = []
        if holds_model(path):
            path = self._drawn(path)
        self._split = open_dataset(path).split(how.split) if is_prepared(path) else None
        options = SourceOptions(clips=how.clips, strip=None if how.clips else False)
        self._source = None if self._split is not None else open_source(path, options)
        self._folder = ""
        self.names = self._names()

    def close(self) -> None:
        """Remove what was drawn for the purpose."""
        self._open.close()

    def chosen(self, names: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Those of some names, in the source's own order, as (h, w, 3) or (t, h, w, 3) uint8.

        Raises:
            BadInput: one cannot be read.
        """
        if self._split is not None:
            media = self._split.info.media
            for i, name in enumerate(self.names):
                if name in names:
                    stored = self._split.record(i)
                    yield name, displayable(to_float(np.array(stored), media)[None])[0]
            return
        assert self._source is not None
        for item in self._source.items():
            name = _name(item).removeprefix(self._folder)
            if name in names:
                yield name, self._pixels(item)

    def _names(self) -> list[str]:
        if self._split is not None:
            return [f"{i:06d}" for i in range(len(self._split))]
        assert self._source is not None
        names = [_name(item) for item in self._source.items()]
        if not names:
            raise nothing_in(self._source)
        if len(set(names)) < len(names):
            raise BadInput(f"{self.path}: two of its files have the same name but for the ending; rename one")
        # An archive often holds one folder that bears its own name, which is no part of the items'.
        folders = {name.rpartition("/")[0] for name in names}
        self._folder = f"{folders.pop()}/" if len(folders) == 1 and "" not in folders else ""
        return sorted((name.removeprefix(self._folder) for name in names), key=natural)

    def _drawn(self, path: Path) -> Path:
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory())) / "samples"
        for _ in sample(path, self.how.count, seed=self.how.seed, out=folder, options=self._options()):
            pass
        self.notes.append(f"{path}: {counted(self.how.count, 'sample')} of seed {self.how.seed} drawn")
        return folder

    def _options(self) -> SampleOptions:
        return SampleOptions(device=self.how.device)

    def _pixels(self, item: Item) -> np.ndarray:
        content, where = item.load(), str(self.path / item.path)
        if isinstance(content, np.ndarray):
            return _eight_bits(content, where)
        if not self.how.clips:
            if not isinstance(content, bytes) or item.kind != "image":
                raise BadInput(f"{where}: is a clip among pictures; --clips shows clips")
            return _eight_bits(read_image(content, where).pixels, where)
        if item.kind == "image":
            raise BadInput(f"{where}: is a picture among clips; leave out --clips, or the picture")
        frames = read_video(content, where)
        fps = self.how.fps
        moving = on_clock(frames, fps) if fps is not None else frame_by_frame(frames)
        return _eight_bits(np.stack(list(islice(moving, _MOST_FRAMES))), where)


def matched(names: Mapping[str, list[str]], count: int, how: Shown) -> tuple[dict[str, list[str]], list[str], str]:
    """Which picture of every system belongs to which item.

    Args:
        names: of every system, in order.
        count: items wanted.
        how: they are shown; its seed chooses among more.

    Returns:
        The chosen names of every system, in the order of the items; the items' own names; and how they were matched.

    Raises:
        BadInput: there are too few.
    """
    common = set.intersection(*(set(own) for own in names.values()))
    first = next(iter(names.values()))
    by_name = len(common) >= count
    least = len(common) if by_name else min(map(len, names.values()))
    if least < count:
        short = min(names, key=lambda name: len(names[name]))
        raise BadInput(
            f"{short}: has {counted(least, how.what)}, and --items asks for {count:,}; ask for {least:,} or fewer"
        )
    places = sorted(np.random.default_rng(how.seed).choice(least, count, replace=False).tolist())
    if by_name:
        items = [[name for name in first if name in common][i] for i in places]
        return dict.fromkeys(names, items), items, "the same file names of every system are one item"
    chosen = {system: [own[i] for i in places] for system, own in names.items()}
    return chosen, [f"{i:06d}" for i in places], "file names differ, so the n-th file of every system is one item"


def _name(item: Item) -> str:
    """Its place in the source, without the ending."""
    return item.path.rpartition(".")[0] or item.path


def _eight_bits(pixels: np.ndarray, name: str) -> np.ndarray:
    """Any stored pixels in three channels of eight bits.

    Raises:
        BadInput: floats, whose range nobody stated, or neither grey nor colour.
    """
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.shape[-1] not in (1, 3):
        raise BadInput(f"{name}: holds {pixels.dtype} values in {pixels.shape[-1]} channels; export it as PNG")
    return pixels if pixels.shape[-1] == 3 else np.repeat(pixels, 3, axis=-1)
