"""What stands out in prepared data is named with its count and with what to do; nothing is, where nothing does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.data.audit import Audit
from diorama.data.findings import findings, further_notes, size_of
from diorama.data.sources.base import Skip
from diorama.data.splits import NO_VAL, ONE_GROUP, TORN
from tests.data.pictures import picture, prepared, save

MEDIA = MediaSpec(kind="image", channels=3, height=64, width=64)
GOOD = Audit(
    files=1000,
    kept=1000,
    records=1000,
    skipped=(),
    duplicates=(),
    labels={"cat": 500, "dog": 500},
    leaks=(),
    sizes={"64x64": 1000},
    modes={"RGB": 1000},
    splits={"train": 800, "val": 100, "test": 100},
    notes=(),
    labels_by_split={name: {"train": 400, "val": 50, "test": 50} for name in ("cat", "dog")},
)


def said(audit: Audit, *, cropped: bool = True) -> str:
    return "\n".join(f"{f.title}. {f.meaning} {f.remedy}" for f in findings(audit, MEDIA, cropped=cropped))


def test_nothing_stands_out_in_good_data() -> None:
    assert findings(GOOD, MEDIA, cropped=True) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"splits": {"train": 800, "test": 200}}, ["No val split", "`--split .9,.1,0`"]),
        ({"splits": {"test": 1000}}, ["No training records", "`--split .8,.1,.1`"]),
        ({"splits": {"train": 987, "val": 13}}, ["Only 13 val records", "fd@lite"]),
        ({"leaks": (("a.png", "b.png"),) * 1200}, ["1,200 leaks", "a.png and b.png", "--group COLUMN"]),
        ({"leaks": (("a.png", "b.png"),) * 10_000}, ["At least 10,000 leaks"]),
        (
            {"notes": (f"1,200 groups{TORN}, 'p7' among them",)},
            ["1,200 groups on several sides of the source's own splits.", "divided, and groups stay together"],
        ),
        ({"duplicates": (("a", "b", "c"), ("d", "e"))}, ["2 groups of duplicates, 3 records too many"]),
        ({"plain": ("a.png",)}, ["1 record of one plain colour", "a.png"]),
        ({"skipped": (Skip("a", "why"), Skip("b", "why"))}, ["2 files skipped"]),
        ({"sizes": {"32x32": 7, "64x64": 993}}, ["7 files smaller than 64 × 64", "`--size`"]),
        ({"sizes": {"60x70": 7, "64x64": 993}}, ["7 files smaller than 64 × 64", "One side or both"]),
        ({"sizes": {"200x100": 7, "64x64": 993}}, ["7 files cut by more than a quarter", "`--fit pad`"]),
        ({"labels_by_split": {"cat": {"train": 9}, "dog": {"train": 791}}}, ["1 class with fewer than 10"]),
        ({"labels_by_split": {"(none)": {"train": 50}, "dog": {"train": 750}}}, ["50 records without a label"]),
    ],
)
def test_each_finding_says_how_many_and_what_to_do(changes: dict[str, object], words: list[str]) -> None:
    text = said(replace(GOOD, **changes))  # type: ignore[arg-type]
    for word in words:
        assert word in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("splits", [{"train": 987, "val": 13}, {"train": 1000}])
def test_val_is_not_missed_where_nothing_is_measured_by_it(splits: dict[str, int]) -> None:
    audit = replace(GOOD, splits=splits)
    assert len(findings(audit, MEDIA, cropped=True)) == 1
    assert findings(audit, MEDIA, cropped=True, measured=False) == []


def test_padding_cuts_nothing_and_enlarges_only_what_is_smaller_both_ways() -> None:
    assert said(replace(GOOD, sizes={"40x70": 1000}), cropped=False) == ""
    assert "Both sides" in said(replace(GOOD, sizes={"40x50": 1000}), cropped=False)
    assert said(replace(GOOD, sizes={"200x100": 1000}), cropped=False) == ""


def test_a_note_that_a_finding_says_is_not_shown_twice() -> None:
    audit = replace(GOOD, splits={"train": 1000}, notes=("folders were read as CLASS", NO_VAL))
    assert further_notes(audit, findings(audit, MEDIA, cropped=True)) == ["folders were read as CLASS"]


def test_records_of_one_group_are_told_apart_from_a_val_that_nobody_asked_for() -> None:
    audit = replace(GOOD, splits={"train": 1000}, notes=(ONE_GROUP,))
    text = said(audit)
    assert "all records are of one group" in text
    assert "--split" not in text
    assert further_notes(audit, findings(audit, MEDIA, cropped=True)) == []


def test_sizes_of_other_forms_are_left_alone() -> None:
    assert size_of("64x48") == (64, 48)
    assert [size_of(text) for text in ("", "64", "64xa", "0.5x3")] == [None] * 4


def test_the_counts_behind_them_are_those_of_the_records(tmp_path: Path) -> None:
    for number in range(12):
        label = "cat" if number % 3 else "dog"
        save(picture(number), tmp_path / "in" / ("train" if number < 8 else "val") / label / f"{number}.png")
    save(np.full((24, 24, 3), 255, np.uint8), tmp_path / "in" / "train" / "cat" / "white.png")
    save(np.zeros((24, 24, 3), np.uint8), tmp_path / "in" / "train" / "cat" / "black.png")
    _, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert audit.plain == ("train/cat/black.png", "train/cat/white.png")
    assert audit.labels_by_split == {"cat": {"train": 7, "val": 3}, "dog": {"train": 3, "val": 1}}
    assert sum(audit.brightness) == 14
    assert (audit.brightness[0], audit.brightness[-1]) == (1, 1)
