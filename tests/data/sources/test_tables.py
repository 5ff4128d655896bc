"""Tables beside the pictures say what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data.sources.base import SourceOptions
from diorama.data.sources.facts import FactReader
from diorama.data.sources.layout import Layout
from diorama.data.sources.tables import parse_table, read_table
from diorama.media.limits import Limits
from tests.data.pictures import prepared
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import png


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separators_and_a_mark_of_byte_order(delimiter: str) -> None:
    text = f"\ufeffpath{delimiter}label\r\n./a/0.png{delimiter} cat \r\nb.png{delimiter}\r\n"
    table = parse_table(text.encode(), "t.csv")
    assert dict(table.rows) == {"a/0.png": {"label": "cat"}, "b.png": {}}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
def test_encodings_of_unicode_with_and_without_their_mark(encoding: str) -> None:
    table = parse_table("path,label\né.png,ü\n".encode(encoding), "t.csv")
    assert dict(table.rows) == {"é.png": {"label": "ü"}}


@pytest.mark.parametrize(
    ("head", "noted"),
    [
        ("Image Path", False),
        ("File-Name", False),
        ("IMG_PATH", False),
        ("image_id", True),
        ("Id", True),
        ("name", True),
    ],
)
def test_columns_that_name_files(head: str, noted: bool) -> None:
    table = parse_table(f"{head},label\n0,cat\n".encode(), "t.csv")
    assert dict(table.rows) == {"0": {"label": "cat"}}
    assert list(table.notes) == [f"the column {head!r} of t.csv was read as the files' names"] * noted


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Klasse;Datei\nBär;bilder\\0.png\nLöwe;bilder\\1.PNG\n", ["bilder/0.png", "bilder/1.PNG"]),
        ("diagnosis,id_code\n0,ab01\n0,ab02\n", ["ab01", "ab02"]),
        ("diagnosis,isic.id,age\n0,1,3\n0,2,4\n", ["1", "2"]),
    ],
)
def test_a_column_that_holds_names_of_files_is_found_by_its_cells(text: str, paths: list[str]) -> None:
    table = parse_table(text.encode(), "t.csv")
    assert list(table.rows) == paths
    assert "was read as the files' names" in table.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "before;after\na.png;b.png\nc.png;d.png\n",  # two could be meant
        "id_code,n\nab01,1\nab01,2\n",  # one of them twice: a patient, not a picture
        "image_mean,n\n0.25,1\n0.5,1\n",  # measures
        "age,n\n1,5\n2,6\n",
    ],
)
def test_columns_of_which_none_surely_holds_names_of_files_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="needs a column 'path' that names the files; it has"):
        parse_table(text.encode(), "t.csv")


def test_a_list_of_objects_is_a_table() -> None:
    table = parse_table(b'[{"path": "0.png", "label": "cat", "none": null}, {"path": "1.png"}]', "t.json")
    assert dict(table.rows) == {"0.png": {"label": "cat"}, "1.png": {}}


def test_columns_of_which_none_is_a_label_are_named() -> None:
    said = "no column of t.csv was read as label or caption (title, year); --label COLUMN and --caption COLUMN name one"
    assert list(parse_table(b"path,title,year\n0.png,a,3\n", "t.csv").notes) == [said]
    assert not parse_table(b"path,split\n0.png,train\n", "t.csv").notes
    assert not parse_table(b"path,label,year\n0.png,a,3\n", "t.csv").notes


def test_quotes_hold_commas_and_lines() -> None:
    table = parse_table(b'path,caption\n0.png,"a cat,\non a mat"\n', "t.csv")
    assert table.rows["0.png"]["caption"] == "a cat,\non a mat"


def test_captions_may_hold_separators_of_lines() -> None:
    caption = "one\u2028two\x85three"
    line = json.dumps({"path": "a.png", "caption": caption}, ensure_ascii=False) + "\n"
    assert parse_table(line.encode(), "metadata.jsonl").rows["a.png"]["caption"] == caption


def test_json_lines_with_other_names_for_path_and_caption() -> None:
    lines = [{"file_name": "0.png", "text": "a cat", "boxes": [1, 2], "none": None}, {"file_name": "1.png"}]
    table = parse_table("\n".join(map(json.dumps, lines)).encode(), "metadata.jsonl")
    assert table.rows["0.png"] == {"text": "a cat", "caption": "a cat", "boxes": "[1, 2]"}


@pytest.mark.parametrize(
    ("content", "name", "match"),
    [
        (b"", "t.csv", "no rows"),
        (b"colour,label\nx,y\n", "t.csv", "'colour', 'label'"),
        (b'{"0.png": "cat"}', "t.json", "a list of objects"),
        (b"[1]", "t.json", "a list of objects"),
        (b"[", "t.json", "is not JSON"),
        (b"\xff\xfe\x00", "t.csv", "UTF-8"),
        (b"{}\nnot json", "t.jsonl", "line 2"),
        (b"[1]", "t.jsonl", "line 1"),
        (b"path\n" + b"x" * 200_000, "t.csv", "broken table"),
    ],
)
def test_what_is_no_table_is_refused_by_name(content: bytes, name: str, match: str) -> None:
    with pytest.raises(BadInput, match=rf"^{name}: .*{match}"):
        parse_table(content, name)


def test_missing_and_enormous_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.csv"):
        read_table(tmp_path / "gone.csv")
    fill(tmp_path, {"t.csv": b"path\n" * 100})
    with pytest.raises(BadInput, match="more than 10 bytes"):
        read_table(tmp_path / "t.csv", Limits(table_bytes=10))


def test_a_given_table_rules_over_folders(tmp_path: Path) -> None:
    fill(tmp_path / "set", {"train/cat/0.png": png(), "train/cat/1.png": png()})
    fill(tmp_path, {"t.csv": b"path,label,split,patient\ntrain/cat/0.png,lion,test,p1\ngone.png,x,train,p2\n"})
    source, items = read_all(tmp_path / "set", SourceOptions(table=tmp_path / "t.csv", group="patient"))
    assert [dict(i.facts) for i in items] == [
        {"label": "lion", "split": "test", "patient": "p1"},
        {"label": "cat", "split": "train"},
    ]
    assert "no such file" in reasons(source)["gone.png"]
    assert "facts were read from t.csv" in source.notes
    assert "1 records have no row in t.csv" in source.notes
    assert source.files == 2


@pytest.mark.parametrize("container", ["folder", "zip", "tar"])
def test_labels_csv_is_found_wherever_it_stands_in_the_order(tmp_path: Path, container: str) -> None:
    files = {"a.png": png(), "labels.csv": b"path,label\na.png,cat\nb.png,dog\n", "b.png": png()}
    path = {"folder": tmp_path / "x", "zip": tmp_path / "x.zip", "tar": tmp_path / "x.tar"}[container]
    {"folder": fill, "zip": zipped, "tar": tarred}[container](path, files)
    source, items = read_all(path)
    assert {i.path: i.facts["label"] for i in items} == {"a.png": "cat", "b.png": "dog"}
    assert source.notes == ["facts were read from labels.csv"]
    assert not source.skipped
    assert source.files == 2


def test_metadata_of_a_split_folder_is_relative_to_it(tmp_path: Path) -> None:
    fill(tmp_path, {"train/0.png": png(), "train/metadata.jsonl": b'{"file_name": "0.png", "text": "a cat"}'})
    _, items = read_all(tmp_path)
    assert items[0].facts["caption"] == "a cat"
    assert items[0].facts["split"] == "train"


def test_a_table_names_files_as_their_archive_does(tmp_path: Path) -> None:
    zipped(tmp_path / "train.zip", {"0.png": png()})
    fill(tmp_path, {"labels.csv": b"path,label\n0.png,cat\n"})
    source, items = read_all(tmp_path)
    assert dict(items[0].facts) == {"split": "train", "label": "cat"}
    assert not source.skipped


def test_a_broken_table_that_was_found_is_said(tmp_path: Path) -> None:
    source, items = read_all(fill(tmp_path, {"0.png": png(), "labels.csv": b"a,b\n1,2\n"}))
    assert len(items) == 1
    assert "column 'path'" in reasons(source)["labels.csv"]


def test_a_found_table_yields_to_a_given_one(tmp_path: Path) -> None:
    fill(tmp_path / "set", {"0.png": png(), "labels.csv": b"path,label\n0.png,cat\n"})
    fill(tmp_path, {"t.csv": b"path,label\n0.png,dog\n"})
    source, items = read_all(tmp_path / "set", SourceOptions(table=tmp_path / "t.csv"))
    assert items[0].facts["label"] == "dog"
    assert "labels.csv" in reasons(source)


def test_strange_splits_are_left_open_and_said() -> None:
    table = parse_table(b"path,split\na.png,extra\nb.png,Validation\n", "t.csv")
    table.bind([("a.png", ""), ("b.png", "")], None)
    reader = FactReader([table], Layout({}))
    assert "split" not in reader.of("a.png")
    assert reader.of("b.png")["split"] == "val"
    assert "'extra'" in next(iter(reader.notes()))


@pytest.mark.parametrize("table", [None, b"path,label\n0.png,x\n"])
def test_a_group_that_no_table_has_is_refused(tmp_path: Path, table: bytes | None) -> None:
    fill(tmp_path / "set", {"0.png": png()})
    options = SourceOptions(group="patient")
    if table is not None:
        fill(tmp_path, {"t.csv": table})
        options = SourceOptions(group="patient", table=tmp_path / "t.csv")
    with pytest.raises(BadInput, match=r"^--group patient: no table.*(label|--table)"):
        read_all(tmp_path / "set", options)


def test_halves_of_characters_are_written_as_escapes(tmp_path: Path) -> None:
    lines = [
        b'{"file_name": "0.png", "label": "a\\ud800", "note\\udfff": "x", "text": ["\\ud83d\\ude00", "\\ud83d"], '
        b'"objects": {"bbox": [[0, 0, 9, 9]], "categories": ["c\\ud800"]}}',
        b'{"file_name": "1.png", "label": "b"}',
    ]
    fill(tmp_path / "in", {"0.png": png(), "1.png": png(seed=1), "metadata.jsonl": b"\n".join(lines)})
    dataset, _ = prepared(tmp_path / "in", tmp_path / "out", split=(1, 0, 0))
    facts = dataset["train"][0].facts
    assert dataset.info.classes == ("a\\ud800", "b")
    assert (facts["note\\udfff"], facts["captions"]) == ("x", ["\U0001f600", "\\ud83d"])
    assert facts["objects"][0]["category"] == "c\\ud800"
