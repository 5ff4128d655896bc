"""Files beside the records, and lists of labels, are read and said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from diorama.data.sources.arrays import label_names
from diorama.media.image import write_image
from diorama.media.video import write_video
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import noise, png


def test_a_shard_of_webdataset(tmp_path: Path) -> None:
    files = {}
    for i in range(4):
        files |= {f"{i:06d}.png": png(seed=i), f"{i:06d}.cls": str(i % 3).encode(), f"{i:06d}.txt": f"n {i}".encode()}
    source, items = read_all(tarred(tmp_path / "shard-000000.tar", files))
    assert [dict(item.facts) for item in items] == [{"label": str(i % 3), "caption": f"n {i}"} for i in range(4)]
    assert "facts were read from 8 files beside the records (.cls, .txt)" in source.notes
    assert not source.skipped


def test_json_beside_records(tmp_path: Path) -> None:
    told = {"class": 3, "prompt": "a cat", "score": 0.5, "boxes": [1]}
    fill(tmp_path, {"a/0.png": png(), "a/0.json": json.dumps(told).encode(), "b/1.png": png(seed=1)})
    _, items = read_all(tmp_path)
    assert items[0].facts["label"] == "3"
    assert items[0].facts["caption"] == "a cat"
    assert items[0].facts["score"] == "0.5"


def test_a_record_is_named_by_what_stands_before_the_first_dot(tmp_path: Path) -> None:
    files = {f"{i}{end}": c for i in range(3) for end, c in ((".input.png", png(seed=i)), (".json", b'{"label": 4}'))}
    source, items = read_all(tarred(tmp_path / "shard.tar", files))
    assert [item.facts["label"] for item in items] == ["4"] * 3
    assert not source.skipped


def test_captions_may_keep_the_pictures_suffix(tmp_path: Path) -> None:
    _, items = read_all(fill(tmp_path, {"0.png": png(), "0.png.txt": b"a cat"}))
    assert items[0].facts["caption"] == "a cat"


def test_texts_that_tell_of_nothing_are_left_out_and_said(tmp_path: Path) -> None:
    source, items = read_all(fill(tmp_path, {"0.png": png(), "README.txt": b"hello", "0.cls": b"\xff\xfe\xff"}))
    assert dict(items[0].facts) == {}
    assert set(reasons(source)) == {"README.txt", "0.cls"}


@pytest.mark.parametrize("label", [2, 2.0, [0, 0, 1], [0.0, 0.0, 1.0]])
@pytest.mark.parametrize("as_pairs", [True, False])
def test_the_list_of_stylegan(tmp_path: Path, label: object, as_pairs: bool) -> None:
    names = [f"0000{i}/img{i}.png" for i in range(3)]
    labels: object = [[name, label] for name in names] if as_pairs else dict.fromkeys(names, label)
    files = {"dataset.json": json.dumps({"labels": labels}).encode(), **{n: png(seed=i) for i, n in enumerate(names)}}
    source, items = read_all(zipped(tmp_path / "set.zip", files))
    assert [item.facts["label"] for item in items] == ["2"] * 3
    assert "facts were read from dataset.json" in source.notes
    assert not source.skipped


def test_a_folder_of_samples_says_what_they_were_given(tmp_path: Path) -> None:
    rows = [{"file": f"00000{i}.png", "condition": {"label": "cat", "text": "a word"}} for i in range(2)]
    fill(
        tmp_path,
        {"samples.json": json.dumps({"samples": rows}).encode(), "000000.png": png(), "000001.png": png(seed=1)},
    )
    _, items = read_all(tmp_path)
    assert [dict(item.facts) for item in items] == [{"label": "cat", "caption": "a word"}] * 2


@pytest.mark.parametrize(
    ("suffix", "frames"),
    [*((suffix, 0) for suffix in (".png", ".jpg", ".webp", ".tif", ".npy")), (".npy", 4), (".mp4", 4), (".gif", 4)],
)
@pytest.mark.parametrize("count", [1, 3])
def test_samples_of_any_format_have_their_labels(tmp_path: Path, suffix: str, count: int, frames: int) -> None:
    clip = np.repeat(np.arange(16, dtype=np.uint8)[:, None, None] * 9, 48, axis=1).reshape(16, 16, 3)
    rows = []
    for number in range(count):
        name = f"{number:06d}{suffix}"
        rows.append({"file": name, "condition": {"label": f"class {number}", "text": "a word"}})
        if frames and suffix != ".npy":
            write_video(tmp_path / name, np.stack([clip] * frames), fps=8)
        else:
            write_image(
                tmp_path / name, np.stack([clip] * frames) if frames else clip[..., : 1 if suffix == ".tif" else 3]
            )
    fill(tmp_path, {"samples.json": json.dumps({"samples": rows}).encode()})
    source, items = read_all(tmp_path)
    assert [(item.facts["label"], item.facts["caption"]) for item in items] == [
        (f"class {number}", "a word") for number in range(count)
    ]
    assert not source.skipped
    if suffix == ".npy":
        assert np.shape(items[0].load()) == ((frames, 16, 16, 3) if frames else (16, 16, 3))


def test_samples_written_as_frames_are_clips(tmp_path: Path) -> None:
    rows = [{"file": f"00000{i}", "condition": {"label": "cat"}} for i in range(2)]
    fill(tmp_path, {f"00000{i}/{frame}.png": png(seed=frame) for i in range(2) for frame in range(3)})
    fill(tmp_path, {"samples.json": json.dumps({"samples": rows}).encode()})
    source, items = read_all(tmp_path)
    assert [(item.path, item.kind, item.facts["label"]) for item in items] == [
        ("000000", "video", "cat"),
        ("000001", "video", "cat"),
    ]
    assert any("frames of one clip each" in note for note in source.notes)
    assert not source.skipped


@pytest.mark.parametrize("label", [["a", 1], [None, 1, 0], [[1], 0], [1, 1], [], [0, 0]])
def test_lists_that_are_not_one_hot_are_no_labels(tmp_path: Path, label: object) -> None:
    content = json.dumps({"labels": [["0.png", label], ["1.png", 1]]}).encode()
    source, items = read_all(fill(tmp_path, {"0.png": png(), "1.png": png(seed=1), "dataset.json": content}))
    assert [item.facts.get("label") for item in items] == [None, "1"]
    assert not source.skipped


def test_rows_of_measures_are_no_labels_even_where_one_looks_one_hot(tmp_path: Path) -> None:
    rows = [["0.png", [0.0, 1.0]], ["1.png", [0.25, 1.0]], ["2.png", [1, 0]]]
    files = {f"{i}.png": png(seed=i) for i in range(3)}
    source, items = read_all(fill(tmp_path, {**files, "dataset.json": json.dumps({"labels": rows}).encode()}))
    assert not any("label" in item.facts for item in items)
    assert any("3 labels of dataset.json" in note for note in source.notes)


def test_other_lists_are_no_facts(tmp_path: Path) -> None:
    source, _ = read_all(fill(tmp_path, {"0.png": png(), "dataset.json": b"[1, 2]"}))
    assert set(reasons(source)) == {"dataset.json"}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([0, 2, 1]), ["0", "2", "1"]),
        (np.array([[0], [2], [1]]), ["0", "2", "1"]),
        (np.array([0.0, 2.0, 1.0]), ["0", "2", "1"]),
        (np.eye(3, dtype=np.float32)[[0, 2, 1]], ["0", "2", "1"]),
        (np.array(["cat", "dog", "cat"]), ["cat", "dog", "cat"]),
        (np.array([b"cat", b"dog", b"cat"]), ["cat", "dog", "cat"]),
        (np.array([0.5, 1.0, 2.0]), None),
        (np.ones((3, 4)), None),
        (np.zeros(5), None),
    ],
)
def test_arrays_of_labels(labels: np.ndarray, names: list[str] | None) -> None:
    found, notes = label_names(labels, 3)
    assert found == names
    assert bool(notes) == (labels.dtype.kind == "f")


def test_labels_that_were_left_out_are_said(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, images=noise(3, 8, 8), labels=np.ones((3, 4)))
    _, items = read_all(fill(tmp_path, {"a.npz": buffer.getvalue()}))
    assert all("label" not in item.facts for item in items)
    assert any("were left out" in note for note in items[0].notes)
