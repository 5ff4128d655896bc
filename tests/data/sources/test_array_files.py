"""Arrays of pictures and of labels that lie beside each other, and arrays that are one picture each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.data.sources.base import SourceOptions
from tests.data.sources.examples import fill, read_all, reasons, tarred
from tests.data.sources.test_arrays import npz
from tests.media.examples import noise, npy

STACK, LABELS = noise(10, 8, 8, 3), np.arange(10) % 2


@pytest.mark.parametrize("packed", [False, True])
def test_labels_beside_pictures_are_theirs(tmp_path: Path, packed: bool) -> None:
    files = {"images.npy": npy(STACK), "labels.npy": npy(LABELS)}
    source, items = read_all(tarred(tmp_path / "x.tar", files) if packed else fill(tmp_path, files))
    assert [(i.kind, i.facts["label"]) for i in items] == [("array", str(label)) for label in LABELS]
    assert (items[3].load() == STACK[3]).all()
    assert reasons(source) == {}
    assert "images.npy holds pictures, and their labels lie beside it in an array" in source.notes


def test_names_of_arrays_name_splits(tmp_path: Path) -> None:
    files = {"x_train.npy": STACK, "y_train.npy": LABELS, "x_test.npy": STACK[:4], "y_test.npy": LABELS[:4]}
    _, items = read_all(fill(tmp_path, {name: npy(array) for name, array in files.items()}))
    assert [(i.facts["split"], i.facts["label"]) for i in items] == [
        *(("test", str(label)) for label in LABELS[:4]),
        *(("train", str(label)) for label in LABELS),
    ]


def test_other_arrays_of_another_length_are_no_labels(tmp_path: Path) -> None:
    source, items = read_all(fill(tmp_path, {"images.npy": npy(STACK), "labels.npy": npy(LABELS[:9])}))
    assert not any("label" in item.facts for item in items)
    assert "labels.npy" in reasons(source)


def test_each_npz_of_several_may_be_one_picture(tmp_path: Path) -> None:
    _, items = read_all(fill(tmp_path, {f"{i}.npz": npz(image=STACK[i]) for i in range(3)}))
    assert [item.path for item in items] == ["0.npz", "1.npz", "2.npz"]
    assert (items[2].load() == STACK[2]).all()


def test_a_npz_of_one_picture_may_hold_its_label(tmp_path: Path) -> None:
    _, items = read_all(fill(tmp_path, {f"{i}.npz": npz(image=STACK[i], label=np.array(i)) for i in range(3)}))
    assert [item.facts["label"] for item in items] == ["0", "1", "2"]


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_lone_array_may_be_one_picture(tmp_path: Path, name: str) -> None:
    _, items = read_all(fill(tmp_path, {name: npy(STACK[0]) if name == "x.npy" else npz(images=STACK[0])}))
    assert [item.path for item in items] == [name]
    assert (items[0].load() == STACK[0]).all()


@pytest.mark.parametrize("names", [("x_train.npy", "y_train.npy"), ("images.npy", "labels.npy")])
def test_a_stack_of_flat_rows_is_no_picture(tmp_path: Path, names: tuple[str, str]) -> None:
    flat = np.zeros((len(LABELS), 784), np.uint8)
    source, items = read_all(fill(tmp_path, dict(zip(names, (npy(flat), npy(LABELS)), strict=True))))
    assert items == []
    assert "array.reshape(-1, 28, 28)" in reasons(source)[names[0]]


def test_records_that_are_counted_last_must_be_told(tmp_path: Path) -> None:
    fill(tmp_path, {"x.npy": npy(np.moveaxis(STACK, 0, -1))})
    source, items = read_all(tmp_path / "x.npy")
    assert not items
    assert "--axes hwcn" in reasons(source)["x.npy"]
    _, items = read_all(tmp_path / "x.npy", SourceOptions(axes="hwcn"))
    assert all((item.load() == pixels).all() for item, pixels in zip(items, STACK, strict=True))
