"""A data set says what it is, and hands out its records one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset, open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.record_view import in_words

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 6, 8, 3), np.uint8)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    media = MediaSpec(kind="image", channels=3, height=6, width=8)
    splits = {"train": PIXELS[:6], "val": PIXELS[6:8], "test": PIXELS[8:]}
    labels = {name: np.arange(len(part)) % 2 for name, part in splits.items()}
    said = {name: [f"{name} number {i}, à peu près" for i in range(len(part))] for name, part in splits.items()}
    sides = {name: {"tokens": texts} for name, texts in said.items()}
    pack_arrays(tmp_path / "pets", splits, media, labels=labels, classes=("cat", "dog"), sides=sides, name="pets")
    return open_dataset(tmp_path / "pets")


def test_a_data_set_says_what_it_is(dataset: Dataset) -> None:
    what = "pictures of 8 x 6, 3 channels, uint8; 2 classes: cat, dog; with captions"
    assert repr(dataset) == f"Dataset('pets': 10 {what}; train 6, val 2, test 2)"
    assert repr(dataset["val"]) == f"Split('pets', 'val': 2 {what})"


def test_a_data_set_is_as_long_as_its_splits_together(dataset: Dataset) -> None:
    assert len(dataset) == 10
    assert [len(dataset[name]) for name in dataset.splits] == [6, 2, 2]


@pytest.mark.parametrize(
    ("index", "split", "place"), [(0, "train", 0), (5, "train", 5), (6, "val", 0), (-1, "test", 1)]
)
def test_a_record_holds_all_that_is_known_of_it(dataset: Dataset, index: int, split: str, place: int) -> None:
    record = dataset[index]
    assert (record.pixels == PIXELS[index]).all()
    assert (record.split, record.index, record.label) == (split, place, ("cat", "dog")[place % 2])
    assert record.caption == f"{split} number {place}, à peu près"
    assert record.path == record.facts["path"]
    shown = f"Record({split}[{place}], {record.path}, (6, 8, 3) uint8, label='{record.label}', caption="
    assert repr(record).startswith(shown)


def test_records_are_counted_as_in_a_list(dataset: Dataset) -> None:
    train = dataset["train"]
    assert [record.index for record in train] == list(range(6))
    assert [record.index for record in train[1:6:2]] == [1, 3, 5]
    assert [(record.split, record.index) for record in dataset[5:7]] == [("train", 5), ("val", 0)]
    assert train[np.int64(2)].index == train[-4].index == 2
    assert len(list(dataset)) == 10
    for wrong in (6, -7):
        with pytest.raises(IndexError, match="split 'train' of pets has 6 records, and none of number"):
            train[wrong]
    with pytest.raises(IndexError, match="pets has 10 records, and none of number 10"):
        dataset[10]


def test_a_split_that_is_not_there_is_answered_with_the_nearest(dataset: Dataset) -> None:
    with pytest.raises(BadInput, match=r"no split 'tets' \(did you mean 'test'\?\), only train, val, test"):
        dataset["tets"]


def test_records_without_label_and_caption_have_none(tmp_path: Path) -> None:
    media = MediaSpec(kind="video", channels=1, height=4, width=4, frames=2, fps=8.0)
    pack_arrays(tmp_path / "clips", {"train": np.zeros((1, 2, 4, 4, 1), np.uint8)}, media, name="clips")
    dataset = open_dataset(tmp_path / "clips")
    assert repr(dataset) == (
        "Dataset('clips': 1 clip of 2 frames of 4 x 4, 1 channel, uint8, 8 frames a second; train 1)"
    )
    (record,) = dataset
    assert (record.pixels.shape, record.label, record.caption, record.captions) == ((2, 4, 4, 1), None, None, ())


def test_long_lists_of_classes_are_folded() -> None:
    media = MediaSpec(kind="image", channels=1, height=4, width=4, dtype="uint16")
    side = SideSpec(key="latent", kind="values", shape=(2,))
    info = DataInfo(name="many", media=media, classes=tuple(f"c{i}" for i in range(100)), sides=(side,))
    said = in_words(info, 1_000)
    assert said.startswith("1,000 pictures of 4 x 4, 1 channel, uint16; 100 classes: c0, c1, ")
    assert said.endswith("c11 and 88 more; with latent")
