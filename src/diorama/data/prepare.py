"""``diorama prepare``: from sources as they are to a folder that training reads."""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.core.files import fresh_folder
from diorama.data.audit import draw_up, with_pixels, write_audit
from diorama.data.audit_page import write_audit_page
from diorama.data.audit_pictures import shown_of
from diorama.data.beside import Beside
from diorama.data.captions import TOKENS, caption_notes, fitted
from diorama.data.card import Described, write_card
from diorama.data.dataset import UNPAIRED
from diorama.data.duplicates import signatures
from diorama.data.intake import IntakeOptions, Taken, take_in
from diorama.data.lots import ITEMS_AT_ONCE, lots, too_small_for_workers
from diorama.data.objects import object_notes
from diorama.data.pack import PackInfo, PackWriter, Place
from diorama.data.prepare_options import PrepareOptions, PrepareProgress, Stage
from diorama.data.record_list import ListedRecord, RecordList, moved
from diorama.data.records import encode_record
from diorama.data.sources.base import Columns, Item, Source, SourceOptions
from diorama.data.sources.label_values import label_notes
from diorama.data.sources.open import open_source
from diorama.data.sources.world import WORLD, WORLD_VIDEO, WorldSource, world_source
from diorama.data.spellings import spelling_notes
from diorama.data.splits import DEFAULT_RATIO, assign
from diorama.data.unify import Form, common_form, converted, has_form, media_of
from diorama.data.unpaired import divided
from diorama.data.windows import common_window, holding
from diorama.data.workers import in_order

__all__ = ["PrepareOptions", "PrepareProgress", "prepare"]

_WORKERS_AT_MOST = 16
_SAME_RATE = 1.01
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def prepare(
    sources: Path | str | Sequence[Path | str | Source],
    out: Path | str,
    options: PrepareOptions | None = None,
) -> Iterator[PrepareProgress]:
    """Read sources, check, fit, split and pack them into a folder that training reads, with an audit.

    Equal input and options give equal content hashes, whatever the number of workers. The folder appears when all
    is done; nothing else is written.

    Args:
        sources: folders, archives, files, the words ``world`` and ``world-video``, or sources; one, or several in a
            list.
        out: the folder to make; it must not exist, or be empty.
        options: what to make of them; ``None`` for the defaults.

    Yields:
        Progress, every few items; the last one carries the audit.

    Raises:
        BadInput: a source is missing or gives no usable record, ``out`` is not free or cannot be written.
    """
    target, options = Path(out), options or PrepareOptions()
    sources = [sources] if isinstance(sources, (str, Path)) else sources
    opened = [_opened(source, options) for source in sources]
    tests = [_opened(source, options) for source in options.test]
    if not opened:
        raise BadInput("no source was given: name a folder, an archive, a file, or `world`")
    _check_free(target, [Path(s) for s in (*sources, *options.test) if isinstance(s, (str, Path))])
    with _writing(target), fresh_folder(target) as folder:
        options = replace(options, name=options.name or target.name)
        if options.unpaired is not None:
            opened, tests, second = divided(opened, tests, options)
            own = prepare(second.sources, folder / UNPAIRED, second.options)
            yield from (replace(step, audit=None, media=None) for step in own)
        yield from _prepare_into(folder, opened, tests, options)


def _prepare_into(
    folder: Path, sources: Sequence[Source], tests: Sequence[Source], options: PrepareOptions
) -> Iterator[PrepareProgress]:
    records = RecordList(options.group)
    # Whether there are captions is known when all has been read; a side that stays empty leaves no trace.
    with PackWriter(folder, sides=[TOKENS]) as writer, Beside(folder, options) as beside:
        for source in (*sources, *tests):
            for_test = source in tests
            yield from _read(source, writer, beside, records, options, for_test=for_test)
    if not records.entries:
        raise BadInput(records.why_empty([source.name for source in (*sources, *tests)]))
    _check_tables([*sources, *tests], records, options)
    yield _progress("unifying", records)
    writer, form, kept = _made_alike(writer, beside, records, options)
    rows = writer.rows()
    splits, split_notes = _splits(records, rows["digest"], options)
    records.notes += split_notes
    records.notes += spelling_notes(records.label_counts())
    records.notes += _rate_notes(rows["fps"])
    records.notes += label_notes(records.label_counts())
    records.notes += caption_notes(records.entries, options.caption_bytes)
    records.notes += _object_notes(records, writer)
    # The window of values is that of the training records, as are the statistics: the others are not to be known.
    sums = writer.sums([i for i, split in enumerate(splits) if split == "train"] or range(len(writer)))
    media = media_of(form, (float(sums[:, :, 2].min()), float(sums[:, :, 3].max())), rows["fps"], kept)
    if not options.whole or media.dtype != "uint8" or kept:
        records.notes.append(f"{media.dtype} {media.low:g} stands for -1, {media.high:g} for +1")
    records.notes += beside.settle(media, records.entries, splits)
    yield _progress("comparing", records)
    audit = draw_up(records, rows["digest"], splits, writer.read)
    audit = with_pixels(audit, records, rows, writer.sums(range(len(writer))), media)
    write_audit(folder, audit)
    shown = shown_of(writer, records, splits, media, beside)
    write_audit_page(folder, options.name, audit, shown, cropped=options.fit == "crop", measured=options.small is None)
    writer, stored = beside.written(writer, media, records.entries)
    classes, labels = records.classes()
    digest = writer.finish(
        PackInfo(
            name=options.name,
            media=stored,
            classes=classes,
            licence=options.licence,
            source=options.source,
            generator=_generator([*sources, *tests]),
            notes=audit.notes,
            second=beside.second,
        ),
        [Place(split=split, label=label) for split, label in zip(splits, labels, strict=True)],
    )
    # After the manifest, which vouches for all that was there before: the card is the user's to complete.
    names = [source.name for source in (*sources, *tests)]
    write_card(folder, Described(options, names, stored, records, splits, classes, labels, audit, digest))
    yield replace(_progress("done", records), audit=audit, media=media, partners=beside.words())


