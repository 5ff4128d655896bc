"""Drawing samples into a folder: numbered files, each marked as synthetic, and a list of what they are."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, MediaSpec, pixels_of
from diorama.core.errors import BadInput
from diorama.core.files import cache_folder, write_json
from diorama.core.rng import MOST_SAMPLES
from diorama.data.dataset import Split
from diorama.data.raw import open_any
from diorama.media.convert import stored_values
from diorama.media.image import suffix_for, write_image
from diorama.media.stamp import SyntheticStamp, read_stamp
from diorama.media.video import write_video
from diorama.synthesis.arriving import Arriving
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions, labels_in_turn, records_in_turn, texts_in_turn
from diorama.synthesis.drawing import DrawOptions, draw, share_of
from diorama.synthesis.store import hash_when_asked, load, model_hash, read_provenance

LIST = "samples.json"
VideoFormat = Literal["mp4", "gif", "webm", "frames"]
_UNKNOWN_FPS = 8.0
_NUMBERED = re.compile(r"\d{6,}(\.\w+)?")
_WRITERS, _BATCHES_WAITING = 4, 2
"""Threads that write files while the next batch is drawn, and batches whose files may wait for them."""
_LOT = 64
"""Files that one thread writes in a go."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is asked of samples; without any of them it is left to the model.

    Args:
        label: a class name, its number, or ``all`` for the classes in turn.
        prompts: texts, in turn.
        records: a prepared data set, or the word for a built-in one, whose records are taken in turn: what the model is
            given is what they have.
        split: of the data set.
    """

    label: str | None = None
    prompts: tuple[str, ...] = ()
    records: Path | str | None = None
    split: str = "val"

    def __post_init__(self) -> None:
        if sum((self.label is not None, bool(self.prompts), self.records is not None)) > 1:
            raise ValueError("samples are given a label, prompts, or what records have, one of them")


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """How samples are drawn and written.

    Args:
        draw: batch, precision, sampler, first index.
        given: labels, prompts or records.
        video: how clips are written; ``frames`` makes a numbered folder of pictures for each clip.
        device: where a model that is given as a path is loaded.
        recipe: name for the files' marks; by default the one in the model folder's provenance.
        catalog: config classes of a user's own.
    """

    draw: DrawOptions = field(default_factory=DrawOptions)
    given: Given = field(default_factory=Given)
    video: VideoFormat = "mp4"
    device: str = "cpu"
    recipe: str | None = None
    catalog: tuple[object, ...] = ()


@dataclass(frozen=True)
class SampleProgress:
    """How far drawing is: samples written, and of how many."""

    done: int
    count: int


def sample(
    model: Synthesizer | Path | str,
    count: int,
    *,
    seed: int = 0,
    out: Path | str,
    options: SampleOptions | None = None,
) -> Iterator[SampleProgress]:
    """Draw samples into a folder.

    Writes ``000000.png …`` (``.tif`` or ``.npy`` where the model's data are not 8-bit grey or colour; MP4, or what
    ``options.video`` says, for clips) and ``samples.json``; nothing else. An older folder of samples is replaced; when
    the caller stops early, the list holds what was written. Under ``torchrun`` every process draws a share.

    Args:
        model: a synthesizer, a model folder or a run folder.
        count: samples.
        seed: names the noise; sample *i* of a seed is always the same.
        out: folder; new, empty, or of older samples.
        options: batch, conditions, formats.

    Yields:
        Progress after each batch.

    Raises:
        BadInput: no such model, label or sampler, or ``out`` holds other files or cannot be written.
    """
    chosen = options or SampleOptions()
    if count < 1:
        raise BadInput(f"count must be at least 1, got {count}")
    if chosen.draw.first + count > MOST_SAMPLES:
        last = chosen.draw.first + count - 1
        raise BadInput(f"first, count: the last sample would be number {last}, and a seed has {MOST_SAMPLES}")
    device = distributed.own_device(devices.pick(chosen.device))
    with distributed.session(device):
        first, share = share_of(count, chosen.draw.first)
        mine = replace(chosen, device=str(device), draw=replace(chosen.draw, first=first))
        folder = _SampleFolder(model, seed, Path(out), mine)
        folder.check()
        try:
            for batch in draw(folder.model, share, seed=seed, conditions=folder.conditions, options=mine.draw):
                folder.write(batch)
                yield SampleProgress(len(folder.rows), share)
            folder.begin()
            folder.settle()
            yield SampleProgress(len(folder.rows), share)
        finally:
            folder.close()


def conditions_for(model: Synthesizer, given: Given) -> SampleConditions:
    """What every sample of a model is given.

    Raises:
        BadInput: the model reads nothing of that kind, knows no such label, or the records do not fit it.
    """
    specs = {spec.key: spec for spec in model.config.conditions}
    if given.label is not None:
        if "label" not in specs:
            raise BadInput(f"label {given.label!r}: this model was trained without labels and cannot be asked for one")
        return labels_in_turn(specs["label"], given.label)
    if given.prompts:
        if "tokens" not in specs:
            raise BadInput("prompt: this model was trained without text and cannot be asked for any")
        return texts_in_turn(specs["tokens"], given.prompts)
    if given.records is None:
        return NOTHING
    if not specs:
        raise BadInput(f"{given.records}: this model is given nothing, so there is nothing to take of records")
    split = _split_of(given.records, given.split)
    try:
        return records_in_turn(model.config.conditions, split)
    except BadInput as problem:
        raise BadInput(f"{given.records}: {problem}") from problem


def _split_of(data: Path | str, name: str) -> Split:
    return open_any(data, cache_folder()).split(name)


def options_like(file: Path, model: Synthesizer | Path | str, options: SampleOptions) -> tuple[int, SampleOptions]:
    """The seed and the options that draw the sample in a file again.

    Args:
        file: a picture or clip that ``sample`` wrote.
        model: the model that drew it.
        options: format, device, and the data set of records if the sample was given one.

    Raises:
        BadInput: there is no such file, or it carries no stamp, or that of another model.
    """
    if not file.is_file():
        raise BadInput(f"{file}: there is no such file")
    stamp = read_stamp(file)
    if stamp is None or stamp.index is None:
        raise BadInput(f"{file}: carries no mark that says how it was drawn")
    if stamp.model != model_hash(model):
        raise BadInput(f"{file}: was drawn by another model (SHA-256 {stamp.model[:16]}…)")
    given, told = options.given, stamp.condition
    if "record" in told and given.records is None:
        raise BadInput(f"{file}: was given the record {told['record']!r}; name its data set with --records")
    if "record" in told:
        drawer = model if isinstance(model, Synthesizer) else load(model, catalog=options.catalog)
        found = conditions_for(drawer, given).in_words(stamp.index)
        other = next((key for key in told if found.get(key) != told[key]), None)
        if other is not None:
            raise BadInput(
                f"{given.records}: gives sample {stamp.index} the {other} {found.get(other)!r}, and {file} was given "
                f"{told[other]!r}; name the data set and the split that it was drawn with"
            )
    else:
        prompts = (told["text"],) if "text" in told else ()
        given = Given(label=told.get("label") if not prompts else None, prompts=prompts)
    sampling = Sampling(sampler=stamp.sampler, steps=stamp.steps, guidance=stamp.guidance)
    return stamp.seed, replace(options, given=given, draw=replace(options.draw, first=stamp.index, sampling=sampling))


class _SampleFolder:
    """One call of :func:`sample`: the model, where its samples go, and what has been written."""

    def __init__(self, model: Synthesizer | Path | str, seed: int, out: Path, options: SampleOptions) -> None:
        self.seed, self.out, self.options = seed, out, options
        self.rows: list[dict[str, Any]] = []
        recipe = options.recipe
        if isinstance(model, Synthesizer):
            self.model = model
        else:
            self.model = load(model, device=options.device, catalog=options.catalog)
            recipe = recipe or read_provenance(model).recipe_name
        self.recipe = recipe or ""
        self.conditions = conditions_for(self.model, options.given)
        self.sampling = self.model.resampled(options.draw.sampling).sampling
        self._next, self._begun, self._made = options.draw.first, False, False
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="diorama-write")
        self._waiting: deque[Future[list[dict[str, Any]]]] = deque()
        # Of large models this takes as long as many samples; the first batch is drawn meanwhile.
        find = hash_when_asked(model) if isinstance(model, Synthesizer) else partial(model_hash, model)
        self._hash = self._writers.submit(find)

    @cached_property
    def stamp(self) -> SyntheticStamp:
        """What the marks of all samples have in common."""
        model, how = self._hash.result(), self.sampling
        return SyntheticStamp(
            model=model, seed=self.seed, recipe=self.recipe, sampler=how.sampler, steps=how.steps, guidance=how.guidance
        )

    def check(self) -> None:
        """See that samples can be written there.

        Raises:
            BadInput: the folder holds other files, or cannot be written.
        """
        if distributed.is_first():
            with _writing(self.out):
                self._made = not self.out.exists()
                self.out.mkdir(parents=True, exist_ok=True)
                names = [entry.name for entry in self.out.iterdir()]
            if names and LIST not in names:
                raise BadInput(f"{self.out}: is not empty and holds no {LIST}; choose another folder")

    def begin(self) -> None:
        """Remove the samples of an earlier call, once there is something to put in their place; all processes must
        call it."""
        if self._begun:
            return
        self._begun = True
        if distributed.is_first():
            with _writing(self.out):
                for entry in list(self.out.iterdir()):
                    if _NUMBERED.fullmatch(entry.name):
                        _remove(entry)
            # A folder with a list can be replaced, so the list is there before the first file.
            self._write_list([])
        distributed.barrier()

    def write(self, batch: Batch) -> None:
        """Hand the samples of a batch to the writers; the device draws the next ones meanwhile."""
        self.begin()
        arriving = Arriving(stored_values(pixels_of(batch), self.model.config.media))
        count = len(arriving)
        indices = range(self._next, self._next + count)
        self._next += count
        for place in range(0, count, _LOT):
            lot = slice(place, place + _LOT)
            self._waiting.append(self._writers.submit(self._write_files, indices[lot], arriving, lot))
        # One batch may wait for its files while the next is drawn.
        while len(self._waiting) > _BATCHES_WAITING * -(-count // _LOT):
            self.rows += self._waiting.popleft().result()

    def settle(self) -> None:
        """Wait until everything has been written.

        Raises:
            BadInput: a file cannot be written.
        """
        while self._waiting:
            self.rows += self._waiting.popleft().result()

    def close(self) -> None:
        """Write the list of what has been written, also after a failure."""
        self._writers.shutdown(wait=True)
        if not self._begun:
            # Nothing was drawn: all is left as it was found.
            if self._made:
                with suppress(OSError):
                    self.out.rmdir()
            return
        for left in self._waiting:
            if left.exception() is None:
                self.rows += left.result()
        self._waiting.clear()
        rows = distributed.gather_lists(self.rows)
        if distributed.is_first():
            self._write_list(rows)

    def _write_files(self, indices: Sequence[int], arriving: Arriving, lot: slice) -> list[dict[str, Any]]:
        rows = []
        media = self.model.config.media
        for index, pixels in zip(indices, arriving.values()[lot], strict=True):
            condition = self.conditions.in_words(index)
            stamp = replace(self.stamp, index=index, condition=condition)
            with _writing(self.out):
                name = write_sample(self.out / f"{index:06d}", pixels, media, stamp, self.options.video)
            rows.append(
                {"file": name, "seed": self.seed, "index": index, "condition": condition, "model": self.stamp.model}
            )
        return rows

    def _write_list(self, rows: list[dict[str, Any]]) -> None:
        document = {
            "format": 1,
            "model": self.stamp.model,
            "recipe": self.recipe,
            "sampling": asdict(self.sampling),
            "samples": rows,
        }
        with _writing(self.out):
            write_json(self.out / LIST, document)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What the system says against writing becomes a message that names the folder."""
    try:
        yield
    except OSError as problem:
        raise BadInput(f"{folder}: cannot be written ({problem.strerror})") from problem


def write_sample(
    stem: Path, pixels: np.ndarray, media: MediaSpec, stamp: SyntheticStamp, video: VideoFormat = "mp4"
) -> str:
    """Write one sample in the units of its data, marked as synthetic.

    Args:
        stem: path without suffix.
        pixels: (h, w, c) or (t, h, w, c) of ``media.dtype``.
        media: what the sample is.
        stamp: the mark; NumPy files have no place for it.
        video: format of clips; those that are not 8-bit grey or colour become NumPy files.

    Returns:
        The file's name, or the folder's for ``frames``.
    """
    suffix = suffix_for(media)
    if media.kind == "image":
        write_image(stem.with_suffix(suffix), pixels, stamp)
    elif video == "frames":
        stem.mkdir()
        for number, frame in enumerate(pixels):
            write_image(stem / f"{number:04d}{suffix}", frame, stamp)
        return stem.name
    elif suffix != ".png":
        suffix = ".npy"
        write_image(stem.with_suffix(suffix), pixels)
    else:
        suffix = f".{video}"
        write_video(stem.with_suffix(suffix), pixels, media.fps or _UNKNOWN_FPS, stamp)
    return stem.with_suffix(suffix).name


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
