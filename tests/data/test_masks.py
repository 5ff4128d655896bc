"""Outlines: run lengths there and back, polygons cut and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.data.masks import clipped, mask_of_polygons, mask_of_runs, runs_of_mask, unpacked_counts
from tests.data.sources.examples import packed_counts


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_run_lengths_there_and_back(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    counts = runs_of_mask(mask)
    assert sum(counts) == mask.size
    assert np.array_equal(mask_of_runs(counts, mask.shape), mask)


def test_run_lengths_go_down_the_columns() -> None:
    assert mask_of_runs([1, 2, 3], (3, 2)).tolist() == [[False, False], [True, False], [True, False]]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_packed_run_lengths_are_unpacked(counts: list[int]) -> None:
    assert unpacked_counts(packed_counts(counts)) == counts


@pytest.mark.parametrize("text", ["P", "\x10", "é", "o" * 40])
def test_broken_packings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"packed|ascii"):
        unpacked_counts(text)


def test_a_polygon_fills_the_pixels_whose_centres_it_holds() -> None:
    square = np.array([[1.0, 1.0], [3.0, 1.0], [3.0, 4.0], [1.0, 4.0]])
    mask = mask_of_polygons([square], (5, 5))
    assert mask[1:4, 1:3].all()
    assert mask.sum() == 6


def test_several_polygons_are_one_mask_and_a_notch_stays_open() -> None:
    notched = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    both = mask_of_polygons([notched, notched], (4, 4))
    assert np.array_equal(both, mask_of_polygons([notched], (4, 4)))
    assert not both[3, 1:3].any()


@given(st.integers(0, 2**32))
def test_a_clipped_polygon_is_what_lies_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygon = rng.uniform(-10, 26, (int(rng.integers(3, 7)), 2))
    inside = np.zeros((16, 16), bool)
    inside[3:12, 2:14] = True
    part = clipped(polygon, (2, 3), (14, 12))
    drawn = mask_of_polygons([part] if len(part) else [], (16, 16))
    assert np.array_equal(drawn, mask_of_polygons([polygon], (16, 16)) & inside)


def test_nothing_is_left_of_a_polygon_outside() -> None:
    assert clipped(np.array([[20.0, 20], [30, 20], [30, 30]]), (0, 0), (16, 16)).shape == (0, 2)
