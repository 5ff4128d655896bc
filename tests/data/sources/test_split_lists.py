"""Texts that list the files of each split, in the ways of those who publish data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.sources.examples import fill, read_all, reasons, zipped
from tests.media.examples import png

PICTURES = {f"images/{i}.png": png(seed=i) for i in range(6)}
NAMES = list(PICTURES)


def lines(names: list[str]) -> bytes:
    return ("\n".join(names) + "\n").encode()


def splits_of(folder: Path) -> dict[str, str | None]:
    _, items = read_all(folder)
    return {item.path: item.facts.get("split") for item in items}


WANTED = {**dict.fromkeys(NAMES[:4], "train"), NAMES[4]: "val", NAMES[5]: "test"}


@pytest.mark.parametrize("folder", ["", "ImageSets/Main/", "splits/"])
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda path: path, id="paths"),
        pytest.param(lambda path: f"./{path}", id="from here"),
        pytest.param(lambda path: f"/home/me/set/{path}", id="of another machine"),
        pytest.param(lambda path: path.rpartition("/")[2], id="names"),
        pytest.param(lambda path: path.rpartition("/")[2].removesuffix(".png"), id="numbers, as VOC has them"),
    ],
)
def test_lists_name_the_splits(tmp_path: Path, folder: str, written) -> None:  # type: ignore[no-untyped-def]
    named = {"train.txt": NAMES[:4], "val.txt": NAMES[4:5], "test.txt": NAMES[5:]}
    lists = {f"{folder}{name}": lines([written(path) for path in paths]) for name, paths in named.items()}
    source, items = read_all(fill(tmp_path, PICTURES | lists))
    assert {item.path: item.facts["split"] for item in items} == WANTED
    assert source.skipped == []
    assert "facts were read from train.txt, val.txt, test.txt" in source.notes


def test_lists_inside_an_archive(tmp_path: Path) -> None:
    lists = {"set/train.txt": lines(NAMES[:4]), "set/val.txt": lines(NAMES[4:])}
    path = zipped(tmp_path / "set.zip", {f"set/{name}": content for name, content in PICTURES.items()} | lists)
    assert sorted(splits_of(path).values(), key=str) == ["train"] * 4 + ["val"] * 2


def test_a_number_behind_each_path_is_its_label(tmp_path: Path) -> None:
    train, val = ([f"{name} {i % 3}" for i, name in enumerate(some)] for some in (NAMES[:4], NAMES[4:]))
    _, items = read_all(fill(tmp_path, PICTURES | {"train.txt": lines(train), "val.txt": lines(val)}))
    assert [item.facts["label"] for item in items] == ["0", "1", "2", "0", "0", "1"]


def test_folders_that_name_classes_count_more_than_numbers(tmp_path: Path) -> None:
    files = {f"{kind}/{i}.png": png(seed=i) for kind in ("cat", "dog") for i in range(3)}
    lists = {f"{split}.txt": lines([f"{p} 7" for p in files if p[4] in own]) for split, own in SPLIT_NUMBERS.items()}
    _, items = read_all(fill(tmp_path, files | lists))
    assert {item.facts["label"] for item in items} == {"cat", "dog"}
    assert {item.facts["split"] for item in items} == {"train", "val"}


SPLIT_NUMBERS = {"train": "01", "val": "2"}


def test_what_no_list_names_belongs_to_no_split(tmp_path: Path) -> None:
    lists = {"train.txt": lines(NAMES[:3]), "val.txt": lines(NAMES[3:4])}
    source, items = read_all(fill(tmp_path, PICTURES | lists))
    assert [item.path for item in items] == NAMES[:4]
    assert reasons(source) == dict.fromkeys(NAMES[4:], "in none of the lists of splits")


def test_without_a_list_of_train_all_others_are_left_to_it(tmp_path: Path) -> None:
    assert splits_of(fill(tmp_path, PICTURES | {"test.txt": lines(NAMES[4:])})) == {
        **dict.fromkeys(NAMES[:4]),
        **dict.fromkeys(NAMES[4:], "test"),
    }


def test_a_list_of_train_and_val_together_gives_way_to_theirs(tmp_path: Path) -> None:
    lists = {"train.txt": lines(NAMES[:4]), "val.txt": lines(NAMES[4:]), "trainval.txt": lines(NAMES)}
    found = splits_of(fill(tmp_path, PICTURES | lists))
    assert found == {**dict.fromkeys(NAMES[:4], "train"), **dict.fromkeys(NAMES[4:], "val")}


def test_a_file_in_several_lists_is_kept_out_of_training(tmp_path: Path) -> None:
    source, items = read_all(fill(tmp_path, PICTURES | {"train.txt": lines(NAMES), "test.txt": lines(NAMES[5:])}))
    assert items[-1].facts["split"] == "test"
    assert "1 files stand in several of train.txt, test.txt: the last of them counts" in source.notes


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({"train.txt": lines(NAMES[:4])}, id="of train alone: what is the rest?"),
        pytest.param({"train.txt": b"a photo of a cat\n", "val.txt": b"trained for an hour\n"}, id="no list"),
        pytest.param(
            {"a/train.txt": lines(NAMES[:4]), "b/val.txt": lines(NAMES[4:])}, id="in two folders: which belongs where?"
        ),
    ],
)
def test_other_texts_are_left_out_and_the_way_is_said(tmp_path: Path, texts: dict[str, bytes]) -> None:
    source, items = read_all(fill(tmp_path, PICTURES | texts))
    assert [item.facts.get("split") for item in items] == [None] * 6
    assert all("--table takes a table with columns path and split" in reasons(source)[name] for name in texts)
