"""``diorama prepare``: from pictures or clips as they are to a folder that training reads."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from diorama.cli.arguments import Shares, WrongArguments, parse, shown_as
from diorama.cli.progress import display
from diorama.cli.sizes import Side
from diorama.core.numbers import counted

if TYPE_CHECKING:
    from diorama.core.contracts import MediaSpec
    from diorama.data.audit import Audit
    from diorama.data.dataset import Dataset
    from diorama.data.prepare_options import PrepareProgress

_REASONS_SHOWN, _PATHS_SHOWN, _CLASSES_SHOWN = 10, 5, 8


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Check, resize, split and pack sources, with an audit of what was found (audit.html, audit.json).

    A source is a folder of any depth, a zip or tar, a video, a NumPy, Parquet, DICOM or NIfTI file,
    or the word world or world-video.
    Top folders named train, val and test are splits; labels are the parent folders, or come from a table.
    What is broken among good records is skipped and listed.

    Args:
        sources: one or more.
        out: the folder to make; new or empty.
        size: side of the square records in pixels, or None to keep the sizes of the files.
        fit: how other shapes become square: crop to the middle, or pad.
        small: side in pixels of small copies, which a model learns to enlarge to --size (edm_upscale, esrgan).
        pair: where the partner of every picture is, which is kept beside it: a column of a table that names its file, a
            folder in which it has the picture's name, or left or right, the half of every picture that it is.
        unpaired: a second source, prepared beside the first, whose pictures are partners of any; or a label of the
            first source.
        frames: length of clips, which are cut end to end; what is left over is dropped.
        fps: frames a second at which all clips are sampled.
        split: shares of train, val and test.
        group: column of the table whose equal values (patient, speaker, scene) stay on one side of the split.
        table: CSV or JSON-lines file with a column path, and label, split, caption.
        label: column of the table that holds labels.
        caption: column of the table that holds captions.
        test: a further source, all for testing; may be given several times.
        strip: every picture is a film strip, one clip; without this or --no-strip, prepare finds out.
        follow_links: follow links out of the source, to files and folders.
        axes: what each axis of an array is, letters of nthwc (records, frames, height, width, channels), such as chw.
        no_strip: pictures are pictures, however wide they are.
        values: check refuses values of several scales (0 to 1 beside 0 to 255), keep takes them as they stand.
        name: of the data set; the folder's name by default.
        licence: kept with the data.
        source_note: where the data are from; kept with them.
        caption_bytes: longest caption; longer ones are cut.
        workers: decoding threads.
    """

    sources: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")]
    out: Path
    size: Side = 64
    fit: Literal["crop", "pad"] = "crop"
    small: Annotated[int | None, shown_as("N")] = None
    pair: Annotated[str | None, shown_as("COLUMN|FOLDER|left|right")] = None
    unpaired: Annotated[str | None, shown_as("OTHER")] = None
    frames: Annotated[int | None, shown_as("N", "16; clips of one length, at most 64, stay whole")] = None
    fps: Annotated[float | None, shown_as("FPS", "the mean rate of each file")] = None
    split: Annotated[Shares, shown_as("TRAIN,VAL,TEST", "the source's own splits, else .8,.1,.1")] = None
    group: Annotated[str | None, shown_as("COLUMN")] = None
    table: Annotated[Path | None, shown_as("FILE")] = None
    label: Annotated[str | None, shown_as("COLUMN", "label, or the only column with a similar name")] = None
    caption: Annotated[str | None, shown_as("COLUMN", "caption, or the only column with a similar name")] = None
    test: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    strip: bool = False
    no_strip: bool = False
    follow_links: bool = False
    axes: Annotated[str | None, shown_as("LETTERS", "guessed, and the guess is reported")] = None
    values: Literal["check", "keep"] = "check"
    name: Annotated[str, tyro.conf.arg(help_behavior_hint="")] = ""
    licence: Annotated[str, tyro.conf.arg(help_behavior_hint="")] = ""
    source_note: Annotated[str, tyro.conf.arg(name="source", help_behavior_hint="")] = ""
    caption_bytes: int = 512
    workers: Annotated[int | None, shown_as("N", "one for each core; none where files are tiny")] = None