def _made_alike(
    writer: PackWriter, beside: Beside, records: RecordList, options: PrepareOptions
) -> tuple[PackWriter, Form, Window | None]:
    """All records in one form, and the window of values that their files state.

    Raises:
        BadInput: no record is left.
    """
    names = [entry.path for entry in records.entries]
    form, notes = common_form(writer.rows(), writer.ranges(), names, options.values, alike=options.whole)
    records.notes += notes
    kept, window_notes = common_window([entry.scan for entry in records.entries], form.scale)
    records.notes += window_notes
    form = replace(form, scale=holding(form.scale, kept))
    unfit, partner_notes = beside.agree(records.entries, form)
    records.notes += partner_notes
    if unfit or not has_form(writer.rows(), form):
        writer = _unified(writer, records, form, options, unfit)
    if not records.entries:
        raise BadInput(f"{options.name}: no record is left ({'; '.join(notes)})")
    return writer, form, kept


def _check_tables(sources: Sequence[Source], records: RecordList, options: PrepareOptions) -> None:
    """See that a table that was given says something, and that what records are grouped by is known.

    Raises:
        BadInput: it does not.
    """
    if options.table is not None and not any(source.rows_used for source in sources):
        row = next((skip.path for skip in records.skipped if options.table.name in skip.reason), "")
        raise BadInput(
            f"{options.table}: none of its rows names a file of {', '.join(source.name for source in sources)}: it has "
            f"{row!r}, and a file is {records.entries[0].item!r}"
        )
    if options.group is not None:
        alone = sum(options.group not in entry.facts for entry in records.entries)
        if alone == len(records.entries):
            raise BadInput(f"--group {options.group}: no record has a value in this column, so nothing is grouped")
        if alone:
            records.notes.append(f"{alone:,} records have no {options.group} and are grouped with none")


def _read(
    source: Source, writer: PackWriter, beside: Beside, records: RecordList, options: PrepareOptions, *, for_test: bool
) -> Iterator[PrepareProgress]:
    """Decode and write all records of a source, a few items at a time."""
    intake = IntakeOptions(
        size=options.size,
        fit=options.fit,
        frames=options.frames,
        fps=options.fps,
        clips_per_file=options.clips_per_file,
        whole=options.whole,
        paired=options.pair is not None,
        half=options.half,
    )
    # Workers are given content only: what it is called and known of it waits here, in the order of the jobs.
    under_way: deque[list[Item]] = deque()
    work, jobs = partial(take_in, options=intake), lots(source, under_way)
    first = list(islice(jobs, 1))
    workers = 0 if too_small_for_workers(first, options) else _workers(options)
    for results in in_order(work, chain(first, jobs), workers=workers, processes=options.processes):
        for item, result in zip(under_way.popleft(), results, strict=True):
            if for_test:
                item = replace(item, facts={**item.facts, "split": "test"})
            added = records.add(source.name, item.in_unicode(), result)
            for record, taken in zip(added, result.records, strict=True):
                _write(writer, record, taken, options)
                beside.add(record.path, taken.partner)
        yield _progress("reading", records)
    records.finish_source(source)


def _unified(
    writer: PackWriter, records: RecordList, form: Form, options: PrepareOptions, unfit: Collection[str]
) -> PackWriter:
    """Write all records anew in one form but those whose partners are unfit; the mixed ones are removed."""
    before = records.entries
    if unfit:
        fit = [entry for entry in before if entry.path not in unfit]
        records.replace_entries(fit, "its partner has another number of channels than most")

    def made(numbers: range) -> list[list[Taken]]:
        """What some of the records become, read and converted by a thread."""
        return [
            [
                Taken(encode_record(pixels, float(writer.row(number)["fps"]) or None), signatures(pixels[None])[0])
                for pixels in converted(writer.read(number), form, options.fit)
            ]
            for number in numbers
        ]

    count, entries = len(before), []
    parts = (range(i, min(i + ITEMS_AT_ONCE, count)) for i in range(0, count, ITEMS_AT_ONCE))
    with PackWriter(writer.folder, "unified", sides=[TOKENS]) as unified:
        made_of_all = (taken for lot in in_order(made, parts, workers=_workers(options)) for taken in lot)
        for entry, several in zip(before, made_of_all, strict=True):
            for place, taken in enumerate([] if entry.path in unfit else several):
                entries.append(moved(entry, taken.signature, place if len(several) > 1 else None))
                _write(unified, entries[-1], taken, options)
    # The mixed records are gone before the hash of the folder is taken, which names every file in it.
    shutil.rmtree(writer.discard())
    records.replace_entries(entries, f"it cannot be made like the others ({form.words()})")
    return unified


