"""Cases of folders, archives and links: which splits and classes they name, and what is said of the rest.

Each test bears the name of the report that it stands for.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diorama.recipes.ddpm import ddpm_class_cpu
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from tests.data.pictures import picture, save
from tests.data.sources.examples import zipped
from tests.journeys.cases.conftest import Prepare
from tests.journeys.conftest import Run


def _png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def _tree(root: Path, folders: tuple[str, ...], count: int = 6) -> Path:
    """So many pictures in every folder, each unlike all others."""
    for number, folder in enumerate(folders):
        for i in range(count):
            save(picture(100 * number + i), root / folder / f"{i}.png")
    return root


def test_c01_a_testing_folder_is_the_test_split(prepare: Prepare, tmp_path: Path) -> None:
    folders = ("training/cat", "training/dog", "testing/cat", "testing/dog")
    made = prepare(_tree(tmp_path / "set", folders))
    assert made.counts == {"train": 12, "test": 12}
    assert made.classes == {"cat": 12, "dog": 12}
    assert all(r.split == {"training": "train", "testing": "test"}[p.split("/")[0]] for p, r in made.records.items())
    assert made.said("the source names its splits: train, test")
    assert "No val split." in made.told


def test_c02_a_preview_beside_the_splits_is_left_out(prepare: Prepare, tmp_path: Path) -> None:
    root = _tree(tmp_path / "set", tuple(f"shapes/{s}/{c}" for s in ("train", "val") for c in ("round", "square")))
    save(picture(999), root / "shapes/preview.png")
    made = prepare(root)
    assert made.counts == {"train": 12, "val": 12}
    assert made.classes == {"round": 12, "square": 12}
    assert "skipped shapes/preview.png: lies beside the folders of splits, taken for a preview" in made.told
    assert made.said("folders were read as shapes/SPLIT/CLASS")


def test_c03_a_folder_of_images_inside_a_class_names_none(prepare: Prepare, tmp_path: Path) -> None:
    names = ("n001", "n002", "n003")
    made = prepare(_tree(tmp_path / "set", tuple(f"{s}/{n}/images" for s in ("train", "val") for n in names)))
    assert made.classes == dict.fromkeys(names, 12)
    assert all(record.label == path.split("/")[1] for path, record in made.records.items())
    assert made.said("folders were read as SPLIT/CLASS/images")


@pytest.mark.parametrize("packed", [True, False])
def test_c09_a_table_is_read_through_the_wrapper(prepare: Prepare, tmp_path: Path, packed: bool) -> None:
    files = {f"photos/{i}.png": _png(i) for i in range(20)}
    files["photos/labels.csv"] = b"path,label\n" + b"".join(b"%d.png,%c\n" % (i, b"ab"[i % 2]) for i in range(20))
    source = zipped(tmp_path / "photos.zip", files)
    if not packed:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "out")
        source = tmp_path / "out"
    made = prepare(source)
    assert made.classes == {"a": 10, "b": 10}
    assert {path: r.label for path, r in made.records.items()} == {f"photos/{i}.png": "ab"[i % 2] for i in range(20)}
    assert made.said("facts were read from photos/labels.csv")


def test_c25_links_out_are_followed_if_asked(diorama: Run, prepare: Prepare, tmp_path: Path) -> None:
    for number in range(20):
        pool = save(picture(number), tmp_path / "pool" / f"{number}.png")
        place = tmp_path / "set" / ("train" if number < 14 else "val") / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(pool)
    told = diorama("prepare", tmp_path / "set", "--out", tmp_path / "out", code=1)
    assert "20 like train/a/0.png: a link that leads out of the source; --follow-links reads it" in told
    assert not (tmp_path / "out").exists()
    made = prepare(tmp_path / "set", "--follow-links", "--size", "None")
    assert made.counts == {"train": 14, "val": 6}
    assert made.classes == {"a": 10, "b": 10}
    assert (made.pixels["val/b/15.png"] == picture(15)).all()


def test_c25b_a_linked_class_is_a_class(diorama: Run, prepare: Prepare, tmp_path: Path) -> None:
    _tree(tmp_path / "pool", ("a", "b"), 12)
    (tmp_path / "set").mkdir()
    for name in "ab":
        (tmp_path / "set" / name).symlink_to(tmp_path / "pool" / name)
    told = diorama("prepare", tmp_path / "set", "--out", tmp_path / "out", code=1)
    assert "2 like a: a link that leads out of the source; --follow-links reads it" in told
    assert prepare(tmp_path / "set", "--follow-links").classes == {"a": 12, "b": 12}


def test_c26_hard_links_of_a_tar_are_the_files_they_name(prepare: Prepare, tmp_path: Path) -> None:
    folder = _tree(tmp_path / "d", ("all",), 20)
    for i in range(20):
        place = folder / "train" / "ab"[i % 2] / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(folder / "all" / f"{i}.png", place)
    with tarfile.open(tmp_path / "d.tar", "w") as archive:
        archive.add(folder, "d")
    made = prepare(tmp_path / "d.tar", "--size", "None")
    records = made.records
    # The pool that the links lead to is not read a second time, without labels.
    assert len(records) == 20
    for i in range(20):
        label = "ab"[i % 2]
        linked = records[f"d/train/{label}/{i}.png"]
        assert linked.label == label
        assert (linked.pixels == picture(i)).all()
    assert made.said("20 links in d.tar were read as the files that they lead to")
    assert "links in folders of splits or classes lead to it, and it was read there" in made.told


def test_c32_spellings_of_one_class_are_named(prepare: Prepare, tmp_path: Path) -> None:
    made = prepare(_tree(tmp_path / "set", ("Cat", "cat", "Dog", "dog "), 8))
    assert made.classes == {"Cat": 8, "cat": 8, "Dog": 8, "dog ": 8}
    assert made.said("4 classes are spellings of 2", "'Cat' (8) and 'cat' (8)", "'Dog' (8) and 'dog ' (8)")


def test_c36_names_of_a_chinese_zip_are_said_to_be_garbled(prepare: Prepare, tmp_path: Path) -> None:
    source = zipped(
        tmp_path / "set.zip", {f"{k * 2}/{i}.png": _png(100 * (k == "B") + i) for k in "AB" for i in range(6)}
    )
    raw = source.read_bytes()
    for plain, name in ((b"AA/", "猫"), (b"BB/", "狗")):
        raw = raw.replace(plain, name.encode("gbk") + b"/")
    source.write_bytes(raw)
    made = prepare(source)
    assert list(made.classes.values()) == [6, 6]
    assert made.said("names in set.zip are in an encoding that it does not tell", "pack it anew with names in UTF-8")


@pytest.mark.parametrize(
    ("folders", "counts", "classes"),
    [
        (("train2017", "val2017"), {"train": 6, "val": 6}, {}),
        (("training_set", "test_set"), {"train": 6, "test": 6}, {}),
        (("trainA", "trainB", "testA", "testB"), {"train": 12, "test": 12}, {"A": 12, "B": 12}),
    ],
)
def test_c38_split_words_of_well_known_sets(
    prepare: Prepare, tmp_path: Path, folders: tuple[str, ...], counts: dict[str, int], classes: dict[str, int]
) -> None:
    made = prepare(_tree(tmp_path / "set", folders))
    assert made.counts == counts
    assert made.classes == classes


def test_c38_a_folder_beside_the_splits_is_said_to_join_train(prepare: Prepare, tmp_path: Path) -> None:
    made = prepare(_tree(tmp_path / "set", ("train", "val", "extra")))
    assert made.counts == {"train": 12, "val": 6}
    assert made.classes == {}
    assert made.said("6 records in extra lie beside the folders of splits (train, val)")
    assert made.said("6 records without a split joined train")


def test_c43_numbers_are_names_where_classes_are_numbers(diorama: Run, prepare: Prepare, tmp_path: Path) -> None:
    made = prepare(_tree(tmp_path / "set", ("3", "7"), 20), "--size", 8)
    assert made.classes == {"3": 20, "7": 20}
    method: Any = ddpm_class_cpu(made.dataset.info).method
    config, model = replace(method.synthesizer, steps=2), tmp_path / "model"
    store.save(model, config, config.build().state_dict(), Provenance(recipe={"name": "tiny"}), "")
    told = diorama("sample", model, "--label", 1, "--count", 1, "--out", tmp_path / "one", code=2)
    assert "label '1': the model has no class of that name" in told
    assert "it knows 3, 7" in told
    assert not (tmp_path / "one").exists()
    diorama("sample", model, "--label", 7, "--count", 2, "--out", tmp_path / "seven")
    rows = json.loads((tmp_path / "seven/samples.json").read_text())["samples"]
    assert [row["condition"]["label"] for row in rows] == ["7", "7"]
