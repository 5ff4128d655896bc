"""The factor reader's report: how often each factor is right, wrong, or left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diorama.data.synthetic.readings import ObjectReading, SceneReading
from diorama.data.synthetic.scene import Scene, WorldObject

GRADED = ("background", "count", "colour", "shape", "size", "texture", "position")
"""Factors in a report: two of the scene, five of each object."""

POSITION_TOLERANCE = 0.02
"""Sides by which a position may miss in x and in y: two thirds of a pixel at 32."""


@dataclass(frozen=True, kw_only=True)
class Grade:
    """How a factor was read: counts of readings that are right, wrong, and abstained from."""

    right: int
    wrong: int
    abstained: int

    @property
    def asked(self) -> int:
        """All readings."""
        return self.right + self.wrong + self.abstained

    @property
    def accuracy(self) -> float:
        """Right among all, abstentions included, in [0, 1]; 1 when nothing was asked."""
        return self.right / self.asked if self.asked else 1.0

    @property
    def abstention(self) -> float:
        """Abstained among all, in [0, 1]."""
        return self.abstained / self.asked if self.asked else 0.0


def grade(
    truth: Sequence[Scene], readings: Sequence[SceneReading], *, least_visible: float = 0.5, most_visible: float = 1.0
) -> Mapping[str, Grade]:
    """Compare readings with the truth.

    Args:
        truth: one scene a picture, with the visible share of every object.
        readings: one a picture.
        least_visible: objects of which less is in sight are left out.
        most_visible: objects of which more is in sight are left out.

    Returns:
        A grade for each of :data:`GRADED`. ``count`` is asked only of pictures whose objects all are in sight by
        ``least_visible``; an object that was not found at all counts as an abstention in each of its factors.
    """
    tally = {factor: [0, 0, 0] for factor in GRADED}
    for scene, reading in zip(truth, readings, strict=True):
        tally["background"][_verdict(reading.background, scene.background)] += 1
        if all(thing.visible >= least_visible for thing in scene.objects):
            tally["count"][_verdict(reading.count, len(scene.objects))] += 1
        found = {thing.colour: thing for thing in reading.objects}
        for thing in scene.objects:
            if least_visible <= thing.visible <= most_visible:
                for factor, verdict in _verdicts(thing, found.get(thing.colour)).items():
                    tally[factor][verdict] += 1
    return {factor: Grade(right=r, wrong=w, abstained=a) for factor, (r, w, a) in tally.items()}


def _verdict(read: object, true: object) -> int:
    """0 right, 1 wrong, 2 abstained."""
    return 2 if read is None else int(read != true)


def _verdicts(thing: WorldObject, found: ObjectReading | None) -> dict[str, int]:
    factors = ("colour", "shape", "size", "texture")
    if found is None:
        return dict.fromkeys((*factors, "position"), 2)
    verdicts = {factor: _verdict(getattr(found, factor), getattr(thing, factor)) for factor in factors}
    if found.x is None or found.y is None:
        verdicts["position"] = 2
    else:
        verdicts["position"] = int(max(abs(found.x - thing.x), abs(found.y - thing.y)) > POSITION_TOLERANCE)
    return verdicts