def _write(writer: PackWriter, record: ListedRecord, taken: Taken, options: PrepareOptions) -> None:
    """Append a record with what is known of it; of several captions all stand among its facts, in full."""
    facts: dict[str, Any] = dict(record.facts)
    if len(record.captions) > 1:
        facts["captions"] = list(record.captions)
    if record.objects is not None:
        row = taken.payload.row[0]
        size = int(row["height"]), int(row["width"])
        facts["objects"] = record.objects.fitted(record.size, size, options.fit)
        facts["original_size"] = list(record.size)
    sides = {TOKENS.key: fitted(record.captions, options.caption_bytes)} if record.captions else None
    writer.append(taken.payload, record.path, facts, sides)


def _object_notes(records: RecordList, writer: PackWriter) -> Iterator[str]:
    """What became of boxes and masks on the way into the records as they are now."""
    given = [(i, entry.objects, entry.size) for i, entry in enumerate(records.entries) if entry.objects is not None]
    kept = sum(len(writer.facts(i)["objects"]) for i, *_ in given)
    return object_notes([(objects, size) for _, objects, size in given], kept)


def _workers(options: PrepareOptions) -> int:
    return options.workers if options.workers is not None else min(os.cpu_count() or 1, _WORKERS_AT_MOST)


def _splits(records: RecordList, digests: NDArray[np.uint8], options: PrepareOptions) -> tuple[list[str], list[str]]:
    """The split of every record, and notes."""
    if options.whole:
        return ["train"] * len(records.entries), []
    return assign(records.members(digests), _ratio(options, records))


def _ratio(options: PrepareOptions, records: RecordList) -> tuple[float, float, float] | None:
    """What was asked for; the default where the only named split is that of ``--test``."""
    named = {entry.split for entry in records.entries}
    return options.split or (DEFAULT_RATIO if options.test and named == {None, "test"} else None)


def _opened(source: Path | str | Source, options: PrepareOptions) -> Source:
    if not isinstance(source, (Path, str)):
        return source
    if str(source) in (WORLD, WORLD_VIDEO) and not Path(source).exists():
        if options.pair is not None:
            raise BadInput(f"--pair {options.pair}: the pictures of {source} have no partners")
        return world_source(str(source), size=options.size, frames=options.frames)
    # Whoever asks for a length or a clock wants clips: pictures of one folder are then the frames of one.
    clips = True if options.frames is not None or options.fps is not None else None
    return open_source(
        source,
        SourceOptions(
            strip=options.strip,
            clips=clips,
            table=options.table,
            group=options.group,
            columns=Columns(label=options.label, caption=options.caption),
            follow_links=options.follow_links,
            axes=options.axes,
            pair=None if options.half is not None else options.pair,
        ),
    )


def _rate_notes(rates: NDArray[np.float32]) -> Iterator[str]:
    """Where clips differ in rate by more than a rounding, so that one step in time is not the same in all."""
    known = rates[rates > 0]
    if len(known) and known.max() > _SAME_RATE * known.min():
        yield (
            f"clips have {known.min():.4g} to {known.max():.4g} frames a second, each its own; --fps puts them on one "
            "clock"
        )


def _generator(sources: Sequence[Source]) -> str:
    """What drew all records; empty where any come from elsewhere."""
    return WORLD if all(isinstance(source, WorldSource) for source in sources) else ""


def _progress(stage: Stage, records: RecordList) -> PrepareProgress:
    return PrepareProgress(
        stage=stage, items=records.items, kept=records.items_kept, skipped=records.items - records.items_kept
    )


def _check_free(out: Path, sources: Sequence[Path]) -> None:
    """Refuse to write over anything, or into what is being read."""
    if out.is_dir() and any(out.iterdir()):
        raise BadInput(f"{out}: exists and is not empty; remove it first, or choose another --out")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; choose another --out")
    for source in sources:
        if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
            raise BadInput(f"{out}: lies inside the source {source}; choose an --out elsewhere")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say in the user's words what keeps the folder from being written."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL:
            raise BadInput(
                f"{out}: there is no space left on the device; make room, or choose another --out"
            ) from problem
        if problem.errno in _FORBIDDEN:
            raise BadInput(f"{out}: cannot be written ({problem.strerror}); choose another --out") from problem
        raise
