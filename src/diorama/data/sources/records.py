"""From files to records, once it is known what the source as a whole is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.data.sources.arrays import Stack, peek_shape, reading, single_array, stack_items, stacks
from diorama.data.sources.base import Item, Kind, Skip, SourceOptions
from diorama.data.sources.entries import Entry
from diorama.data.sources.facts import FactReader
from diorama.data.sources.frames import FrameFile, folder_frames, numbering_notes
from diorama.data.sources.names import LOOK_LIKE_TABLES, is_hidden, parent
from diorama.data.sources.parquet import ParquetRows
from diorama.data.sources.sidecars import LISTS
from diorama.data.sources.split_lists import not_read
from diorama.data.sources.strips import strip_frames
from diorama.data.sources.survey import Survey
from diorama.data.sources.tables import columns_of
from diorama.data.sources.volumes import volume_items
from diorama.media.array import arranged, is_one_picture, stored_values
from diorama.media.image import is_animated

_FEW = 4
_TABLE_HEAD, _COLUMNS_SHOWN = 4_096, 8
_MAYBE_ANIMATED = (".webp", ".png", ".apng", ".tif", ".tiff", ".avif")


class RecordBuilder:
    """Takes files in order and gives records and Skips; a frame folder comes when its last file has passed.

    Args:
        survey: of the whole container.
        facts: by path.
        options: how the source is read.

    ``notes`` holds how files of many records were read.
    """

    def __init__(self, survey: Survey, facts: FactReader, options: SourceOptions) -> None:
        self._survey, self._facts = survey, facts
        self._limits, self._axes, self._columns = options.limits, options.axes, options.columns
        self.notes: dict[str, None] = {}
        self._folder: str | None = None
        self._frames: list[FrameFile] = []
        self._held = 0
        self._finished: set[str] = set()
        self._joined = self._clips_of_frames = 0

    def take(self, entry: Entry) -> Iterator[Item | Skip]:
        """What one file gives.

        Raises:
            BadInput: an entry of a stream cannot be read.
        """
        content = self._survey.content(entry.path)
        if is_hidden(entry.path):
            yield Skip(entry.path, "hidden file")
        elif content == "archive":
            yield Skip(entry.path, "an archive inside an archive; unpack the outer one first")
        elif entry.path.lower().endswith(LOOK_LIKE_TABLES):
            columns = columns_of(entry.read(min(_TABLE_HEAD, entry.size)), entry.path)
            shown = f" (columns {', '.join(columns[:_COLUMNS_SHOWN])})" if columns else ""
            yield Skip(entry.path, f"a table that was not read{shown}; --table names one")
        elif content == "other" and entry.path.rpartition("/")[2] in LISTS:
            yield Skip(entry.path, "a list that holds no labels or samples")
        elif content == "other" and (unread := not_read(entry.path)) is not None:
            yield unread
        elif content in ("other", "table"):
            yield Skip(entry.path, self._survey.foreign.get(entry.path, "not a picture, clip or array"))
        elif entry.path in self._survey.maps:
            yield Skip(entry.path, "a map of the segments of a picture, which is not read")
        elif entry.path in self._survey.pooled:
            yield Skip(entry.path, "links in folders of splits or classes lead to it, and it was read there")
        elif entry.path in self._survey.unlisted:
            yield Skip(entry.path, "in none of the lists of splits")
        elif entry.path in self._survey.partners.left_out:
            yield Skip(entry.path, self._survey.partners.left_out[entry.path])
        elif entry.size == 0:
            yield Skip(entry.path, "empty file (0 bytes)")
        elif entry.size > self._limits.entry_bytes and not self._stays_on_disk(entry):
            yield Skip(entry.path, f"{entry.size} bytes are more than {self._limits.entry_bytes}")
        elif self._survey.layout.is_preview(parent(entry.path)) and not self._facts.has_row(entry.path):
            yield Skip(entry.path, "lies beside the folders of splits, taken for a preview")
        elif content == "array":
            yield from self._arrays(entry)
        elif content == "parquet":
            yield from self._parquet(entry)
        elif content == "volume":
            yield from self._volume(entry)
        elif self._survey.clips:
            yield from self._clip(entry)
        elif content == "video":
            yield Skip(entry.path, "a clip among pictures")
        else:
            yield self._item(entry, "image", self._content(entry))

    def frames_note(self) -> Iterator[str]:
        """Which pictures became frames, once all files have passed: of photographs it makes nonsense."""
        if self._joined:
            clips = counted(self._clips_of_frames, "clip")
            yield f"{self._joined:,} pictures were read as the frames of {clips}, one for each folder of pictures"

    def finish(self) -> Iterator[Item | Skip]:
        """What is still held back: the last frame folder."""
        if self._folder is None:
            return
        folder, frames, held = self._folder, self._frames, self._held
        self._finished.add(folder)
        self._folder, self._frames, self._held = None, [], 0
        if len(frames) == 1:
            yield Skip(frames[0].path, "a single picture where clips are wanted")
        elif held > self._limits.entry_bytes:
            yield from (Skip(frame.path, "too many frames for one clip of an archive") for frame in frames)
        else:
            self._joined += len(frames)
            self._clips_of_frames += 1
            path = folder or "frames"
            facts = self._facts.of(path)
            captions = self._facts.captions(path)
            notes = numbering_notes([frame.path for frame in frames])
            yield Item(path, facts, "video", lambda: folder_frames(frames, path, self._limits), captions, notes)

    def _clip(self, entry: Entry) -> Iterator[Item | Skip]:
        content = self._survey.content(entry.path)
        if content == "video" and entry.file is not None:
            file: Path = entry.file
            yield self._item(entry, "video", lambda: file)
            return
        load = self._content(entry)
        if self._survey.strips and content == "picture":
            yield self._item(entry, "video", lambda: strip_frames(load(), entry.path, self._limits))
        elif content in ("video", "animation") or self._animated(entry, load):
            yield self._item(entry, "video", load)
        else:
            yield from self._frame(entry, load)

    def _frame(self, entry: Entry, load: Callable[[], bytes]) -> Iterator[Item | Skip]:
        folder = parent(entry.path)
        if folder != self._folder:
            yield from self.finish()
            if folder in self._finished:
                yield Skip(entry.path, "a frame that comes after its folder's others; pack the folder in one piece")
                return
            self._folder = folder
        # Frames of a stream are in memory; beyond what one clip may hold they are let go.
        self._held += entry.size if entry.streamed else 0
        kept = load if self._held <= self._limits.entry_bytes else bytes
        self._frames.append(FrameFile(entry.path, kept))

    def _arrays(self, entry: Entry) -> Iterator[Item | Skip]:
        dims = 4 if self._survey.clips else 3
        content = entry.content(self._limits) if entry.streamed else None
        shape = peek_shape(entry if content is None else _again(entry, content))
        try:
            if shape is not None and self._axes is None and entry.path in self._survey.stacks.flat:
                reading(shape, dims + 1, None, entry.path)
            named = entry.path in self._survey.stacks.splits
            if shape is not None and not named and self._is_one_record(shape, dims):
                how = reading(shape, dims, self._axes, entry.path)
                item = self._item(entry, "array", lambda: single_array(entry, content, how.axes, self._limits))
                yield replace(item, notes=(how.note(shape),))
                return
            facts = self._facts.of(entry.path)
            captions = self._facts.captions(entry.path)
            for stack in stacks(entry, content, self._limits):
                if named:
                    stack = self._survey.stacks.stack(entry.path, stack)
                    self._note_labels(entry.path)
                elif (one := self._alone(entry, stack, dims)) is not None:
                    yield one
                    continue
                how = reading(stack.array.shape, dims + 1, self._axes, entry.path)
                if "n" not in how.axes:
                    raise BadInput(f"{entry.path}: --axes {how.axes} names no axis of records (n)")
                for item in stack_items(stack, entry.path, facts, how):
                    yield replace(item, captions=captions)
        except BadInput as problem:
            yield Skip.because(entry.path, problem)

    def _alone(self, entry: Entry, stack: Stack, dims: int) -> Item | None:
        """The picture that a .npz holds alone; ``None`` where it is a stack."""
        shape = stack.array.shape
        several = not self._survey.lone_array and stack.labels is None
        narrow = dims == 3 and (len(shape) == 2 or (len(shape) == 3 and min(shape[0], shape[2]) <= _FEW))
        if self._axes is not None or stack.split or not (is_one_picture(shape) or (several and narrow)):
            return None
        how = reading(shape, dims, None, entry.path)
        item = self._item(entry, "array", lambda: stored_values(arranged(stack.array, how.axes), entry.path)[0])
        label = {"label": stack.labels[0]} if stack.labels else {}
        return replace(item, facts={**item.facts, **label}, notes=(how.note(shape), *stack.notes))

    def _note_labels(self, path: str) -> None:
        labels = self._survey.stacks.labels.get(path)
        if labels is not None:
            self.notes[f"{path} holds pictures, and their labels lie beside it in an array"] = None

    def _parquet(self, entry: Entry) -> Iterator[Item | Skip]:
        try:
            content = entry.content(self._limits) if entry.file is None else entry.file
            rows = ParquetRows(content, entry.path, self._columns, self._limits)
            yield from rows.items(self._facts.of(entry.path))
            self.notes |= dict.fromkeys(rows.notes())
        except BadInput as problem:
            yield Skip.because(entry.path, problem)

    def _volume(self, entry: Entry) -> Iterator[Item | Skip]:
        facts, captions = self._facts.of(entry.path), self._facts.captions(entry.path)
        for item in volume_items(entry, facts, self._limits, clips=self._survey.clips):
            yield replace(item, captions=captions)

    def _is_one_record(self, shape: tuple[int, ...], dims: int) -> bool:
        if self._axes is not None:
            return len(shape) == len(self._axes) and "n" not in self._axes
        if dims == 3 and is_one_picture(shape):
            return True
        return len(shape) <= dims and not self._survey.lone_array

    def _animated(self, entry: Entry, load: Callable[[], bytes]) -> bool:
        if not entry.path.lower().endswith(_MAYBE_ANIMATED):
            return False
        try:
            return is_animated(load(), entry.path, self._limits)
        except BadInput:
            return False  # reading it as a frame tells what is wrong

    def _content(self, entry: Entry) -> Callable[[], bytes]:
        if not entry.streamed:
            return lambda: entry.content(self._limits)
        content = entry.content(self._limits)
        return lambda: content

    def _item(self, entry: Entry, kind: Kind, load: Callable[[], bytes | Path | np.ndarray]) -> Item:
        """A file as a record, with what is known of it."""
        facts = self._facts.of(entry.path)
        path = entry.path
        return Item(path, facts, kind, load, self._facts.captions(path), objects=self._facts.objects(path))

    def _stays_on_disk(self, entry: Entry) -> bool:
        return entry.file is not None and (
            entry.path.lower().endswith(".npy") or self._survey.content(entry.path) in ("video", "parquet")
        )


def _again(entry: Entry, content: bytes) -> Entry:
    return Entry(entry.path, entry.size, lambda size: content[:size])
