"""Rows of tables find their files, however people write paths."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from diorama.data.sources.base import Columns, SourceOptions
from diorama.data.sources.matching import match
from diorama.data.sources.tables import parse_table
from tests.data.sources.examples import fill, read_all, reasons, zipped
from tests.media.examples import png

FILES = [("train/cat/0.png", ""), ("train/cat/1.png", ""), ("train/dog/0.png", "")]


@pytest.mark.parametrize(
    ("rows", "how"),
    [
        (["train/cat/0.png", "train/cat/1.png"], ""),
        (["train/cat/0.png", "train\\cat\\1.png".replace("\\", "/")], ""),
        (["/data/set/train/cat/0.png", "/data/set/train/cat/1.png"], "by where the source lies on disk"),
        (["train/cat/0", "train/cat/1"], "by adding the suffix"),
        (["set/train/cat/0.png", "set/train/cat/1.png"], "without their first folder"),
        (["my/set/train/cat/0", "my/set/train/cat/1"], "without their first 2 folders, by adding the suffix"),
        (["/home/me/old/train/cat/0.png", "/home/me/old/train/cat/1.png"], "without their first 3 folders"),
        (["cat/0.png", "cat/1.png"], "by their last 2 parts"),
    ],
)
def test_ways_of_writing_paths(rows: list[str], how: str) -> None:
    found = match(rows, FILES, "", Path("/data/set"))
    assert found.how == how
    assert found.rows == {"train/cat/0.png": rows[0], "train/cat/1.png": rows[1]}


def test_names_that_two_files_have_name_neither() -> None:
    found = match(["0.png", "1.png"], FILES, "", None)
    assert found.rows == {"train/cat/1.png": "1.png"}
    assert found.how == "by their names alone"


def test_a_table_lies_where_its_paths_begin() -> None:
    assert match(["0.png"], FILES, "train/dog", None).rows == {"train/dog/0.png": "0.png"}
    # Or at the top, although it lies below.
    assert match(["train/dog/0.png"], FILES, "train/dog", None).rows == {"train/dog/0.png": "train/dog/0.png"}


def test_rows_are_matched_as_they_stand_if_half_of_them_can_be() -> None:
    found = match(["train/cat/0.png", "set/train/cat/1.png"], FILES, "", None)
    assert found.rows == {"train/cat/0.png": "train/cat/0.png"}


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_letters_are_the_same(tmp_path: Path, forms: tuple[str, str]) -> None:
    names = [unicodedata.normalize(forms[0], name) for name in ("café.png", "Übung.png")]
    table = "path,label\n" + "".join(f"{unicodedata.normalize(forms[1], name)},x{i}\n" for i, name in enumerate(names))
    source, items = read_all(
        fill(tmp_path, {**{n: png(seed=i) for i, n in enumerate(names)}, "labels.csv": table.encode()})
    )
    assert sorted(item.facts["label"] for item in items) == ["x0", "x1"]
    assert not source.skipped


TABLES: dict[str, tuple[bytes, dict[str, str]]] = {
    "excel": (b"sep=;\r\nfilename;label\r\n0.png;a\r\n", {"label": "a"}),
    "class": (b"filename,class\n0.png,a\n", {"class": "a", "label": "a"}),
    "capitals": (b"Path,Label\n0.png,a\n", {"Label": "a", "label": "a"}),
    "commas": (b"path,caption\n0.png,a cat, on a mat, asleep\n", {"caption": "a cat, on a mat, asleep"}),
    "utf-16": ("path\tlabel\r\n0.png\ta\r\n".encode("utf-16"), {"label": "a"}),
    "decimal commas": (b"path;label;weight,kg\n0.png;a;1,5\n", {"label": "a", "weight,kg": "1,5"}),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_as_people_have_them(tmp_path: Path, kind: str) -> None:
    content, expected = TABLES[kind]
    fill(tmp_path, {"in/0.png": png(), "t.csv": content})
    source, items = read_all(tmp_path / "in", SourceOptions(table=tmp_path / "t.csv"))
    assert dict(items[0].facts) == expected
    said = {"class": "'class' of t.csv was read as label", "commas": "without quotes"}
    assert said.get(kind, "") in " ".join(source.notes)


def test_cells_too_many_are_refused_with_their_line() -> None:
    with pytest.raises(Exception, match=r"t\.csv: line 3 has 1 cell too many"):
        parse_table(b"path,label\n0.png,a\n1.png,b,c\n", "t.csv")


def test_columns_may_be_named() -> None:
    content = b"path,class,category,said\n0.png,a,b,a word\n"
    assert any("--label COLUMN" in note for note in parse_table(content, "t.csv").notes)
    row = parse_table(content, "t.csv", wanted=Columns(label="category", caption="said")).rows["0.png"]
    assert (row["label"], row["caption"]) == ("b", "a word")
    with pytest.raises(Exception, match="no column 'klass' for --label; the columns are path, class"):
        parse_table(content, "t.csv", wanted=Columns(label="klass"))


@pytest.mark.parametrize("name", ["labels.csv", "metadata.csv", "metadata.jsonl", "captions.tsv"])
def test_tables_are_found_through_a_wrapper(tmp_path: Path, name: str) -> None:
    lines = {
        "csv": b"path,label\n0.png,a\n",
        "tsv": b"path\tlabel\n0.png\ta\n",
        "jsonl": b'{"path": "0.png", "label": "a"}\n',
    }
    content = lines[name.rpartition(".")[2]]
    source, items = read_all(zipped(tmp_path / "photos.zip", {f"photos/{name}": content, "photos/0.png": png()}))
    assert dict(items[0].facts) == {"label": "a"}
    assert f"facts were read from photos/{name}" in source.notes
    assert not source.skipped


def test_other_tables_are_named(tmp_path: Path) -> None:
    source, _ = read_all(fill(tmp_path, {"0.png": png(), "results.csv": b"a,b\n"}))
    assert reasons(source) == {"results.csv": "a table that was not read (columns a, b); --table names one"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["my%20cat.png", "caf%C3%A9.png"], "read as addresses (%20 is a space)"),
        (["https:/x.org/a/my%20cat.png?w=3", "https:/x.org/a/café.png"], "read as addresses (%20 is a space)"),
        (["file:/data/set/my%20cat.png", "file:/data/set/café.png"], "read as addresses (%20 is a space)"),
        (["MY CAT.PNG", "Café.png"], "whatever their capitals"),
        (["my cat.jpg", "café.jpg"], "whatever their suffix"),
    ],
)
def test_ways_of_spelling_paths(rows: list[str], words: str) -> None:
    found = match(rows, [("my cat.png", ""), ("café.png", "")], "", Path("/data/set"))
    assert found.rows == {"my cat.png": rows[0], "café.png": rows[1]}
    assert found.how.endswith(words)


def test_spellings_of_two_files_name_neither() -> None:
    assert match(["a.gif"], [("a.png", ""), ("a.jpg", "")], "", None).rows == {}