def main(words: Sequence[str]) -> None:
    """Prepare, with progress, and say what was kept and what was not."""
    arguments = parse(Arguments, "prepare", words)
    if not arguments.sources:
        raise WrongArguments("no source was given: name a folder, an archive, a file, or world")

    if arguments.strip and arguments.no_strip:
        raise WrongArguments("--strip and --no-strip exclude each other")

    from diorama.data.prepare import PrepareOptions, prepare

    try:
        options = PrepareOptions(
            size=arguments.size,
            fit=arguments.fit,
            small=arguments.small,
            pair=arguments.pair,
            unpaired=arguments.unpaired,
            frames=arguments.frames,
            fps=arguments.fps,
            split=arguments.split,
            group=arguments.group,
            table=arguments.table,
            label=arguments.label,
            caption=arguments.caption,
            test=arguments.test,
            strip=True if arguments.strip else False if arguments.no_strip else None,
            values=arguments.values,
            follow_links=arguments.follow_links,
            axes=arguments.axes,
            name=arguments.name,
            licence=arguments.licence,
            source=arguments.source_note,
            caption_bytes=arguments.caption_bytes,
            workers=arguments.workers,
        )
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    last = None
    with display() as shown:
        for step in prepare(arguments.sources, arguments.out, options):
            shown.update(step.stage, detail=f"{step.items:,} items read, {step.kept:,} kept")
            last = step
    if last is not None and last.audit is not None and last.media is not None:
        from diorama.data.dataset import open_dataset

        dataset = open_dataset(arguments.out)
        _tell(last, dataset.info.media, arguments)
        _tell_next(dataset, arguments.out)


def _tell(last: PrepareProgress, media: MediaSpec, arguments: Arguments) -> None:
    """What was kept and what stands out in it.

    Args:
        last: what preparation said when it was done.
        media: what the records are: with ``--small``, shrunk.
        arguments: of the command.
    """
    from diorama.data.findings import findings, further_notes

    audit, whole = last.audit, last.media
    assert audit is not None
    assert whole is not None
    out = arguments.out
    counts = f"{audit.files:,} files seen: {audit.kept:,} kept, {len(audit.skipped):,} skipped"
    print(f"{counts}; {audit.records:,} records in {out} ({out / 'audit.html'} shows them)")
    length = f", {media.frames} frames" if media.frames else ""
    kind = "clips" if media.kind == "video" else "pictures"
    splits = ", ".join(f"{split} {count:,}" for split, count in audit.splits.items())
    print(f"{kind} of {media.width}x{media.height}{length}, {counted(media.channels, 'channel')}: {splits}")
    if last.partners:
        print(last.partners)
    print(_classes(audit))
    _tell_skipped(audit, out)
    # What was skipped has just been told, with its reasons.
    found = findings(audit, whole, cropped=arguments.fit == "crop", measured=arguments.small is None)
    found = [f for f in found if f.section != "skipped"]
    for note in further_notes(audit, found):
        print(f"note: {note}")
    if found:
        print()
    for finding in found:
        print(_set(f"{finding.title}. {finding.meaning}"))
        print(_set(f"  What to do: {finding.remedy}".replace("`", "")))


def _tell_next(dataset: Dataset, out: Path) -> None:
    from diorama.recipes.sizes import first_for, recipes_for

    print(f"\n{_set(recipes_for(dataset.info))}")
    recipe = first_for(dataset.info) if "train" in dataset.splits else None
    if recipe is not None:
        print(f"next: diorama train {recipe} --data {shlex.quote(str(out))} --out runs/first")


def _set(text: str) -> str:
    """A sentence in lines as wide as the terminal; in one where what is printed goes to a file or a program."""
    if not sys.stdout.isatty():
        return text
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _classes(audit: Audit) -> str:
    if not audit.labels:
        return "no classes"
    totals = {name: sum(own.values()) for name, own in audit.labels_by_split.items()}
    shown = ", ".join(f"{name} ({count:,})" for name, count in list(totals.items())[:_CLASSES_SHOWN])
    rest = len(totals) - _CLASSES_SHOWN
    return f"{counted(len(totals), 'class', 'classes')}: {shown}" + (f" … and {rest:,} more" if rest > 0 else "")


def _tell_skipped(audit: Audit, out: Path) -> None:
    """What was left out, by reason, the most frequent first."""
    from diorama.data.audit import by_reason

    reasons = by_reason(audit.skipped)
    for reason, paths in reasons[:_REASONS_SHOWN]:
        like = f"{len(paths):,} like " if len(paths) > _PATHS_SHOWN else ""
        print(f"skipped {like}{', '.join(paths[:_PATHS_SHOWN])}: {reason}")
    rest = sum(len(paths) for _, paths in reasons[_REASONS_SHOWN:])
    if rest:
        print(f"… and {rest:,} more, all listed in {out / 'audit.json'}")
