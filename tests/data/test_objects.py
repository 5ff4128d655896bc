"""Boxes and masks follow their pictures into the record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diorama.data.masks import mask_of_polygons, runs_of_mask
from diorama.data.objects import Objects, Region, Runs, object_notes, segmentation_mask
from diorama.media.resize import Fit, fit

SHAPE = np.array([[21.0, 9.0], [60.0, 14.0], [52.0, 47.0], [30.0, 40.0]], np.float32)
BOX = (21.0, 9.0, 39.0, 38.0)


def _outlines(size: tuple[int, int]) -> tuple[Any, Any]:
    mask = mask_of_polygons([SHAPE.astype(float)], size)
    return (SHAPE,), Runs(size, np.array(runs_of_mask(mask)))


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("policy", ["crop", "pad"])
@pytest.mark.parametrize("size", [(64, 64), (32, 32), (100, 40), (128, 128)])
@pytest.mark.parametrize("picture", [(60, 80), (90, 70)])
def test_a_mask_lies_where_its_pixels_lie(picture: Any, size: Any, policy: Fit, kind: int) -> None:
    region = Region("thing", BOX, _outlines(picture)[kind])
    (found,) = Objects((region,), picture).fitted(picture, size, policy)
    drawn = mask_of_polygons([SHAPE.astype(float)], picture)
    stored = fit(drawn[..., None].astype(np.uint8) * 255, size, policy)[..., 0] > 127
    told = segmentation_mask(found["segmentation"], size)
    assert (told & stored).sum() / (told | stored).sum() > 0.93
    x, y, width, height = found["bbox"]
    rows, columns = np.nonzero(stored)
    edges = np.array([x, y, x + width, y + height])
    assert np.abs(edges - [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).max() <= max(
        2.0, 2 * size[0] / picture[0], 2 * size[1] / picture[1]
    )


def test_what_is_cut_off_is_left_out() -> None:
    regions = (
        Region("left", (0, 0, 5, 5)),
        Region("middle", (30, 0, 10, 10), crowd=True),
        Region("outline outside", (0, 0, 30, 30), (np.array([[0, 0], [5, 0], [0, 5]], np.float32),)),
    )
    found = Objects(regions, (20, 60)).fitted((20, 60), (20, 20), "crop")
    assert found == [{"category": "middle", "bbox": [10.0, 0.0, 10.0, 10.0], "iscrowd": 1}]
    assert len(Objects(regions, (20, 60)).fitted((20, 60), (60, 60), "pad")) == 3


def test_regions_of_a_resized_picture_are_scaled_and_those_of_another_left_out() -> None:
    objects = Objects((Region("thing", (10, 20, 30, 40), _outlines((90, 120))[1]),), (90, 120))
    (found,) = objects.fitted((45, 60), (45, 60), "crop")
    assert found["bbox"] == [5.0, 10.0, 15.0, 20.0]
    assert found["segmentation"]["size"] == [45, 60]
    assert objects.fitted((60, 45), (32, 32), "crop") == []
    notes = list(object_notes([(objects, (45, 60)), (objects, (60, 45)), (objects, (90, 120))], 2))
    assert [note for note in notes if "another shape" in note and "1 objects" in note]
    assert [note for note in notes if note.startswith("1 pictures are of another size")]
    assert not [note for note in notes if "outside" in note]


@pytest.mark.parametrize("size", [(1, 10**400), (10**400, 1), (10**400, 10**400), (1, 1)])
def test_sizes_that_no_picture_has_break_nothing(size: tuple[int, int]) -> None:
    Objects((Region("thing", (0, 0, 5, 5)),), size).fitted((64, 64), (32, 32), "crop")
