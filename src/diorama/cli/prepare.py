"""``diorama prepare``: from pictures or clips as they are to a folder that training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from diorama.cli.arguments import Shares, WrongArguments, parse
from diorama.cli.progress import display
from diorama.cli.sizes import Side

if TYPE_CHECKING:
    from diorama.data.audit import Audit

_SKIPS_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Check, resize, split and pack sources, with an audit of what was found (audit.html, audit.json).

    A source is a folder of any depth, a zip or tar, a video, a NumPy or Parquet file, or the word world or world-video.
    Top folders named train, val and test are splits; labels are the parent folders, or come from a table.
    What is broken among good records is skipped and listed.

    Args:
        sources: one or more.
        out: the folder to make; new or empty.
        size: side of the square records in pixels; None keeps sizes.
        fit: how other shapes become square: crop to the middle, or pad.
        frames: length of clips.
        fps: frames a second of the clock that all clips are sampled on.
        split: shares of train, val and test; .8,.1,.1 where the source has no splits of its own.
        group: column of the table whose equal values (patient, speaker, scene) stay on one side of the split.
        table: CSV or JSON-lines file with a column path, and label, split, caption.
        label: column of the table that holds labels; label, or the only one called like it, by default.
        caption: column of the table that holds captions; caption, or the only one called like it, by default.
        test: a further source, all for testing; may be given several times.
        strip: every picture is a film strip, one clip; found out by itself otherwise.
        follow_links: follow links out of the source, to files and folders.
        axes: what each axis of an array is, letters of nthwc (records, frames, height, width, channels), such as chw.
        no_strip: pictures are pictures, however wide they are.
        values: check refuses values of several scales (0 to 1 beside 0 to 255), keep takes them as they stand.
        name: of the data set; the folder's name by default.
        licence: kept with the data.
        source_note: where the data are from; kept with them.
        caption_bytes: longest caption; longer ones are cut.
        workers: decoding threads; by default one for each core, and none where files are tiny.
    """

    sources: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")]
    out: Path
    size: Side = 64
    fit: Literal["crop", "pad"] = "crop"
    frames: int | None = None
    fps: float | None = None
    split: Shares = None
    group: str | None = None
    table: Path | None = None
    label: str | None = None
    caption: str | None = None
    test: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    strip: bool = False
    no_strip: bool = False
    follow_links: bool = False
    axes: str | None = None
    values: Literal["check", "keep"] = "check"
    name: Annotated[str, tyro.conf.arg(help_behavior_hint="")] = ""
    licence: Annotated[str, tyro.conf.arg(help_behavior_hint="")] = ""
    source_note: Annotated[str, tyro.conf.arg(name="source", help_behavior_hint="")] = ""
    caption_bytes: int = 512
    workers: int | None = None


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
    audit = None
    with display() as shown:
        for step in prepare(arguments.sources, arguments.out, options):
            shown.update(step.stage, detail=f"{step.items:,} items read, {step.kept:,} kept")
            audit = step.audit or audit
    if audit is not None:
        _tell(audit, arguments.out)
        from diorama.recipes.sizes import recipes_for

        print(recipes_for(arguments.out))


def _tell(audit: Audit, out: Path) -> None:
    counts = f"{audit.files:,} files seen: {audit.kept:,} kept, {len(audit.skipped):,} skipped"
    print(f"{counts}; {audit.records:,} records in {out} ({out / 'audit.html'} shows them)")
    for skip in audit.skipped[:_SKIPS_SHOWN]:
        print(f"skipped {skip.path}: {skip.reason}")
    if len(audit.skipped) > _SKIPS_SHOWN:
        print(f"… and {len(audit.skipped) - _SKIPS_SHOWN:,} more, all listed in {out / 'audit.json'}")
    for note in audit.notes:
        print(f"note: {note}")
