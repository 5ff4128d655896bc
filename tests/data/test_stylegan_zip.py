"""Prepared pictures as a zip of StyleGAN's programs: what is read back is what was written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data import stylegan_zip
from diorama.data.pack import pack_arrays
from diorama.data.stylegan_zip import write_stylegan_zip
from tests.data.pictures import packed, prepared


@pytest.mark.parametrize("classes", [0, 3])
def test_pictures_and_labels_come_back(tmp_path: Path, classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylegan_zip, "A_FOLDER", 4)
    written = packed(tmp_path / "data", 9, classes=classes)
    assert write_stylegan_zip(written.split("train"), tmp_path / "out.zip") == ()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names, told = archive.namelist(), json.loads(archive.read("dataset.json"))
    assert names[:5] == [*(f"00000/img0000000{i}.png" for i in range(4)), "00001/img00000004.png"]
    expected = [[f"0000{i // 4}/img0000000{i}.png", i % 3] for i in range(9)]
    assert told["labels"] == (expected if classes else None)
    back, audit = prepared(tmp_path / "out.zip", tmp_path / "back", size=8, split=(1.0, 0.0, 0.0))
    assert [skip.path for skip in audit.skipped] == ([] if classes else ["dataset.json"])
    assert back.info.classes == written.info.classes
    every = np.arange(9)
    assert np.array_equal(back.split("train").stored(every), written.split("train").stored(every))
    if classes:
        assert np.array_equal(back.split("train").labels(every), written.split("train").labels(every))


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    split = packed(tmp_path / "data", 3, size=6).split("train")
    notes = [write_stylegan_zip(split, tmp_path / name) for name in ("a.zip", "b.zip")]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert "6 x 6" in notes[0][0]


def test_records_without_a_label_among_others_are_counted_and_nothing_is_written(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    pixels, labels = np.zeros((4, 8, 8, 1), np.uint8), np.array([0, -1, 1, -1])
    data = pack_arrays(tmp_path / "data", {"train": pixels}, media, labels={"train": labels}, classes=("a", "b"))
    with pytest.raises(BadInput, match="2 of the 4 records of 'train' have no label"):
        write_stylegan_zip(data.split("train"), tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_no_png_of_8_bits_holds_is_refused(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8, dtype="uint16", high=4095.0)
    data = pack_arrays(tmp_path / "data", {"train": np.zeros((2, 8, 8, 1), np.uint16)}, media)
    with pytest.raises(BadInput, match="8 bits, grey or in colour"):
        write_stylegan_zip(data.split("train"), tmp_path / "out.zip")
