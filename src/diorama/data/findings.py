"""What stands out in prepared data, what it means, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diorama.core.contracts import MediaSpec
from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.data.audit import LEAKS, LEAKS_AT_MOST, Audit
from diorama.data.record_list import UNLABELLED
from diorama.data.splits import NO_TRAIN, NO_VAL, ONE_GROUP, TORN

RARE = 10
"""Training records below which a class is called rare."""

SMALL_VAL = 20
"""Records below which ``fd@lite`` cannot be measured against val."""

_CUT = 0.25
_NAMES_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that stands out.

    Args:
        title: what was found, with its count.
        meaning: what it means for training and measuring.
        remedy: what to do; what is to be typed or opened stands in backticks.
        grave: whether it spoils training or measuring if nothing is done.
        section: of the audit page, where it is shown; empty where nothing more is to be seen.
        note: the audit's note that says the same, which need not be shown again.
    """

    title: str
    meaning: str
    remedy: str
    grave: bool = False
    section: str = ""
    note: str = ""


def findings(audit: Audit, media: MediaSpec, *, cropped: bool, measured: bool = True) -> list[Finding]:
    """What stands out in prepared data, the gravest first.

    Args:
        audit: what preparation found.
        media: what the files became.
        cropped: whether other shapes were cut to the middle (``--fit crop``) rather than padded.
        measured: whether training measures models of such data; those that draw partners of records it does not.
    """
    return [
        *_of_splits(audit, measured=measured),
        *_of_groups(audit),
        *_of_copies(audit),
        *_of_classes(audit),
        *_of_pixels(audit, media, cropped=cropped),
        *_of_skipped(audit),
    ]


def further_notes(audit: Audit, found: Sequence[Finding]) -> list[str]:
    """The notes of an audit that no finding says already."""
    said = {finding.note for finding in found}
    return [note for note in audit.notes if note not in said]


def _of_splits(audit: Audit, *, measured: bool) -> Iterator[Finding]:
    if "train" not in audit.splits:
        yield Finding(
            title="No training records",
            meaning="The source names its records val or test, and training reads train alone.",
            remedy="`--split .8,.1,.1` divides all records anew.",
            section="splits",
            grave=True,
            note=NO_TRAIN,
        )
    elif not measured:
        return
    elif "val" not in audit.splits and ONE_GROUP in audit.notes:
        yield Finding(
            title="No val split: all records are of one group",
            meaning="They are of one patient, one file or one value of `--group`, which stay together. Training "
            "measures its models by val; without one it says nothing of how good they are.",
            remedy="Add records of others; or, where no one is to be told apart, give each record a group of its own "
            "with `--table` and `--group`.",
            section="splits",
            grave=True,
            note=ONE_GROUP,
        )
    elif "val" not in audit.splits:
        yield Finding(
            title="No val split",
            meaning="Training measures its models by val; without one it says nothing of how good they are.",
            remedy="`--split .9,.1,0` cuts one from train.",
            section="splits",
            grave=True,
            note=NO_VAL,
        )
    elif audit.splits["val"] < SMALL_VAL:
        yield Finding(
            title=f"Only {counted(audit.splits['val'], 'val record')}",
            meaning=f"With fewer than {SMALL_VAL}, fd@lite cannot be measured while training.",
            remedy="A larger share, such as `--split .7,.2,.1`, or more data.",
            section="splits",
        )


def _of_groups(audit: Audit) -> Iterator[Finding]:
    torn = next((note for note in audit.notes if TORN in note), "")
    # Equal records are groups, too, and are told of as leaks.
    if torn and not audit.leaks:
        yield Finding(
            title=f"{torn.partition(TORN)[0]}{TORN}",
            meaning="Splits that the source names are kept, so a model is measured on groups that it has learned from, "
            "and scores flatter.",
            remedy="Name the folders (or a table's column `split`) otherwise, and prepare anew: then records are "
            "divided, and groups stay together.",
            grave=True,
            note=torn,
        )


