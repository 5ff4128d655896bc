"""One type and one scale for all values, or a refusal that names what differs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.data.dataset import open_dataset
from diorama.data.prepare import PrepareOptions, prepare
from diorama.data.records import encode_record
from diorama.data.scales import Scale, Values, common_scale


def scale_of(*spans: tuple[str, float, float], values: Values = "check") -> tuple[Scale, list[str]]:
    """The common scale of records with this type and these smallest and largest values."""
    records = [np.array([low, high], dtype).reshape(1, 2, 1) for dtype, low, high in spans]
    rows = np.concatenate([encode_record(record).row for record in records])
    ranges = np.array([[record.min(), record.max()] for record in records], np.float64)
    return common_scale(rows, ranges, [f"{i}.png" for i in range(len(records))], values)


@pytest.mark.parametrize(
    ("spans", "dtype", "factors"),
    [
        ([("uint8", 0, 9)], "uint8", {}),
        ([("float16", 0, 1)], "float16", {}),
        # integers of more than 16 bits, or with a sign: what all of them need, unscaled
        ([("int32", 0, 200), ("int32", 0, 255)], "uint8", {}),
        ([("int32", 0, 200), ("int32", 0, 4_000)], "uint16", {}),
        ([("int32", -1_000, 200), ("int32", 3, 900)], "float32", {}),
        ([("int32", 0, 70_000)], "float32", {}),
        ([("int32", 0, 4_000), ("uint16", 0, 60_000)], "uint16", {}),
        # 16-bit files that hold 8-bit values
        ([("uint16", 0, 255), ("uint8", 0, 255)], "uint8", {}),
        ([("int32", 0, 255), ("uint8", 0, 255)], "uint8", {}),
        # full ranges
        ([("uint16", 0, 65_535), ("uint8", 0, 255)], "uint16", {"uint8": 257}),
        ([("float32", 0, 1), ("uint8", 0, 255)], "float32", {"uint8": 1 / 255}),
        ([("float32", 0, 1), ("float16", 0, 1)], "float32", {}),
        # the same units
        ([("float32", -1_000, 900), ("int32", -1_000, 3_000)], "float32", {}),
        ([("float32", 0, 255), ("uint8", 0, 255)], "float32", {}),
    ],
)
def test_what_can_share_a_scale_does(
    spans: list[tuple[str, float, float]], dtype: str, factors: dict[str, float]
) -> None:
    scale, notes = scale_of(*spans)
    assert scale.dtype == dtype
    for own, low, high in spans:
        found = scale.converted(np.array([low, high], own))
        assert found.dtype.name == dtype
        np.testing.assert_allclose(found, np.array([low, high]) * factors.get(own, 1), rtol=1e-6)
    assert bool(notes) == ({own for own, _, _ in spans} != {dtype})


@pytest.mark.parametrize(
    "spans",
    [
        [("uint8", 0, 255), ("uint16", 0, 4_080)],
        [("uint8", 0, 255), ("int32", -1_000, 900)],
        [("uint8", 0, 255), ("float32", -3, 40)],
        [("uint16", 0, 4_095), ("float32", 0, 1)],
        [("int32", 0, 4_000), ("float32", 0, 1)],
        [("float32", 0, 1), ("float32", 0, 0.9), ("float32", 0, 255), ("float32", 0, 240)],
        [("float32", -1, 1), ("float32", -1, 0.9), ("float32", 0, 255), ("float32", 0, 240)],
    ],
)
def test_several_scales_are_refused_and_kept_if_asked(spans: list[tuple[str, float, float]]) -> None:
    with pytest.raises(BadInput, match=r"several scales.*'0\.png'.*--values keep"):
        scale_of(*spans)
    scale, _ = scale_of(*spans, values="keep")
    for own, low, high in spans:
        np.testing.assert_allclose(scale.converted(np.array([low, high], own)), [low, high], rtol=1e-6)


def test_floats_of_many_sizes_are_one_scale() -> None:
    assert scale_of(("float32", 0, 0.9), ("float32", 0, 20), ("float32", 0, 200))[0] == Scale("float32")


def test_signed_measurements_of_any_size_are_one_scale() -> None:
    spans = [("float32", -0.9, 0.8), ("float32", -120, 200), ("float32", -0.5, 0.9)]
    assert scale_of(*spans) == (Scale("float32"), [])


@pytest.mark.parametrize(
    ("tops", "said"),
    [
        ((1_000, 65_000), True),
        ((4_000, 65_000), True),
        ((4_000, 16_000), False),
        ((1_000, 4_000, 65_000), False),
        ((65_000,), False),
    ],
)
def test_two_depths_of_one_type_are_spoken_of(tops: tuple[int, ...], said: bool) -> None:
    scale, notes = scale_of(*[("uint16", 0, tops[i % len(tops)]) for i in range(12)])
    assert scale == Scale("uint16")
    assert any("'0.png' among them" in note and "no value was scaled" in note for note in notes) is said


def prepared(folder: Path, out: Path, values: Values = "check") -> np.ndarray:
    """All records of a folder, prepared at their own size."""
    for _ in prepare([folder], out, PrepareOptions(size=None, values=values)):
        pass
    splits = [open_dataset(out).split(name) for name in open_dataset(out).splits]
    return np.concatenate([split.stored(np.arange(len(split))) for split in splits])


@pytest.mark.parametrize(
    ("tops", "dtype"), [((200, 4_000), "uint16"), ((90, 255), "uint8"), ((900, 70_000), "float32")]
)
def test_files_of_wide_integers_share_one_type(tmp_path: Path, tops: tuple[int, int], dtype: str) -> None:
    (tmp_path / "in").mkdir()
    arrays = [np.random.default_rng(i).integers(0, tops[i % 2], (8, 8)) for i in range(12)]
    arrays[1][0, 0] = tops[1]
    for i, array in enumerate(arrays):
        np.save(tmp_path / "in" / f"{i:02d}.npy", array)
    found = prepared(tmp_path / "in", tmp_path / "out")
    assert found.dtype.name == dtype
    assert sorted(found.reshape(12, -1).max(1)) == sorted(array.max() for array in arrays)


def test_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels.astype(np.uint16) << 4 if i % 2 else pixels).save(tmp_path / "in" / f"{i}.png")
    with pytest.raises(BadInput, match=re.escape("12 of 16 bits")):
        prepared(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert prepared(tmp_path / "in", tmp_path / "kept", "keep").dtype == np.uint16


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([("uint8", 0, 1)] * 8, "no value is above 1 of 255"),
        ([("float32", -1, 1)] * 4 + [("float32", 0, 1)] * 4, "none between"),
    ],
)
def test_scales_that_are_doubtful_are_said(spans: list[tuple[str, float, float]], words: str) -> None:
    _, notes = scale_of(*spans)
    assert words in " ".join(notes)


def test_pictures_from_minus_one_of_any_darkness_are_passed_over() -> None:
    assert scale_of(*[("float32", low, 1) for low in (-1, -0.9, -0.6, -0.3, 0, 0, 0, -0.1)])[1] == []
