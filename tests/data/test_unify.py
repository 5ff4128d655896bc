"""One form for all records."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.data.records import encode_record
from diorama.data.scales import Scale
from diorama.data.unify import Form, common_form, converted, has_form, window


def _rows(*records: np.ndarray) -> np.ndarray:
    return np.concatenate([encode_record(record).row for record in records])


def _form(*records: np.ndarray) -> tuple[Form, list[str]]:
    ranges = np.array([[record.min(), record.max()] for record in records], np.float64)
    return common_form(_rows(*records), ranges, [f"{i}.png" for i in range(len(records))])


GREY, COLOUR = np.full((8, 8, 1), 7, np.uint8), np.full((8, 8, 3), 9, np.uint8)


def test_records_of_one_form_have_it_already() -> None:
    form, notes = _form(COLOUR, COLOUR)
    assert form == Form(0, 8, 8, 3, Scale("uint8"))
    assert has_form(_rows(COLOUR, COLOUR), form)
    assert notes == []
    assert converted(COLOUR, form, "crop")[0] is COLOUR


def test_grey_among_colour_becomes_colour_and_is_said() -> None:
    form, notes = _form(GREY, GREY, COLOUR)
    assert form.channels == 3
    assert "grey among colour became colour (2 of 3 records)" in notes
    (found,) = converted(GREY, form, "crop")
    assert found.shape == (8, 8, 3)
    assert (found == 7).all()


def test_eight_bits_among_sixteen_become_sixteen() -> None:
    form, notes = _form(GREY, np.full((8, 8, 1), 65535, np.uint16))
    assert form.scale.dtype == "uint16"
    assert "uint8 and uint16 records became uint16" in notes[0]
    assert converted(np.full((8, 8, 1), 255, np.uint8), form, "crop")[0].max() == 65535


def test_integers_among_floats_become_floats_by_their_full_scale() -> None:
    deep = np.full((8, 8, 1), 65535, np.uint16)
    form, _ = _form(GREY, np.zeros((8, 8, 1), np.float16), deep)
    assert form.scale.dtype == "float32"
    for full in (np.full((8, 8, 1), 255, np.uint8), deep):
        assert converted(full, form, "crop")[0].max() == pytest.approx(1.0)
    assert converted(np.full((8, 8, 1), 3.5, np.float16), form, "crop")[0].max() == 3.5


def test_other_sizes_become_the_commonest() -> None:
    form, notes = _form(COLOUR, COLOUR, np.zeros((16, 20, 3), np.uint8))
    assert (form.height, form.width) == (8, 8)
    assert "became the commonest, 8x8" in notes[0]
    assert converted(np.zeros((16, 20, 3), np.uint8), form, "pad")[0].shape == (8, 8, 3)


def test_what_cannot_take_the_form_is_left_out_and_said() -> None:
    clip = np.zeros((4, 8, 8, 3), np.uint8)
    form, notes = _form(COLOUR, COLOUR, clip, np.zeros((8, 8, 5), np.uint8))
    assert form == Form(0, 8, 8, 3, Scale("uint8"))
    assert any("1 clips among pictures are left out" in note for note in notes)
    assert any("5 channels" in note for note in notes)
    assert converted(clip, form, "crop") == []
    assert converted(np.zeros((8, 8, 5), np.uint8), form, "crop") == []
    form, notes = _form(clip, clip, COLOUR)
    assert form.frames == 4
    assert any("1 pictures among clips" in note for note in notes)
    assert converted(COLOUR, form, "crop") == []


def test_commonest_channels_win_where_nothing_converts() -> None:
    five = np.zeros((8, 8, 5), np.uint8)
    form, _ = _form(five, five, GREY)
    assert form.channels == 5
    assert converted(GREY, form, "crop") == []


def test_clips_of_several_lengths_are_cut_to_sixteen() -> None:
    long, short = np.zeros((40, 8, 8, 3), np.uint8), np.zeros((5, 8, 8, 3), np.uint8)
    form, notes = _form(long, short)
    assert form.frames == 16
    assert "clips of 5 to 40 frames were cut to 16" in notes[0]
    assert [len(clip) for clip in converted(long, form, "crop")] == [16, 16]
    assert converted(short, form, "crop") == []


@pytest.mark.parametrize(
    ("dtype", "low", "high", "expected"),
    [
        ("uint8", 3, 9, (0, 255)),
        ("uint16", 0, 4000, (0, 4095)),
        ("uint16", 0, 4096, (0, 16383)),
        ("uint16", 5, 200, (0, 255)),
        ("uint16", 5, 65535, (0, 65535)),
        ("float32", 0.1, 0.9, (0, 1)),
        ("float32", -0.1, 0.9, (-1, 1)),
        ("float32", 0.0, 200.0, (0, 255)),
        ("float32", -900.0, 1200.0, (-900, 1200)),
        ("float16", 300.0, 300.0, (300, 301)),
    ],
)
def test_windows_follow_type_and_range(dtype: str, low: float, high: float, expected: tuple[float, float]) -> None:
    assert window(dtype, low, high) == expected
