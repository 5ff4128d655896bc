"""Labels as tables write them become one word each, and what is no class is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data.sources.label_values import label_notes, one_label
from diorama.data.sources.tables import Table, parse_table
from tests.data.sources.examples import fill, read_all, reasons
from tests.media.examples import png


def labels(table: Table) -> list[str | None]:
    return [row.get("label") for row in table.rows.values()]


@pytest.mark.parametrize(
    ("given", "label"),
    [(2.0, 2), (2.5, 2.5), (float("nan"), ""), (["cat"], "cat"), (["a", "b"], ["a", "b"]), ("cat", "cat"), (3, 3)],
)
def test_one_label_in_several_ways(given: object, label: object) -> None:
    assert one_label(given) == label


def test_whole_numbers_that_a_data_frame_wrote_as_floats() -> None:
    table = parse_table(b"path,label\na.png,0.0\nb.png,1.0\nc.png,\n", "t.csv")
    assert labels(table) == ["0", "1", None]
    assert "labels of t.csv are whole numbers, stored as floats" in table.notes
    assert labels(parse_table(b"path,label\na.png,0.0\nb.png,1.5\n", "t.csv")) == ["0.0", "1.5"]


def test_one_hot_columns_are_labels() -> None:
    table = parse_table(b"image,MEL,NV\na,1.0,0.0\nb,0,1\n", "t.csv")
    assert labels(table) == ["MEL", "NV"]
    assert "labels were read from the one-hot columns of t.csv (MEL, NV)" in table.notes
    for other in (b"image,MEL,NV\na,1,1\nb,0,1\n", b"image,width\na,1\nb,1\n"):
        assert labels(parse_table(other, "t.csv")) == [None, None]


def test_rows_of_one_file_with_different_labels_are_counted() -> None:
    table = parse_table(b"path,label\na.png,x\na.png,y\nb.png,x\nb.png,x\n", "t.csv")
    assert labels(table) == ["y", "x"]
    assert "1 files have several rows in t.csv with different labels, of which the last counts" in table.notes


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cat", "dog", "cat|dog"], "several labels in one, such as 'cat|dog'"),
        (["cat", '["cat", "dog"]'], 'several labels in one, such as \'["cat", "dog"]\''),
        (["20.5", "21.25", "22.0"], "labels are numbers with decimals, such as 20.5"),
    ],
)
def test_labels_that_are_no_classes_are_said(names: list[str], words: str) -> None:
    assert words in " ".join(label_notes(dict.fromkeys(names, 3)))


def test_plain_classes_are_passed_over() -> None:
    assert not list(label_notes(dict.fromkeys(["cat", "dog, small", "[x]", "3", "v1.5"], 3)))


def test_a_table_without_columns_says_what_to_add() -> None:
    with pytest.raises(BadInput, match="which are no names of columns"):
        parse_table(b"0.png,cat\n1.png,dog\n", "t.csv")


def test_tables_that_count_more_than_folders_are_said(tmp_path: Path) -> None:
    files = {f"{k}/{i}.png": png(seed=i) for k in "ab" for i in range(3)}
    table = "path,label\n" + "".join(f"{k}/{i}.png,x\n" for k in "ab" for i in range(2))
    source, items = read_all(fill(tmp_path, {**files, "labels.csv": table.encode()}))
    assert [item.facts["label"] for item in items] == ["x", "x", "a", "x", "x", "b"]
    assert "4 records have another label in labels.csv than their folder: the table counts" in source.notes
    assert "2 records without a label in labels.csv have that of their folder" in source.notes


def test_labels_of_a_list_that_are_several_values_are_counted(tmp_path: Path) -> None:
    listed = json.dumps({"labels": [["0.png", [0.2, 0.5]], ["1.png", [0, 1]], ["2.png", None]]})
    files = {f"{i}.png": png(seed=i) for i in range(3)} | {"dataset.json": listed.encode()}
    source, items = read_all(fill(tmp_path, files))
    # The second alone could be one of two classes; beside the first it is a row of measures too.
    assert [item.facts.get("label") for item in items] == [None, None, None]
    assert "2 labels of dataset.json are no class but several values and were left out" in source.notes


def test_a_list_without_labels_is_named(tmp_path: Path) -> None:
    source, _ = read_all(fill(tmp_path, {"0.png": png(), "dataset.json": b'{"labels": null}'}))
    assert reasons(source) == {"dataset.json": "a list that holds no labels or samples"}
