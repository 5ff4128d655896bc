"""Boxes and masks as annotations write them: one mapping an object, or a picture's objects by columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from diorama.data.masks import unpacked_counts
from diorama.data.objects import Objects, Region, Runs
from diorama.media.limits import DEFAULT_LIMITS

Key = int | str
"""What numbers a picture, a category or a licence."""

UNSOUND = (ValueError, TypeError, KeyError, OverflowError)
"""What reading an annotation raises that is not what it should be."""

OBJECTS = "objects"
"""The column under which hubs list the objects of a picture."""

_CATEGORIES = ("category", "categories", "category_id", "label", "labels", "class", "name")


def region_of(annotation: Mapping[str, Any], pixels: int) -> Region:
    """Box and mask of an annotation, still without its category.

    Raises:
        ValueError, TypeError, KeyError, OverflowError: they are not what they should be.
    """
    given = annotation.get("segmentation")
    outline: tuple[Any, ...] | Runs = ()
    if isinstance(given, dict):
        outline = _runs(given, pixels)
    elif isinstance(given, list):
        # A list of numbers is one polygon; COCO's is a list of polygons.
        polygons = [given] if given and not isinstance(given[0], list) else given
        outline = tuple(_polygon(polygon) for polygon in polygons)
    box = annotation.get("bbox")
    if box is None and not isinstance(outline, Runs) and outline:
        corners = np.concatenate(outline)
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        box = [left, top, right - left, bottom - top]
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError("it has no box of four numbers")
    x, y, width, height = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise ValueError("its box has no area")
    return Region("", (x, y, width, height), outline, bool(annotation.get("iscrowd")))


def _polygon(corners: Sequence[float]) -> np.ndarray:
    points = np.array(corners, np.float32).reshape(-1, 2)
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError("a polygon has three corners or more")
    return points


def _runs(given: Mapping[str, Any], pixels: int) -> Runs:
    height, width = (int(value) for value in given["size"])
    packed = given["counts"]
    counts = np.array(unpacked_counts(packed) if isinstance(packed, str) else packed, np.int64)
    if height < 1 or width < 1 or height * width > pixels:
        raise ValueError("its run lengths are of a picture that is too large")
    # Before anything of that size is made: a few bytes may claim any.
    if counts.ndim != 1 or (counts < 0).any() or (counts > pixels).any() or int(counts.sum()) != height * width:
        raise ValueError("its run lengths do not fill the picture")
    return Runs((height, width), counts)


def key_of(value: Any) -> Key | None:
    """A number or word that names something; ``None`` where it is neither."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None


class ListedObjects:
    """Reads the objects of pictures as hubs list them, row by row.

    Args:
        name: of the table, for messages.
        names: that numbers of categories stand for.
    """

    def __init__(self, name: str, names: Sequence[str] = ()) -> None:
        self._name, self._names = name, names
        self._read = self._unsound = 0

    def of(self, value: Any) -> Objects | None:
        """The objects of one picture, ``None`` where the value is nothing of the kind.

        Args:
            value: ``{"bbox": [[x, y, width, height], …], "categories": […]}``, or a list of one mapping each.
        """
        if isinstance(value, Mapping):
            columns = {key: column for key, column in value.items() if isinstance(column, list)}
            count = len(columns.get("bbox", ()))
            columns = {key: column for key, column in columns.items() if len(column) == count}
            value = [{key: column[i] for key, column in columns.items()} for i in range(count)]
        if not isinstance(value, list) or not all(isinstance(one, Mapping) and "bbox" in one for one in value):
            return None
        regions = []
        for one in value:
            try:
                region = region_of(one, DEFAULT_LIMITS.pixels)
            except UNSOUND:
                self._unsound += 1
                continue
            regions.append(Region(_category(one, self._names), region.box, region.outline, region.crowd))
        self._read += len(regions)
        return Objects(tuple(regions))

    def notes(self) -> Iterator[str]:
        """What was read and what was not, for people."""
        if self._read:
            yield f"{self._read:,} objects of {self._name} have boxes, read as x, y, width, height"
        if self._unsound:
            yield f"{self._unsound:,} objects of {self._name} have no sound box or mask and were left out"


def _category(annotation: Mapping[str, Any], names: Sequence[str]) -> str:
    found = next((annotation[key] for key in _CATEGORIES if annotation.get(key) is not None), "")
    return names[found] if isinstance(found, int) and 0 <= found < len(names) else str(found)