def _of_copies(audit: Audit) -> Iterator[Finding]:
    if audit.leaks:
        yield Finding(
            title=("At least " if len(audit.leaks) >= LEAKS_AT_MOST else "") + counted(len(audit.leaks), "leak"),
            meaning=f"Nearly equal records, such as {' and '.join(audit.leaks[0])}, stand on different sides of the "
            "split: what a model is measured on, it has seen, so scores flatter.",
            remedy="Give records that belong together one value in a table's column, and prepare anew with `--table "
            "FILE --group COLUMN`. Splits that the source names are kept, so there take one of each pair out.",
            section="leaks",
            grave=True,
            note=next((note for note in audit.notes if note.startswith(LEAKS)), ""),
        )
    if audit.duplicates:
        copies = sum(map(len, audit.duplicates)) - len(audit.duplicates)
        yield Finding(
            title=f"{counted(len(audit.duplicates), 'group')} of duplicates, {counted(copies, 'record')} too many",
            meaning="Equal and nearly equal records (brightened, recompressed, mirrored) weigh as often as they are "
            "there, and what repeats is what a model learns by heart.",
            remedy="Keep one of each group in the source and prepare anew; `audit.json` lists them all under "
            "`duplicates`.",
            section="duplicates",
            grave=True,
        )


def _of_classes(audit: Audit) -> Iterator[Finding]:
    trained = {name: splits.get("train", 0) for name, splits in audit.labels_by_split.items()}
    unlabelled = sum(audit.labels_by_split.get(UNLABELLED, {}).values())
    if unlabelled:
        yield Finding(
            title=f"{counted(unlabelled, 'record')} without a label",
            meaning=f"Others have one, so these became a class of their own, {UNLABELLED}, which a model would learn "
            "to draw.",
            remedy="Label them (a folder of their class, or `--table FILE` with a column `label`), or leave them out. "
            "Recipes without labels ignore it.",
            section="splits",
        )
    rare = [name for name, count in trained.items() if count < RARE and name != UNLABELLED]
    if rare and "train" in audit.splits:
        yield Finding(
            title=f"{counted(len(rare), 'class', 'classes')} with fewer than {RARE} training records",
            meaning=f"{in_a_line(rare, _NAMES_SHOWN)}: a model with labels learns little of them, or learns them by "
            "heart.",
            remedy="Join them, leave them out, or take a recipe without labels, which ignores classes.",
            section="splits",
        )


def _of_pixels(audit: Audit, media: MediaSpec, *, cropped: bool) -> Iterator[Finding]:
    if audit.plain:
        yield Finding(
            title=f"{counted(len(audit.plain), 'record')} of one plain colour",
            meaning=f"{in_a_line(audit.plain, _NAMES_SHOWN)}: often a damaged file or an empty page, and a model draws "
            "such, too.",
            remedy="Take them out of the source if they do not belong there; `audit.json` lists them under `plain`.",
            section="pixels",
        )
    sizes = [(*size, count) for text, count in audit.sizes.items() if (size := size_of(text)) is not None]
    small = sum(count for width, height, count in sizes if _enlarged(width, height, media, cropped=cropped))
    if small:
        yield Finding(
            title=f"{counted(small, 'file')} smaller than {media.width} × {media.height}",
            meaning=f"{'One side or both were' if cropped else 'Both sides were'} too short, so they were enlarged, "
            "and a model learns to draw their blur.",
            remedy="A smaller `--size`, or leave them out.",
            section="pixels",
        )
    cut = sum(count for width, height, count in sizes if _lost(width, height, media) > _CUT)
    if cropped and cut:
        yield Finding(
            title=f"{counted(cut, 'file')} cut by more than a quarter",
            meaning="Only the middle was kept; what lies beyond it is lost.",
            remedy="`--fit pad` keeps all and adds black bars; `--size None` keeps the shape where all share one.",
            section="pixels",
        )


def _of_skipped(audit: Audit) -> Iterator[Finding]:
    if audit.skipped:
        yield Finding(
            title=f"{counted(len(audit.skipped), 'file')} skipped",
            meaning="They are not in the data.",
            remedy="The reasons say what would make them readable; all are listed in `audit.json` under `skipped`.",
            section="skipped",
        )


def size_of(text: str) -> tuple[int, int] | None:
    """Width and height of ``WIDTHxHEIGHT``; ``None`` for anything else."""
    width, _, height = text.partition("x")
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


def _enlarged(width: int, height: int, media: MediaSpec, *, cropped: bool) -> bool:
    """Whether fitting makes a file larger: a crop fills the record with the shorter side, padding with the longer."""
    shorter = width < media.width, height < media.height
    return any(shorter) if cropped else all(shorter)


def _lost(width: int, height: int, media: MediaSpec) -> float:
    """The share of a picture that cutting to the shape of the records leaves out."""
    if not width or not height:
        return 0.0
    ratio = (width / height) / (media.width / media.height)
    return 1 - min(ratio, 1 / ratio)
