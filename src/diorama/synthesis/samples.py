"""Drawing samples into a folder: numbered files, each marked as synthetic, and a list of what they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, pixels_of
from diorama.core.errors import BadInput
from diorama.core.files import write_json
from diorama.core.rng import MOST_SAMPLES
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.media.convert import stored_values
from diorama.media.formats import SampleFormat, format_named
from diorama.media.stamp import SyntheticStamp, read_stamp
from diorama.synthesis.arriving import Arriving
from diorama.synthesis.base import Sampling, Synthesizer, require_drawing
from diorama.synthesis.drawing import DrawOptions, draw, share_of
from diorama.synthesis.formats import check_format, write_sample
from diorama.synthesis.given import Given, conditions_for
from diorama.synthesis.guided import idle_guidance
from diorama.synthesis.labels import how_taken
from diorama.synthesis.sample_place import emptied, made_ready, writing
from diorama.synthesis.sheets import Sheet, check_sheet
from diorama.synthesis.store import hash_when_asked, load, model_hash, read_provenance

__all__ = ["Given", "SampleOptions", "SampleProgress", "check_sheet", "options_like", "sample"]

_WRITERS, _BATCHES_WAITING = 4, 2
"""Threads that write files while the next batch is drawn, and batches whose files may wait for them."""
_LOT = 64
"""Files that one thread writes in a go."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """How samples are drawn and written.

    Args:
        draw: batch, precision, sampler, first index.
        given: labels, prompts or records.
        format: of the files: ``png``, ``jpeg`` (quality 95, full chroma) or ``webp`` (lossless) for pictures, ``mp4``,
            ``webm``, ``gif`` or ``frames`` (a numbered folder of pictures each) for clips; ``None`` for PNG and MP4, or
            TIFF and NumPy files where only those hold the data.
        grid: a file outside the folder that the first samples are shown in side by side: a picture (``.png``, ``.jpg``,
            ``.webp``), or of clips also one that plays (``.mp4``, ``.webm``, ``.gif``); as a picture it shows a row of
            frames for each clip. ``None`` for none.
        device: where a model that is given as a path is loaded.
        recipe: name for the files' marks; by default the one in the model folder's provenance.
        catalog: config classes of a user's own.
    """

    draw: DrawOptions = field(default_factory=DrawOptions)
    given: Given = field(default_factory=Given)
    format: SampleFormat | None = None
    grid: Path | str | None = None
    device: str = "cpu"
    recipe: str | None = None
    catalog: tuple[object, ...] = ()


@dataclass(frozen=True)
class SampleProgress:
    """How far drawing is.

    Args:
        done: samples written.
        count: of how many.
        notes: sentences for people: what a label was taken for, what a grid shows.
    """

    done: int
    count: int
    notes: tuple[str, ...] = ()


def sample(
    model: Synthesizer | Path | str,
    count: int,
    *,
    seed: int = 0,
    out: Path | str,
    options: SampleOptions | None = None,
) -> Iterator[SampleProgress]:
    """Draw samples into a folder.

    Writes ``000000.png …`` (``.tif`` or ``.npy`` where the model's data are not 8-bit grey or colour; MP4 for clips; or
    what ``options.format`` says) and ``samples.json``; nothing else. An older folder of samples is replaced; when
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
        BadInput: no such model, label or sampler; a format or a grid that does not fit what the model draws; or ``out``
            holds other files or cannot be written.
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
        folder = _SampleFolder(model, seed, Path(out), mine, range(chosen.draw.first, chosen.draw.first + count))
        folder.check()
        try:
            if folder.notes:
                yield SampleProgress(0, share, folder.notes)
            for batch in draw(folder.model, share, seed=seed, conditions=folder.conditions, options=mine.draw):
                folder.write(batch)
                yield SampleProgress(len(folder.rows), share)
            folder.begin()
            folder.settle()
            yield SampleProgress(len(folder.rows), share, folder.write_sheet())
        finally:
            folder.close()


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
    if stamp is None:
        raise BadInput(f"{file}: carries no mark that says how it was drawn")
    if stamp.index is None:
        raise BadInput(f"{file}: carries no mark that says which sample it is; a grid or a preview shows several")
    if stamp.composite:
        raise BadInput(f"{file}: is an edit of another picture, which cannot be drawn without that picture")
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
    kind = stamp.guidance_kind
    if kind is None and stamp.guidance is not None:
        kind = "cfg"
    sampling = Sampling(**{each.name: getattr(stamp, each.name) for each in fields(Sampling)} | {"guidance_kind": kind})
    return stamp.seed, replace(options, given=given, draw=replace(options.draw, first=stamp.index, sampling=sampling))


