"""What folders mean: the words and shapes in which people keep their data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from diorama.data.sources.layout import Layout, split_named
from tests.data.sources.examples import fill, read_all, reasons, zipped
from tests.media.examples import png


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (
            "train",
            "train Training TRAIN trainset training_set train-images train2017 trainA train_B imagesTrain seg_train "
            "01_train 1.train trainval",
        ),
        ("val", "val valid validation dev development val2017 valA val_data Validation-Set eval evaluation"),
        ("test", "test testing TEST test_set testB test1 holdout images_test"),
        (None, "cat trains trainer latest traina valley testimony extra contest devices evals data train2017b 01train"),
    ],
)
def test_words_for_splits(split: str | None, names: str) -> None:
    assert {name: split_named(name) for name in names.split()} == dict.fromkeys(names.split(), split)


CASES: list[tuple[dict[str, int], Mapping[str, tuple[str | None, str | None]]]] = [
    # splits and classes, in either order, below a wrapper or not
    (
        {"training/cat": 9, "training/dog": 9, "testing/cat": 9},
        {"training/cat": ("train", "cat"), "training/dog": ("train", "dog"), "testing/cat": ("test", "cat")},
    ),
    (
        {"set/v1/train/cat": 9, "set/v1/test/dog": 3},
        {"set/v1/train/cat": ("train", "cat"), "set/v1/test/dog": ("test", "dog")},
    ),
    ({"cat/train": 9, "dog/train": 9, "cat/test": 2}, {"cat/train": ("train", "cat"), "cat/test": ("test", "cat")}),
    ({"train2017": 9, "val2017": 2}, {"train2017": ("train", None), "val2017": ("val", None)}),
    ({"trainA": 9, "trainB": 9, "testA": 2, "testB": 2}, {"trainA": ("train", "A"), "testB": ("test", "B")}),
    # what eval is depends on what stands beside it
    ({"train": 9, "dev": 2, "eval": 2}, {"dev": ("val", None), "eval": ("test", None)}),
    ({"train": 9, "eval": 2}, {"eval": ("val", None)}),
    ({"dev": 9, "prod": 9}, {"dev": (None, "dev"), "prod": (None, "prod")}),
    # a class may be called train
    ({"vehicles/car": 5, "vehicles/train": 5}, {"vehicles/train": (None, "train"), "vehicles/car": (None, "car")}),
    ({"d/all": 20, "d/train/a": 10, "d/train/b": 10}, {"d/train/a": ("train", "a"), "d/all": (None, None)}),
    # which folder is the class
    (
        {f"train/{c}/images": 9 for c in ("n1", "n2")} | {"val/n1/images": 3, "val/n2/images": 3},
        {"train/n1/images": ("train", "n1"), "val/n2/images": ("val", "n2")},
    ),
    ({"cat/images": 5, "dog/photos": 5}, {"cat/images": (None, "cat"), "dog/photos": (None, "dog")}),
    (
        {"animals/cat": 5, "animals/dog": 5, "things/car": 5},
        {"animals/cat": (None, "cat"), "things/car": (None, "car")},
    ),
    ({f"p{p}/s{s}": 2 for p in range(4) for s in range(3)}, {"p1/s0": (None, "p1"), "p3/s2": (None, "p3")}),
    # a folder around everything is no class; below a split the only folder is one
    ({"photos": 20}, {"photos": (None, None)}),
    ({"set/images": 20}, {"set/images": (None, None)}),
    ({"train/cat": 9, "test/cat": 9}, {"train/cat": ("train", "cat")}),
    ({"test/cat": 9, "test/dog": 9}, {"test/cat": ("test", "cat")}),
    # beside
    ({"train": 9, "val": 2, "extra": 4}, {"extra": (None, None)}),
    ({"cat": 9, "dog": 9, "cat/more": 2}, {"cat/more": (None, "cat")}),
]


@pytest.mark.parametrize(("counts", "expected"), CASES)
def test_splits_and_classes(counts: dict[str, int], expected: Mapping[str, tuple[str | None, str | None]]) -> None:
    layout = Layout(counts)
    found = {name: layout.facts(name) for name in expected}
    assert {name: (f.get("split"), f.get("label")) for name, f in found.items()} == expected


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"shapes/train/round": 9, "shapes/val/square": 9}, "folders were read as shapes/SPLIT/CLASS"),
        ({f"train/{c}/images": 9 for c in "ab"} | {"val/a/images": 3}, "folders were read as SPLIT/CLASS/images"),
        ({f"p{p}/s{s}": 2 for p in range(4) for s in range(3)}, "folders were read as CLASS/*"),
        ({"trainA": 9, "testB": 9}, "folders were read as SPLIT+CLASS"),
        ({"photos": 20}, "all records lie in the folder 'photos', which therefore names no class"),
        (
            {"train": 9, "val": 2, "extra": 4},
            "4 records in extra lie beside the folders of splits (train, val)",
        ),
        (
            {"cat": 9, "dog": 9, "": 3},
            "3 records in the top folder lie beside the folders of classes and have no label",
        ),
    ],
)
def test_how_folders_were_read_is_said(counts: dict[str, int], words: str) -> None:
    assert words in list(Layout(counts).notes())


def test_a_picture_beside_the_splits_is_a_preview(tmp_path: Path) -> None:
    files = {f"shapes/{s}/{c}/{i}.png": png(seed=i) for s in ("train", "val") for c in "ab" for i in range(3)}
    source, items = read_all(zipped(tmp_path / "set.zip", {"shapes/preview.png": png(), **files}))
    assert len(items) == 12
    assert {item.facts["split"] for item in items} == {"train", "val"}
    assert reasons(source) == {"shapes/preview.png": "lies beside the folders of splits, taken for a preview"}


def test_many_pictures_beside_the_splits_are_data(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {f"train/{i}.png": png(seed=i) for i in range(4)}
        | {"test/0.png": png(), "0.png": png(seed=9), "1.png": png(seed=8)},
    )
    source, items = read_all(tmp_path)
    assert len(items) == 7
    assert "2 records in the top folder lie beside the folders of splits (test, train)" in source.notes


def test_a_picture_that_a_table_names_is_no_preview(tmp_path: Path) -> None:
    files = {f"{s}/{i}.png": png(seed=i) for s in ("train", "val") for i in range(3)}
    fill(tmp_path, {**files, "0.png": png(), "labels.csv": b"path,split\n0.png,test\n"})
    _, items = read_all(tmp_path)
    assert {item.facts["split"] for item in items} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["images", "masks"], "the folder 'masks' was read as a class"),
        (["JPEGImages", "SegmentationClass"], "the folder 'SegmentationClass' was read as a class"),
        (["rgb_left", "left_depth"], "the folder 'left_depth' was read as a class"),
        (["cat_train", "cat_val", "dog_train"], "folders such as cat_train, cat_val, dog_train were read as classes"),
        (["cat", "dog"], ""),
        (["steam_train", "bus"], ""),
    ],
)
def test_classes_that_are_probably_none_are_said(folders: list[str], said: str) -> None:
    notes = " ".join(Layout(dict.fromkeys(folders, 9)).notes())
    assert said in notes
    assert bool(said) == ("was read as a class" in notes or "were read as classes" in notes)


def test_previews_that_a_system_made_are_hidden(tmp_path: Path) -> None:
    source, items = read_all(fill(tmp_path, {"a/0.png": png(), "a/@eaDir/0.png/SYNO_M.png": png(seed=1)}))
    assert [item.path for item in items] == ["a/0.png"]
    assert reasons(source) == {"a/@eaDir/0.png/SYNO_M.png": "hidden file"}


def test_parts_of_one_sample_are_said(tmp_path: Path) -> None:
    files = {f"{i}{end}": png(seed=i) for i in range(3) for end in (".jpg", ".mask.png")}
    source, items = read_all(fill(tmp_path / "parts", files))
    assert len(items) == 6
    assert any("6 files share a name with another, such as 0.jpg and 0.mask.png" in note for note in source.notes)
    source, _ = read_all(
        fill(tmp_path / "plain", {"0.jpg": png(), "0.png": png(seed=1), "1.png": png(), "2.png": png()})
    )
    assert not any("share a name" in note for note in source.notes)
