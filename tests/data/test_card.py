"""The card of a prepared folder: valid at its head, plain in its text, equal for equal data."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from diorama.data.dataset import open_dataset
from tests.data.pictures import folder_of, picture, prepared, save

NAMES = ("cat", 'a: "b"', "- x", "yes", "é☃ 😀", "#1", "x|y *z* <b>", "{a}")


def head_of(folder: Path) -> tuple[dict[str, Any], str]:
    """What hubs read of the card, and the text below."""
    _, head, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def labelled(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Pictures with labels in a table."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["path", "label"])
    for place, name in enumerate(names):
        for number in range(10):
            save(picture(place * 100 + number), folder / f"{place}-{number}.png")
            writer.writerow([f"{place}-{number}.png", name])
    (folder / "labels.csv").write_text(table.getvalue(), encoding="utf-8")
    return folder


def test_names_of_every_kind_are_quoted(tmp_path: Path) -> None:
    name = 'my: "data"\n---\n# x'
    dataset, audit = prepared(labelled(tmp_path / "in"), tmp_path / "out", name=name, licence="MIT", source="a: b\nc")
    head, text = head_of(tmp_path / "out")
    assert head["pretty_name"] == name
    assert head["license"] == "mit"
    assert head["diorama"]["source"] == "a: b\nc"
    assert head["size_categories"] == ["n<1K"]
    assert head["task_categories"] == ["unconditional-image-generation", "image-classification"]
    label = head["dataset_info"]["features"][1]
    assert label["dtype"]["class_label"]["names"] == {str(i): name for i, name in enumerate(dataset.info.classes)}
    assert {split["name"]: split["num_examples"] for split in head["dataset_info"]["splits"]} == audit.splits
    assert head["diorama"]["sha256"] == dataset.info.sha256
    assert "x\\|y \\*z\\* \\<b\\>" in text
    assert "\n# my: " in text
    assert "**Source:** a: b c\n" in text


@pytest.mark.parametrize(
    ("licence", "known", "name"),
    [
        ("", "unknown", None),
        ("CC BY 4.0", "cc-by-4.0", None),
        ("cc0", "cc0-1.0", None),
        ("Apache-2.0", "apache-2.0", None),
        ("ask Bob: \"maybe\"", "other", 'ask Bob: "maybe"'),
    ],
)  # fmt: skip
def test_a_licence_is_named_as_hubs_know_it(tmp_path: Path, licence: str, known: str, name: str | None) -> None:
    prepared(folder_of(tmp_path / "in", 10), tmp_path / "out", licence=licence)
    head, text = head_of(tmp_path / "out")
    assert (head["license"], head.get("license_name")) == (known, name)
    assert ("**Licence:** not stated" in text) == (not licence)
    assert "**Source:** not stated" in text


def test_what_was_found_is_told(tmp_path: Path) -> None:
    for split, number in (("train", 1), ("train", 2), ("val", 2), ("val", 3)):
        save(picture(number), tmp_path / "in" / split / f"{number}.png")
    (tmp_path / "in/train/bad.png").write_bytes(b"x")
    prepared(tmp_path / "in", tmp_path / "out", fit="pad")
    head, text = head_of(tmp_path / "out")
    assert {key: head["diorama"][key] for key in ("skipped", "duplicates", "leaks", "splits")} == {
        "skipped": 1,
        "duplicates": 1,
        "leaks": 1,
        "splits": {"train": 2, "val": 2},
    }
    assert "train/bad.png" in text
    assert "- train/2.png and val/2.png" in text
    assert "- fit: pad" in text
    assert "- size: 16" in text


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    source = labelled(tmp_path / "in", NAMES[:3])
    for place, workers in (("a/out", 0), ("b/out", 2)):
        prepared(source, tmp_path / place, workers=workers)
    assert (tmp_path / "a/out/README.md").read_bytes() == (tmp_path / "b/out/README.md").read_bytes()
    assert str(tmp_path) not in (tmp_path / "a/out/README.md").read_text()


def test_a_card_may_be_completed(tmp_path: Path) -> None:
    prepared(folder_of(tmp_path / "in", 10), tmp_path / "out")
    (tmp_path / "out/README.md").write_text("mine", encoding="utf-8")
    open_dataset(tmp_path / "out").verify()


def test_of_many_classes_the_text_shows_some(tmp_path: Path) -> None:
    for number in range(60):
        save(picture(number), tmp_path / "in" / f"class {number}" / "0.png")
    prepared(tmp_path / "in", tmp_path / "out")
    head, text = head_of(tmp_path / "out")
    assert len(head["dataset_info"]["features"][1]["dtype"]["class_label"]["names"]) == 60
    assert "and 10 more classes" in text