class _SampleFolder:
    """One call of :func:`sample`: the model, where its samples go, and what has been written."""

    def __init__(
        self, model: Synthesizer | Path | str, seed: int, out: Path, options: SampleOptions, indices: range
    ) -> None:
        self.seed, self.out, self.options, self.indices = seed, out, options, indices
        self.rows: list[dict[str, Any]] = []
        recipe = options.recipe
        if isinstance(model, Synthesizer):
            self.model = model
        else:
            self.model = load(model, device=options.device, catalog=options.catalog)
            require_drawing(self.model, model)
            recipe = recipe or read_provenance(model).recipe_name
        self.recipe = recipe or ""
        self.conditions = conditions_for(self.model, options.given)
        drawer = self.model.resampled(options.draw.sampling)
        self.sampling = drawer.sampling
        media = self.model.config.media
        self.format = None if options.format is None else format_named(options.format)
        check_format(media, self.format)
        label = options.given.label
        taken = how_taken(self.model.config.classes, label) if label is not None else ""
        idle = idle_guidance(options.draw.sampling, drawer, self.conditions)
        self.notes = tuple(filter(None, [taken, idle]))
        self._sheet: Sheet | None = None
        if options.grid is not None:
            check_sheet(Path(options.grid), out)
            turns = len(self.conditions.words)
            self._sheet = Sheet(path=Path(options.grid), media=media, count=len(indices), turns=turns)
        self._on_sheet = indices[: self._sheet.shown] if self._sheet is not None else range(0)
        self._shown: list[tuple[int, np.ndarray]] = []
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
        return SyntheticStamp(model=model, seed=self.seed, recipe=self.recipe, **asdict(how))

    def check(self) -> None:
        """See that samples can be written there.

        Raises:
            BadInput: the folder holds other files, or cannot be written.
        """
        if distributed.is_first():
            self._made = made_ready(self.out)

    def begin(self) -> None:
        """Remove the samples of an earlier call, once there is something to put in their place; all processes must
        call it."""
        if self._begun:
            return
        self._begun = True
        if distributed.is_first():
            emptied(self.out)
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

    def write_sheet(self) -> tuple[str, ...]:
        """Write the grid, where one is asked for; all processes must call it.

        Returns:
            A sentence on what it shows, if there is one.
        """
        sheet, self._sheet = self._sheet, None
        if sheet is None:
            return ()
        shown = sorted(distributed.gather_lists(self._shown), key=lambda each: each[0])
        if not distributed.is_first() or not shown:
            return ()
        given = self.conditions.in_words(0) if len(self.conditions.words) == 1 else {}
        sheet.write([pixels for _, pixels in shown], replace(self.stamp, condition=given))
        return (sheet.in_words(len(shown)),)

    def close(self) -> None:
        """Write the list of what has been written, and the grid of it, also after a failure."""
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
        self.write_sheet()

    def _write_files(self, indices: Sequence[int], arriving: Arriving, lot: slice) -> list[dict[str, Any]]:
        rows = []
        media = self.model.config.media
        for index, pixels in zip(indices, arriving.values()[lot], strict=True):
            condition = self.conditions.in_words(index)
            stamp = replace(self.stamp, index=index, condition=condition)
            with writing(self.out):
                name = write_sample(self.out / f"{index:06d}", pixels, media, stamp, self.format)
            if index in self._on_sheet:
                self._shown.append((index, pixels.copy()))
            rows.append(
                {"file": name, "seed": self.seed, "index": index, "condition": condition, "model": self.stamp.model}
            )
        return rows

    def _write_list(self, rows: list[dict[str, Any]]) -> None:
        document = {
            "format": 1,
            "model": self.stamp.model,
            "recipe": self.recipe,
            "sampling": self.sampling.in_json(),
            "samples": rows,
        }
        with writing(self.out):
            write_json(self.out / LIST, document)
