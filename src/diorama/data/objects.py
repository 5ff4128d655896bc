"""Boxes and masks of what a picture shows: facts of a record, in the pixels of the picture as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.data.masks import clipped, mask_of_polygons, mask_of_runs, runs_of_mask
from diorama.media.resize import Fit, Placement, placement

Box = tuple[float, float, float, float]
"""x and y of the upper left corner, width, height, in pixels."""

_DIGITS = 2
_SAME_SHAPE = 50
"""Two shapes are the same where they differ by less than one part in so many."""


@dataclass(frozen=True, slots=True)
class Runs:
    """A mask as run lengths, outside and inside in turn, column after column.

    Args:
        size: height and width.
        counts: (n,) int64, adding up to height times width.
    """

    size: tuple[int, int]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Region:
    """One thing in a picture, in the picture's own pixels.

    Args:
        category: what it is.
        box: around it.
        outline: polygons, (n, 2) float32 each; or run lengths; empty where there is the box only.
        crowd: many things in one region.
    """

    category: str
    box: Box
    outline: tuple[NDArray[np.float32], ...] | Runs = ()
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Objects:
    """What a picture shows, and where.

    Args:
        regions: of it.
        size: height and width of the picture that they were drawn on; ``None`` where nobody says.
    """

    regions: tuple[Region, ...]
    size: tuple[int, int] | None = None

    def fits(self, picture: tuple[int, int]) -> bool:
        """Whether a picture of this height and width may be the one that the regions were drawn on, resized or not."""
        if self.size is None or self.size == picture:
            return True
        # In whole numbers, since a hostile file may state a size that no float holds.
        one, other = picture[0] * self.size[1], picture[1] * self.size[0]
        return abs(one - other) * _SAME_SHAPE < other

    def fitted(self, picture: tuple[int, int], size: tuple[int, int], policy: Fit) -> list[dict[str, Any]]:
        """Regions where :func:`diorama.media.resize.fit` puts them; what lies outside the result is left out.

        Args:
            picture: height and width of the picture that was fitted.
            size: height and width of the result.
            policy: how it was fitted.

        Returns:
            JSON values with the names of COCO: ``category``, ``bbox``, ``iscrowd`` and ``segmentation``.
        """
        if not self.fits(picture):
            return []
        drawn_on = self.size or picture
        view = _View(placement(picture, size, policy), (picture[0] / drawn_on[0], picture[1] / drawn_on[1]), size)
        return [found for region in self.regions if (found := view.region(region)) is not None]


def segmentation_mask(segmentation: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of an object of a prepared record.

    Args:
        segmentation: as it stands among the record's facts: a list of polygons, each a list of x, y, x, y …, or
            ``{"size": [height, width], "counts": […]}``.
        size: height and width of the record.

    Returns:
        (h, w), true where the object is.
    """
    if isinstance(segmentation, Mapping):
        return mask_of_runs(segmentation["counts"], (segmentation["size"][0], segmentation["size"][1]))
    return mask_of_polygons([np.reshape(np.asarray(corners, float), (-1, 2)) for corners in segmentation], size)


def object_notes(given: Sequence[tuple[Objects, tuple[int, int]]], kept: int) -> Iterator[str]:
    """What became of the regions of all records; nothing where there are none.

    Args:
        given: of every record that has some, with the height and width of its picture.
        kept: regions that are among the records' facts.
    """
    total = sum(len(objects.regions) for objects, _ in given)
    if not total:
        return
    misfits = [len(objects.regions) for objects, picture in given if not objects.fits(picture)]
    resized = sum(objects.fits(picture) and objects.size not in (None, picture) for objects, picture in given)
    yield f"{kept:,} objects in {len(given):,} records have boxes and masks, in the pixels of the records (`objects`)"
    if misfits:
        yield (
            f"{len(misfits):,} pictures are of another shape than their annotations state: their {sum(misfits):,} "
            "objects were left out"
        )
    if resized:
        yield f"{resized} pictures are of another size than their annotations state: their objects were scaled to it"
    if outside := total - sum(misfits) - kept:
        yield f"{outside} objects lie outside the kept part of their picture and were left out; --fit pad keeps all"


@dataclass(frozen=True)
class _View:
    """How regions come into a record.

    Args:
        place: what is kept of the picture, and where it is put.
        scale: from the regions' pixels to the picture's, down and across.
        size: height and width of the record.
    """

    place: Placement
    scale: tuple[float, float]
    size: tuple[int, int]

    def region(self, region: Region) -> dict[str, Any] | None:
        """The region as JSON, ``None`` where nothing of it is left."""
        x, y, width, height = region.box
        corners = self._moved(np.array([[x, y], [x + width, y + height]]))
        (left, top), (right, bottom) = corners.clip(*self._bounds())
        if right <= left or bottom <= top:
            return None
        found = {
            "category": region.category,
            "bbox": _rounded((left, top, right - left, bottom - top)),
            "iscrowd": int(region.crowd),
        }
        if isinstance(region.outline, Runs):
            mask = self._cut(region.outline)
            if not mask.any():
                return None
            if (put := self._put(mask)).any():
                found["segmentation"] = {"size": list(self.size), "counts": runs_of_mask(put)}
        elif region.outline:
            low, high = self._bounds()
            polygons = (clipped(self._moved(polygon.astype(float)), low, high) for polygon in region.outline)
            if not (left_over := [_rounded(polygon.reshape(-1)) for polygon in polygons if len(polygon)]):
                return None
            found["segmentation"] = left_over
        return found

    def _moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) x and y in the record."""
        cut, put = np.array(self.place.cut, float), np.array(self.place.put, float)
        inside = points * self.scale[::-1] - cut[1::-1]
        return inside * (put[:1:-1] / cut[:1:-1]) + put[1::-1]

    def _bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        top, left, height, width = self.place.put
        return (left, top), (left + width, top + height)

    def _cut(self, runs: Runs) -> NDArray[np.bool_]:
        """The part of a mask that is kept of the picture."""
        edges = np.array(self.place.cut, float)
        top, left = np.floor(edges[:2] / self.scale).astype(int)
        bottom, right = np.ceil((edges[:2] + edges[2:]) / self.scale).astype(int)
        return mask_of_runs(runs.counts.tolist(), runs.size)[top:bottom, left:right]

    def _put(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask in the place and size of the record: each pixel as its centre is."""
        top, left, height, width = self.place.put
        rows, columns = ((np.arange(n) + 0.5) * old / n for n, old in zip((height, width), mask.shape, strict=True))
        out = np.zeros(self.size, bool)
        out[top : top + height, left : left + width] = mask[np.ix_(rows.astype(int), columns.astype(int))]
        return out


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
