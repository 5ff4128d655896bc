"""NumPy files: records and stacks."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from diorama.data.sources.base import SourceOptions
from diorama.media.limits import Limits
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import noise, npy, png


def npz(**arrays: np.ndarray) -> bytes:
    """A .npz file's bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def packed(**arrays: np.ndarray) -> bytes:
    """A compressed .npz file's bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def headed(shape: tuple[int, ...]) -> bytes:
    """A .npy whose header promises what nobody has."""
    header = str({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(4096)


def flipped(content: bytes, start: int) -> bytes:
    """The same with some bytes inverted."""
    return content[:start] + bytes(255 - byte for byte in content[start : start + 60]) + content[start + 60 :]


@pytest.mark.parametrize("shape", [(5, 8, 9), (5, 8, 9, 3), (5, 8, 9, 7), (5, 3, 8, 9)])
def test_a_single_array_is_a_stack_of_pictures(tmp_path: Path, shape: tuple[int, ...]) -> None:
    stack = noise(*shape, dtype="uint16")
    fill(tmp_path / "x", {"all.npy": npy(stack)})
    for path in (tmp_path / "x", tmp_path / "x" / "all.npy", zipped(tmp_path / "x.zip", {"all.npy": npy(stack)})):
        _, items = read_all(path)
        assert [i.path for i in items] == [f"all.npy/{k:06d}" for k in range(5)]
        last = np.moveaxis(stack, 1, -1) if shape == (5, 3, 8, 9) else stack
        for item, record in zip(items, last, strict=True):
            assert (item.load() == record.reshape(8, 9, -1)).all()
            assert item.kind == "array"


def test_five_dimensions_are_clips(tmp_path: Path) -> None:
    stack = noise(2, 4, 8, 9, 3)
    _, items = read_all(fill(tmp_path, {"all.npy": npy(stack)}))
    assert (items[1].load() == stack[1]).all()


def test_many_arrays_are_a_record_each(tmp_path: Path) -> None:
    _, items = read_all(fill(tmp_path, {f"c{i}/{i}.npy": npy(noise(8, 9, 5, seed=i)) for i in range(3)}))
    assert [(i.path, i.facts["label"]) for i in items] == [(f"c{i}/{i}.npy", f"c{i}") for i in range(3)]
    assert (items[2].load() == noise(8, 9, 5, seed=2)).all()


@pytest.mark.parametrize("make", [fill, tarred])
def test_many_arrays_of_four_dimensions_are_a_clip_each(tmp_path: Path, make: object) -> None:
    path = tmp_path / ("x" if make is fill else "x.tar")
    _, items = read_all(make(path, {f"{i}.npy": npy(noise(6, 8, 9, 3, seed=i)) for i in range(2)}))  # type: ignore[operator]
    assert len(items) == 2
    assert (items[1].load() == noise(6, 8, 9, 3, seed=1)).all()


def test_stacks_among_pictures_give_all_their_records(tmp_path: Path) -> None:
    fill(tmp_path, {"0.png": png(), "1.npy": npy(noise(8, 9)), "more.npy": npy(noise(4, 8, 9, 3))})
    assert len(read_all(tmp_path)[1]) == 6


def test_npz_with_labels(tmp_path: Path) -> None:
    images, labels = noise(3, 8, 8), np.array([[2], [0], [1]])
    _, items = read_all(fill(tmp_path, {"all.npz": npz(images=images, labels=labels)}))
    assert [i.facts["label"] for i in items] == ["2", "0", "1"]
    assert (items[0].load() == images[0][..., None]).all()


def test_npz_with_splits(tmp_path: Path) -> None:
    arrays = {
        f"{s}_{k}": v for s in ("train", "val") for k, v in (("images", noise(2, 8, 8, 3)), ("labels", np.arange(2)))
    }
    _, items = read_all(fill(tmp_path, {"all.npz": npz(**arrays)}))
    assert [(i.path, i.facts["split"], i.facts["label"]) for i in items] == [
        (f"all.npz/{s}/{k:06d}", s, str(k)) for s in ("train", "val") for k in range(2)
    ]


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "targets")])
@pytest.mark.parametrize("form", ["{0}_{1}", "{1}_{0}"])
def test_the_split_stands_before_or_behind_the_name(tmp_path: Path, names: tuple[str, str], form: str) -> None:
    arrays = {}
    for split, word in (("train", "train"), ("val", "valid"), ("test", "test")):
        arrays[form.format(word, names[0])] = noise(2, 8, 8, 3, seed=len(split))
        arrays[form.format(word, names[1])] = np.arange(2)
    source, items = read_all(fill(tmp_path, {"all.npz": npz(**arrays)}))
    found = [(item.facts["split"], item.facts["label"]) for item in items]
    assert found == [(split, str(k)) for split in ("train", "val", "test") for k in range(2)]
    assert not source.skipped


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    arrays = {"images": noise(3, 8, 8), "labels": np.arange(3), "ids": np.arange(3), "box": np.zeros((3, 4))}
    _, items = read_all(fill(tmp_path, {"all.npz": npz(**arrays)}))
    assert "the file's other arrays (ids, box) were not read" in items[0].notes


def test_the_only_array_of_an_npz_serves_under_any_name(tmp_path: Path) -> None:
    assert len(read_all(fill(tmp_path, {"all.npz": npz(anything=noise(3, 8, 8))}))[1]) == 3


def test_integers_of_a_stack_share_one_type(tmp_path: Path) -> None:
    stack = np.zeros((2, 4, 4), np.int64)
    stack[1] = 300
    _, items = read_all(fill(tmp_path, {"all.npy": npy(stack)}))
    assert {str(i.load().dtype) for i in items} == {"int32"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", npy(np.array([{}], dtype=object), allow_pickle=True)),
        ("a.npy", b"text"),
        ("a.npy", npy(noise(3, 8, 8))[:-9]),
        ("a.npy", npy(np.zeros(5))),
        ("a.npy", npy(np.zeros((3, 8, 8), np.complex64))),
        ("a.npz", b"text"),
        ("a.npz", npz(a=noise(3, 8, 8), b=noise(3, 8, 8))),
        ("a.npz", npz(images=noise(3, 8, 8))[:200]),
        ("a.npz", npz(images=np.uint8(3), labels=np.arange(3))),
        ("a.npz", flipped(packed(images=noise(3, 8, 8)), 60)),
        ("a.npy", headed((-2, -8, 8, 3))),
        ("a.npy", headed((2**70, 8, 8, 3))),
        ("a.npy", headed((0, 2**70, 8, 3))),
    ],
)
@pytest.mark.parametrize("pack", [False, True])
def test_broken_arrays_are_left_out_and_said(tmp_path: Path, name: str, content: bytes, pack: bool) -> None:
    path = tarred(tmp_path / "x.tar", {name: content}) if pack else fill(tmp_path / "x", {name: content})
    source, items = read_all(path)
    assert not items
    assert reasons(source)[name]


def test_arrays_of_other_dimensions_are_left_out_and_said(tmp_path: Path) -> None:
    fill(tmp_path, {"0.npy": npy(np.zeros(4)), "1.npy": npy(noise(8, 8))})
    source, items = read_all(tmp_path)
    assert [item.path for item in items] == ["1.npy"]
    assert "expected 2 or 3" in reasons(source)["0.npy"]
    source, items = read_all(tmp_path, SourceOptions(clips=True))
    assert not items
    assert "expected 3 or 4" in reasons(source)["1.npy"]


@pytest.mark.parametrize(
    ("axes", "shape"), [("chw", (64, 40, 3)), ("wch", (40, 3, 64)), ("hwc", (3, 64, 40)), ("thw", (3, 64, 40, 1))]
)
def test_axes_rule_where_they_are_named(tmp_path: Path, axes: str, shape: tuple[int, ...]) -> None:
    fill(tmp_path, {f"{i}.npy": npy(noise(3, 64, 40, seed=i)) for i in range(3)})
    _, items = read_all(tmp_path, SourceOptions(axes=axes))
    assert [np.asarray(item.load()).shape for item in items] == [shape] * 3
    assert all("--axes" not in note for item in items for note in item.notes)


def test_a_named_axis_of_records_makes_stacks(tmp_path: Path) -> None:
    fill(tmp_path, {f"{i}.npy": npy(noise(64, 40, 5, seed=i)) for i in range(2)})
    _, items = read_all(tmp_path, SourceOptions(axes="hwn"))
    assert len(items) == 10
    assert np.asarray(items[7].load()).shape == (64, 40, 1)


def test_arrays_that_have_not_the_named_axes_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, {"0.npy": npy(noise(8, 8)), "1.npy": npy(noise(3, 8, 8))})
    source, items = read_all(tmp_path, SourceOptions(axes="chw"))
    assert [item.path for item in items] == ["1.npy"]
    assert "--axes chw names 3" in reasons(source)["0.npy"]


def test_npz_bombs_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=np.zeros((100, 64, 64), np.uint8))
    fill(tmp_path, {"a.npz": buffer.getvalue()})
    source, items = read_all(tmp_path, SourceOptions(limits=Limits(entry_bytes=50_000)))
    assert not items
    assert "too much for memory" in reasons(source)["a.npz"]
