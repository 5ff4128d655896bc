"""Which record is for training, which for validation, which for testing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from diorama.core.numbers import counted

SPLITS = ("train", "val", "test")
DEFAULT_RATIO = (0.8, 0.1, 0.1)

NO_TRAIN = "nothing is there to train on; --split .8,.1,.1 divides all records anew"
NO_VAL = "there is no val; --split .9,.1,0 cuts one from train"

ONE_GROUP = "all records are of one group, such as one patient or one file, and so all are for training"

TORN = " on several sides of the source's own splits"
"""What a note says of groups that the source's splits tear apart, after their count."""


@dataclass(frozen=True)
class Membership:
    """What decides on a record's split.

    Args:
        given: the split that the source names, or ``None``.
        group: records of one group stay together.
    """

    given: str | None
    group: str


def assign(members: Sequence[Membership], ratio: tuple[float, float, float] | None) -> tuple[list[str], list[str]]:
    """The split of every record.

    Splits that the source names are kept. Where it names none, groups are divided by ``ratio``, by default
    .8, .1, .1. Where it names some, records without one join ``train``; a ``val`` or ``test`` that nobody named is
    cut from ``train`` only if a ratio is asked for. Where all that it names is not for training, a ratio divides it
    anew.

    Args:
        members: of every record.
        ratio: shares of train, val and test; ``None`` where none was asked for.

    Returns:
        The split of every record, and notes for people.
    """
    given = {member.given for member in members if member.given}
    splits = [member.given or "train" for member in members]
    named = f"the source names its splits: {', '.join(name for name in SPLITS if name in given)}"
    nothing_to_train_on = bool(given) and "train" not in splits
    if not given or (nothing_to_train_on and ratio is not None):
        chosen = ratio or DEFAULT_RATIO
        anew = [f"{named}, none of them for training: divided anew, as --split asks"] if given else []
        groups = [member.group for member in members]
        if len(set(groups)) == 1 < len(groups):
            return ["train"] * len(groups), [*anew, ONE_GROUP]
        together = "; records of one group stay together" if len(set(groups)) < len(groups) else ""
        return _divide(groups, chosen), [*anew, f"divided into train, val, test by {_words(chosen)}{together}"]
    notes = [named, *_joined(members), *_straddling(members)]
    missing = [name for name in SPLITS[1:] if name not in given]
    if ratio is None:
        return splits, [*notes, *_advice(splits)]
    # What the source named is not cut anew; train, from which the rest is cut, keeps its share.
    shares = [share if name not in given else 0.0 for name, share in zip(SPLITS, ratio, strict=True)]
    shares[0] = ratio[0]
    train = [i for i, split in enumerate(splits) if split == "train"]
    if not train or sum(shares[1:]) == 0:
        kept = f"--split {_words(ratio)} changes nothing: splits that the source names are kept"
        return splits, [*notes, kept if not missing else f"{kept}, and it gives {' and '.join(missing)} no share"]
    for i, split in zip(train, _divide([members[i].group for i in train], tuple(shares)), strict=True):
        splits[i] = split
    return splits, [*notes, f"{' and '.join(missing)} cut from train by {_words(ratio)}"]


def _divide(groups: Sequence[str], ratio: Sequence[float]) -> list[str]:
    """Groups in the order of their hashes, so that adding data moves few of them, cut at the shares."""
    sizes: dict[str, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    order = sorted(sizes, key=lambda group: hashlib.sha256(group.encode("utf-8", "surrogateescape")).digest())
    # A group goes where its middle lies on the line of all records: large ones do not push the others over an edge.
    total, whole, done = len(groups), sum(ratio), 0
    edges = [sum(ratio[: i + 1]) / whole * total for i in range(len(ratio))]
    side: dict[str, int] = {}
    for group in order:
        middle = done + sizes[group] / 2
        side[group] = next((i for i, edge in enumerate(edges) if middle <= edge), len(edges) - 1)
        done += sizes[group]
    _fill_empty(order, side, ratio)
    return [SPLITS[side[group]] for group in groups]


def _fill_empty(order: Sequence[str], side: dict[str, int], ratio: Sequence[float]) -> None:
    """Give every wanted split at least one group, while ``train`` can spare one."""
    for wanted in (1, 2):
        if ratio[wanted] > 0 and wanted not in side.values():
            spare = [group for group in order if side[group] == 0]
            if len(spare) > 1:
                side[spare[-1]] = wanted


def _joined(members: Sequence[Membership]) -> list[str]:
    count = sum(member.given is None for member in members)
    return [f"{count:,} records without a split joined train"] if count else []


def _advice(splits: Sequence[str]) -> list[str]:
    """What is missing for training, and how to get it."""
    if "train" not in splits:
        return [NO_TRAIN]
    if "val" not in splits:
        return [NO_VAL]
    return []


def _straddling(members: Sequence[Membership]) -> list[str]:
    first: dict[str, str] = {}
    torn = sorted({m.group for m in members if first.setdefault(m.group, m.given or "train") != (m.given or "train")})
    if not torn:
        return []
    return [f"{counted(len(torn), 'group')}{TORN}, {torn[0]!r} among them"]


def _words(ratio: Sequence[float]) -> str:
    return ", ".join(f"{share:g}" for share in ratio)
