"""NumPy arrays become pictures: layout and type."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.media.array import channels_last, read_array, stored_type, stored_values
from diorama.media.limits import Limits
from tests.media.examples import npy


@pytest.mark.parametrize(
    ("shape", "dims", "result"),
    [
        ((8, 9), 3, (8, 9, 1)),
        ((8, 9, 3), 3, (8, 9, 3)),
        ((3, 8, 9), 3, (8, 9, 3)),
        ((8, 9, 12), 3, (8, 9, 12)),
        ((5, 3, 8, 9), 4, (5, 8, 9, 3)),
        ((5, 8, 9), 4, (5, 8, 9, 1)),
        ((2, 5, 8, 9, 3), 5, (2, 5, 8, 9, 3)),
        ((2, 3, 5, 8, 9), 5, (2, 5, 8, 9, 3)),
        ((2, 5, 3, 8, 9), 5, (2, 5, 8, 9, 3)),
    ],
)
def test_channels_come_last(shape: tuple[int, ...], dims: int, result: tuple[int, ...]) -> None:
    array, notes = channels_last(np.zeros(shape, np.uint8), dims)
    assert array.shape == result
    assert bool(notes) == (len(shape) == dims and shape != result)


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 or 3"):
        channels_last(np.zeros(5), 3)


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
