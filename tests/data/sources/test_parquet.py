"""Parquet files of data hubs are read row by row; folders of pictures with metadata as hubs lay them out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.sources.base import Columns, SourceOptions
from diorama.data.sources.parquet import ParquetRows
from diorama.data.sources.parquet_file import rows_of_table
from diorama.media.limits import Limits
from tests.data.pictures import prepared
from tests.data.sources.examples import fill, read_all, reasons, zipped
from tests.media.examples import png

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra `parquet`")
parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")

CATS_AND_DOGS = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", 'a: "dog"']}}
STRUCT = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


def table(columns: Mapping[str, Any], features: Mapping[str, Any] | None = None, group: int = 4) -> bytes:
    """A Parquet file of these columns."""
    made = pyarrow.table(dict(columns))
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    out = io.BytesIO()
    parquet.write_table(made, out, row_group_size=group)
    return out.getvalue()


def pictures(count: int, first: int = 0) -> Any:
    """A column of pictures as hubs have it."""
    rows = [{"bytes": png(16, 16, seed=first + i), "path": f"{first + i}.png"} for i in range(count)]
    return pyarrow.array(rows, STRUCT)


def published(count: int = 6, first: int = 0) -> bytes:
    """A file as a hub publishes it."""
    return table({"image": pictures(count, first), "label": [i % 2 for i in range(count)]}, CATS_AND_DOGS)


def test_files_of_a_hub_become_splits_and_classes(tmp_path: Path) -> None:
    fill(tmp_path / "in", {f"data/train-0000{i}-of-00002.parquet": published(20, 20 * i) for i in range(2)})
    fill(tmp_path / "in", {"data/validation-00000-of-00001-0a1b2c3d.parquet": published(6, 50)})
    fill(tmp_path / "in", {"data/test-00000-of-00001.parquet": published(5, 60)})
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert dataset.splits == {"train": 40, "val": 6, "test": 5}
    assert dataset.info.classes == ('a: "dog"', "cat")
    facts = dataset.split("test").facts(np.arange(5))[4]
    assert facts == {
        "path": "data/test-00000-of-00001.parquet/000004",
        "file_name": "64.png",
        "label": "cat",
        "split": "test",
    }
    assert "pictures were read from the column 'image' of Parquet" in audit.notes
    assert (audit.files, audit.kept, len(audit.skipped)) == (4, 51, 0)


@pytest.mark.parametrize("name", ["train/0000.parquet", "mnist/train-00000-of-00001.parquet", "mnist-train.parquet"])
def test_splits_by_folder_or_name(tmp_path: Path, name: str) -> None:
    others = {name.replace("train", "test"): published(3, 9)}
    _, items = read_all(fill(tmp_path, {name: published(3), **others}))
    assert sorted(item.facts["split"] for item in items) == ["test"] * 3 + ["train"] * 3


def test_one_file_alone_and_one_in_an_archive_and_one_without_suffix(tmp_path: Path) -> None:
    fill(tmp_path, {"a.parquet": published(), "bare/b": published()})
    zipped(tmp_path / "c.zip", {"data/train-00000-of-00001.parquet": published()})
    for path in (tmp_path / "a.parquet", tmp_path / "bare/b", tmp_path / "c.zip"):
        _, items = read_all(path)
        assert [item.facts["label"] for item in items] == ["cat", 'a: "dog"'] * 3
        assert items[3].load() == png(16, 16, seed=3)


def test_captions_and_other_columns(tmp_path: Path) -> None:
    columns = {
        "png": [png(16, 16, seed=i) for i in range(3)],
        "text": pyarrow.array([["one", "two"], ["three"], None]),
        "score": [0.5, 1.5, None],
        "fine": [0, 1, -1],
        "day": pyarrow.array([0, 1, 2], pyarrow.date32()),
        "boxes": pyarrow.array([[[1.0]], [[2.0]], []]),
        "mask": pictures(3),
    }
    features = {"fine": {"_type": "ClassLabel", "names": ["a", "b"]}}
    fill(tmp_path, {"set.parquet": table(columns, features)})
    source, items = read_all(tmp_path, SourceOptions(columns=Columns(label="fine")))
    assert [list(item.all_captions()) for item in items] == [["one", "two"], ["three"], []]
    assert [item.facts.get("label") for item in items] == ["a", "b", None]
    assert (items[0].facts["score"], items[0].facts["day"]) == ("0.5", "1970-01-01")
    assert "pictures were read from the column 'png' of Parquet; left out: boxes, mask" in source.notes


def test_rows_without_a_picture_are_listed(tmp_path: Path) -> None:
    rows = [None, {"bytes": None, "path": "else/where.png"}, {"bytes": png(), "path": None}, {"bytes": b"", "path": ""}]
    source, items = read_all(fill(tmp_path, {"a.parquet": table({"image": pyarrow.array(rows, STRUCT)})}))
    assert [item.path for item in items] == ["a.parquet/000002"]
    assert reasons(source) == {
        "a.parquet/000000": "its row is empty",
        "a.parquet/000001": "its row names the file 'else/where.png' and does not hold it",
        "a.parquet/000003": "its row is empty",
    }


def test_a_few_rows_are_in_memory_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    large = np.random.default_rng(0).integers(0, 256, 4 << 20, dtype=np.uint8).tobytes()
    with parquet.ParquetWriter(path, pyarrow.schema([("image", STRUCT)])) as writer:
        for number in range(16):
            rows = [{"bytes": large, "path": str(number)}] * 2
            writer.write_table(pyarrow.table({"image": pyarrow.array(rows, STRUCT)}))
    before = pyarrow.total_allocated_bytes()
    most = 0
    for item in ParquetRows(path, "a.parquet", Columns()).items({}):
        assert not hasattr(item, "reason")
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert 0 < most < 40 << 20  # of 128 MiB


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[: len(content) // 2], "is broken or truncated"),
        (lambda content: content[:-20] + b"\xff" * 12 + content[-8:], "is broken or truncated"),
        (lambda content: content[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1", "is broken or truncated"),
        (lambda content: b"PAR1" + b"\0" * 12 + b"PAR1", "is broken or truncated"),
        (lambda _: table({"a": [1, 2]}), "no column holds pictures"),
    ],
)
def test_a_broken_file_is_listed_and_others_are_kept(tmp_path: Path, spoil: Any, reason: str) -> None:
    fill(tmp_path, {"a/train.parquet": published(), "a/test.parquet": spoil(published())})
    source, items = read_all(tmp_path)
    assert len(items) == 6
    assert reasons(source)["a/test.parquet"].startswith(reason)


def test_a_broken_group_of_rows_is_listed_and_the_others_are_kept(tmp_path: Path) -> None:
    content = bytearray(published(12))
    metadata = parquet.ParquetFile(io.BytesIO(bytes(content))).metadata
    first = metadata.row_group(1).column(0).data_page_offset
    content[first : first + 60] = b"\xff" * 60
    source, items = read_all(fill(tmp_path, {"a.parquet": bytes(content)}))
    assert [int(item.path[-6:]) for item in items] == [0, 1, 2, 3, 8, 9, 10, 11]
    (skip,) = source.skipped
    assert skip.path == "a.parquet/000004"
    assert skip.reason.startswith("of the 4 rows from here, some are broken or truncated")


def test_what_is_larger_than_a_file_may_be_is_refused(tmp_path: Path) -> None:
    rows = [{"bytes": bytes(5_000), "path": "0"}, {"bytes": png(), "path": "1"}]
    fill(tmp_path, {"a.parquet": table({"image": pyarrow.array(rows, STRUCT)}, group=2)})
    for limit, reason in (
        (1_000, "of the 2 rows from here, some are of 2,"),
        (4_000, "5000 bytes are more than 4000"),
    ):
        source, items = read_all(tmp_path, SourceOptions(limits=Limits(entry_bytes=limit)))
        assert len(items) == (limit == 4_000)
        assert reasons(source)["a.parquet/000000"].startswith(reason)


def test_rows_without_bytes_are_not_counted_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lying:
        num_rows, num_row_groups, num_columns = 2**40, 1, 0

    monkeypatch.setattr(parquet.ParquetFile, "metadata", Lying())
    with pytest.raises(BadInput, match="claims 1099511627776 rows in"):
        ParquetRows(published(), "a.parquet", Columns())


def test_without_its_reader_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    source, items = read_all(fill(tmp_path, {"train.parquet": published(), "metadata.parquet": b"PAR1"}))
    assert items == []
    assert set(reasons(source).values()) == {"a Parquet file, which needs its reader: pip install 'diorama[parquet]'"}


def metadata_in(suffix: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """A table of facts in one of the formats that hubs read."""
    if suffix == "jsonl":
        return "\n".join(map(json.dumps, rows)).encode()
    if suffix == "csv":
        return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]).encode()
    return table({column: [row[column] for row in rows] for column in rows[0]})


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("column", ["file_name", "image_file_name"])
def test_split_folders_with_metadata_each(tmp_path: Path, suffix: str, column: str) -> None:
    for split in ("train", "validation"):
        rows = [{column: f"{i}.png", "text": f"{split} {i}", "label": "cat" if i else "dog"} for i in range(2)]
        fill(tmp_path, {f"{split}/{i}.png": png(16, 16, seed=i + len(split)) for i in range(2)})
        fill(tmp_path, {f"{split}/metadata.{suffix}": metadata_in(suffix, rows)})
    source, items = read_all(tmp_path)
    assert [(item.facts["split"], item.facts["caption"], item.facts["label"]) for item in items] == [
        (split, f"{word} {i}", "cat" if i else "dog")
        for split, word in (("train", "train"), ("val", "validation"))
        for i in range(2)
    ]
    assert not source.skipped


def test_class_folders_with_metadata_keep_their_classes(tmp_path: Path) -> None:
    for split in ("train", "test"):
        names = [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(2)]
        rows = [{"file_name": name, "text": f"of {name}"} for name in names]
        fill(tmp_path, {f"{split}/{name}": png(16, 16, seed=i) for i, name in enumerate(names)})
        fill(tmp_path, {f"{split}/metadata.jsonl": metadata_in("jsonl", rows)})
    _, items = read_all(tmp_path)
    assert {item.facts["label"] for item in items} == {"cat", "dog"}
    assert all(item.facts["caption"] == f"of {item.path.partition('/')[2]}" for item in items)


BOXES = {"bbox": [[2.0, 4.0, 6.0, 8.0], [0.0, 0.0, 0.0, 5.0]], "category": [1, 0]}


@pytest.mark.parametrize("kind", ["jsonl", "columns", "rows"])
def test_boxes_of_hubs_follow_their_pictures(tmp_path: Path, kind: str) -> None:
    files = {f"{i}.png": png(16, 16, seed=i) for i in range(2)}
    if kind == "jsonl":
        rows = [{"file_name": "0.png", "objects": {**BOXES, "category": ["dog", "cat"]}}, {"file_name": "1.png"}]
        fill(tmp_path / "in", {**files, "metadata.jsonl": "\n".join(map(json.dumps, rows)).encode()})
    else:
        objects: Any = BOXES
        if kind == "rows":
            objects = [{"bbox": box, "category": n} for box, n in zip(*BOXES.values(), strict=True)]
        features = {"objects": {"feature": {"category": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
        content = table({"image": pictures(2), "objects": [objects, None]}, features)
        fill(tmp_path / "in", {"train.parquet": content})
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", size=8, split=(1, 0, 0))
    facts = dataset.split("train").facts(np.arange(2))
    size = facts[0]["original_size"]
    expected = [round(value * 8 / size[0], 2) for value in (2.0, 4.0, 6.0, 8.0)]
    assert facts[0]["objects"] == [{"category": "dog", "bbox": expected, "iscrowd": 0}]
    assert "objects" not in facts[1]
    assert any("1 objects of" in note and "read as x, y, width, height" in note for note in audit.notes)
    assert any("1 objects of" in note and "no sound box" in note for note in audit.notes)


def test_of_pairs_the_first_column_of_names_counts_and_is_said(tmp_path: Path) -> None:
    rows = [{"input_file_name": "a.png", "output_file_name": "b.png", "text": "brighter"}]
    fill(
        tmp_path,
        {"a.png": png(16, 16, seed=1), "b.png": png(16, 16, seed=2), "metadata.jsonl": metadata_in("jsonl", rows)},
    )
    source, items = read_all(tmp_path)
    assert items[0].facts["output_file_name"] == "b.png"
    assert any("'input_file_name' of metadata.jsonl was read as the files' names" in note for note in source.notes)


@pytest.mark.parametrize("columns", [{"note": ["x" * 100_000] * 40}, {"mark": [[7] * 1_000_000] * 40}])
def test_a_table_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: dict[str, Any]
) -> None:
    monkeypatch.setattr("diorama.data.sources.parquet_file.DEFAULT_LIMITS", Limits(annotation_bytes=1_000_000))
    content = table({"file_name": [f"{i}.png" for i in range(40)], **columns}, group=40)
    with pytest.raises(BadInput, match=r"memory|damaged"):
        rows_of_table(content, "metadata.parquet")
    assert len(rows_of_table(table({"file_name": ["a.png", "b.png"], "label": [1, 2]}), "metadata.parquet")) == 2


@pytest.mark.parametrize("column", ["image_path", "file_name", "image"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_paths_says_what_the_pictures_beside_it_are(tmp_path: Path, column: str, packed: bool) -> None:
    pngs = {f"set/images/{i}.png": png(16, 16, seed=i) for i in range(6)}
    rows = {
        split: table({column: [f"images/{i}.png" for i in some], "label": [["cat", "dog"][i % 2] for i in some]})
        for split, some in (("train", range(4)), ("test", range(4, 6)))
    }
    files = pngs | {f"set/{split}-00000-of-00001.parquet": content for split, content in rows.items()}
    where = zipped(tmp_path / "set.zip", files) if packed else fill(tmp_path / "in", files)
    source, items = read_all(where)
    assert [item.facts["label"] for item in items] == ["cat", "dog"] * 3
    assert [item.facts["split"] for item in items] == ["train"] * 4 + ["test"] * 2
    assert source.skipped == []
    assert sum("facts were read from" in note for note in source.notes) == 2


def test_a_file_of_paths_to_nothing_is_left_out(tmp_path: Path) -> None:
    gone = table({"image_path": ["gone/1.png", "gone/2.png"], "label": ["cat", "dog"]})
    source, items = read_all(fill(tmp_path, {"train.parquet": gone, "a.png": png()}))
    assert [item.path for item in items] == ["a.png"]
    assert "no column holds pictures" in reasons(source)["train.parquet"]
