"""Data sets by whatever name a user gives: prepared folders, small raw sources, the built-in world."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from diorama.core.errors import BadInput, WrongValue
from diorama.core.suggestions import did_you_mean
from diorama.data.dataset import Dataset, is_prepared, open_dataset
from diorama.data.prepare import PrepareOptions, prepare
from diorama.data.sources.base import Chosen, Item, Source, SourceOptions
from diorama.data.sources.open import open_source
from diorama.data.sources.world import WORLD, WORLD_VIDEO
from diorama.data.unify import SeveralForms

_EDITION = 4
"""Grows when preparation makes something else of the same source, so that what a cache holds is made anew."""

FILES_AT_MOST, BYTES_AT_MOST = 20_000, 2 << 30
"""A raw source beyond either is for ``diorama prepare``, with options of the user's own choice."""

MEASURED_FILES_AT_MOST, MEASURED_BYTES_AT_MOST = 200_000, 8 << 30
"""The same for what is only measured: distances are reported on 50,000 pictures and more."""


_REMEDIES = {
    "size": "--size N crops and scales all to N x N pixels",
    "length": "`diorama prepare {path} --frames N --split 1,0,0 --out FOLDER` cuts all to N frames",
}


def open_any(path: Path | str, cache: Path) -> Dataset:
    """The data set that ``path`` names.

    Args:
        path: a prepared folder; a small raw folder, archive or file, prepared once with the default options into
            ``cache`` and anew when it changes; or the words ``world`` and ``world-video``.
        cache: where raw sources are prepared. Several processes may do so at once.

    Raises:
        BadInput: nothing is there, it cannot be read, or it is too large to be prepared on the way.
    """
    if is_prepared(path):
        return open_dataset(path)
    folder = Path(path)
    if not folder.exists():
        if str(path) not in (WORLD, WORLD_VIDEO):
            meant = did_you_mean(str(path), (WORLD, WORLD_VIDEO))
            raise BadInput(
                f"{path}: there is no such folder or file, and it is not the word {WORLD} or {WORLD_VIDEO}{meant}"
            )
        name, key = str(path), f"{path}-{version('diorama')}"
    else:
        fingerprint = _fingerprint(folder, FILES_AT_MOST, BYTES_AT_MOST, "")
        name, key = folder.resolve().name, f"{folder.resolve()}\n{fingerprint}"
    prepared = _place(cache, name, key)
    if not is_prepared(prepared):
        _prepare_once(path, prepared, PrepareOptions(name=name))
    return open_dataset(prepared)


def is_raw(path: Path | str) -> bool:
    """Whether ``path`` names files that nobody has prepared."""
    return Path(path).exists() and not is_prepared(path)


@dataclass(frozen=True, kw_only=True)
class MeasuredAs:
    """How a raw source is read to be measured.

    Args:
        split: of those that its folders or tables name; ``None`` for all records.
        size: side in pixels that pictures and frames are cropped and scaled to; ``None`` for the size they have.
        clips: pictures of one folder are the frames of one clip, and film strips are clips; ``None`` takes pictures for
            pictures and clips for clips, whichever there are more of.
    """

    split: str | None = None
    size: int | None = None
    clips: bool | None = None


AS_IT_IS = MeasuredAs()
"""All records, at their own size."""


def open_whole(path: Path | str, cache: Path, how: MeasuredAs) -> Dataset:
    """All records of a small raw source as they are, in one split ``train``: at their own size and whole length.

    Args:
        path: a raw folder, archive or file; kept in ``cache`` until it changes.
        cache: where it is kept. Several processes may do so at once.
        how: it is read.

    Raises:
        WrongValue: it names splits, and not this one.
        BadInput: it cannot be read, names no splits where one is asked for, is too large, or holds several sizes or
            lengths.
    """
    source = Path(path)
    fingerprint = _fingerprint(source, MEASURED_FILES_AT_MOST, MEASURED_BYTES_AT_MOST, "--size None --split 1,0,0 ")
    prepared = _place(cache, source.resolve().name, f"{source.resolve()}\n{fingerprint}\n{asdict(how)}")
    if not is_prepared(prepared):
        options = SourceOptions(clips=how.clips, strip=None if how.clips else False)
        read = OneSplit(open_source(source, options), how.split)
        try:
            _prepare_once(read, prepared, PrepareOptions(name=source.resolve().name, size=how.size, whole=True))
        except SeveralForms as problem:
            raise BadInput(f"{path}: {problem}; {_REMEDIES[problem.what].format(path=path)}") from problem
    return open_dataset(prepared)


class OneSplit(Chosen):
    """The records of one of a source's own splits, or all of them, without their splits.

    Args:
        source: to be read.
        split: train, val or test; ``None`` for all.
    """

    def __init__(self, source: Source, split: str | None) -> None:
        super().__init__(source)
        self._split = split
        self.seen: Counter[str] = Counter()

    def items(self) -> Iterator[Item]:
        """The records.

        Raises:
            WrongValue: at the end, where none has the split, and some have others.
            BadInput: at the end, where none has any.
        """
        self.seen = Counter()
        for item in self._source.items():
            own = item.facts.get("split", "")
            self.seen[own] += 1
            if self._split in (None, own):
                yield replace(item, facts={key: fact for key, fact in item.facts.items() if key != "split"})
        if self._split is not None and self.seen and not self.seen[self._split]:
            if named := ", ".join(name for name in self.seen if name):
                raise WrongValue(f"{self.name}: has no split {self._split!r}, only {named}")
            raise BadInput(f"{self.name}: names no splits, so there is no {self._split!r}: it is measured whole")

    def words(self) -> Iterator[str]:
        """Which records of which splits these are."""
        named = {name or "of no split": count for name, count in self.seen.items()}
        if set(self.seen) - {""}:
            which = "all splits" if self._split is None else f"the split {self._split}"
            yield f"{which} of {', '.join(f'{name} ({count:,})' for name, count in named.items())}"


def _place(cache: Path, name: str, key: str) -> Path:
    digest = hashlib.sha256(f"{key}-{_EDITION}".encode("utf-8", "surrogateescape")).hexdigest()
    return cache / "datasets" / f"{name}-{digest[:16]}"


def _prepare_once(source: Path | str | Source, prepared: Path, options: PrepareOptions) -> None:
    """Prepare beside the place and move there; where another process was faster, its folder is kept."""
    # Each process in a folder of its own; the name of the finished one is taken by the first.
    own = prepared.with_name(f"{prepared.name}.{os.getpid()}")
    shutil.rmtree(own, ignore_errors=True)
    deque(prepare([source], own, options), maxlen=0)
    try:
        own.rename(prepared)
    except OSError:
        if not is_prepared(prepared):
            raise
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _fingerprint(source: Path, files_at_most: int, bytes_at_most: int, options: str) -> str:
    """Names, sizes and times of all files: what tells whether a source has changed.

    Raises:
        BadInput: there is more; the message says how to prepare it, with these options.
    """
    state, files, total = hashlib.sha256(), 0, 0
    for path in _files(source):
        status = path.stat()
        files, total = files + 1, total + status.st_size
        if files > files_at_most or total > bytes_at_most:
            raise BadInput(f"{source}: is large; prepare it first: `diorama prepare {source} {options}--out FOLDER`")
        line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
        state.update(line.encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())
