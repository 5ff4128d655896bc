"""NumPy arrays become pictures: layout and type."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.media.array import (
    arranged,
    axes_words,
    check_axes,
    guessed_axes,
    read_array,
    stored_type,
    stored_values,
)
from diorama.media.limits import Limits
from tests.media.examples import npy


@pytest.mark.parametrize(
    ("shape", "dims", "axes"),
    [
        ((8, 9), 3, "hw"),
        ((8, 9, 3), 3, "hwc"),
        ((3, 8, 9), 3, "chw"),
        ((8, 9, 12), 3, "hwc"),
        ((13, 64, 64), 3, "chw"),
        ((13, 60, 64), 3, "chw"),
        ((64, 64, 13), 3, "hwc"),
        ((40, 64, 64), 3, "chw"),
        ((5, 3, 8, 9), 4, "nchw"),
        ((5, 13, 64, 64), 4, "nchw"),
        ((5, 8, 9), 4, "nhw"),
        ((2, 5, 8, 9, 3), 5, "nthwc"),
        ((2, 3, 5, 8, 9), 5, "ncthw"),
        ((2, 5, 3, 8, 9), 5, "ntchw"),
    ],
)
def test_axes_are_guessed_and_said(shape: tuple[int, ...], dims: int, axes: str) -> None:
    assert guessed_axes(shape, dims) == axes
    array = np.arange(np.prod(shape)).reshape(shape)
    found = arranged(array, axes)
    sizes = dict(zip(axes, shape, strict=True))
    assert found.shape == tuple(sizes.get(letter, 1) for letter in "nthwc" if letter in axes or letter == "c")
    channels = sizes.get("c", 1)
    words = axes_words(axes, channels, guessed=True)
    assert ("--axes" in words) == (channels > 4)
    assert ("channels" in words) == ("c" in axes)


def test_arranging_moves_axes_and_no_values() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    assert (arranged(array, "chw")[1, 2] == array[:, 1, 2]).all()
    assert (arranged(array, "whc")[1, 0] == array[0, 1]).all()


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 or 3"):
        guessed_axes((5,), 3)


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (784, r"array.reshape\(-1, 28, 28\)$"),
        (3072, r"array.reshape\(-1, 3, 32, 32\), or \(-1, 32, 32, 3\)"),
        (700, r"expected 3 or 4$"),
        (1, r"expected 3 or 4$"),
        (3, r"expected 3 or 4$"),
    ],
)
def test_rows_of_values_are_refused_with_the_way_to_make_pictures_of_them(values: int, way: str) -> None:
    with pytest.raises(ValueError, match=way):
        guessed_axes((50, values), 4)


@pytest.mark.parametrize("axes", ["hh", "hwx", "c", "hwch", ""])
def test_axes_that_name_none_are_refused(axes: str) -> None:
    with pytest.raises(ValueError, match="such as chw"):
        check_axes(axes)


@pytest.mark.parametrize(
    ("array", "target"),
    [
        (np.array([0, 255], np.int64), "int32"),
        (np.array([0, 256], np.uint64), "int32"),
        (np.array([-1, 256], np.int16), "int32"),
        (np.array([0, 70_000], np.uint32), "int32"),
        (np.array([True, False]), "uint8"),
        (np.array([0.5]), "float32"),
        (np.array([0.5], np.float16), "float16"),
        (np.array([], np.int32), "int32"),
    ],
)
def test_types_are_brought_to_stored_ones(array: np.ndarray, target: str) -> None:
    values, notes = stored_values(array, "x")
    assert values.dtype.name == stored_type(array, "x") == target
    assert (values == array * (255 if array.dtype == bool else 1)).all()
    assert bool(notes) == (array.dtype.name != target)


def test_integers_that_float32_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(BadInput, match="scale them first"):
        stored_type(np.array([0, (1 << 24) + 1]), "x")


def test_a_stacks_type_rules_its_records() -> None:
    assert stored_values(np.array([3], np.int64), "x", "uint16")[0].dtype == np.uint16


def test_foreign_byte_order_is_read() -> None:
    values, _ = stored_values(np.array([1, 2], ">u2"), "x")
    assert values.tolist() == [1, 2]
    assert values.dtype == np.dtype("uint16")


def test_more_than_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="split it"):
        read_array(npy(np.zeros((30, 30), np.uint8)), "x", Limits(stack_pixels=10))
