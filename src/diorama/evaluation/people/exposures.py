"""HYPE_time of every system, from the exposures of all raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diorama.evaluation.people.parts import ExposurePart
from diorama.metrics.judgement.exposures import MeanOfRaters, bootstrapped, modal_exposure


@dataclass(frozen=True, kw_only=True)
class RaterExposures:
    """What one rater's staircases came to.

    Args:
        rater: who.
        system: whose pictures were shown.
        blocks: modal exposure of each, in milliseconds.
        answers: in all blocks.
        right: how many of them.
    """

    rater: str
    system: str
    blocks: tuple[float, ...]
    answers: int
    right: int

    @property
    def value(self) -> float:
        """The mean of the blocks' modal exposures."""
        return float(np.mean(self.blocks))


def rater_exposures(part: ExposurePart) -> list[RaterExposures]:
    """Every rater's modal exposures, in the order of the file."""
    found = []
    places = np.argsort(part.raters.index, kind="stable")
    ends = np.cumsum(np.bincount(part.raters.index, minlength=len(part.raters.names)))
    for name, mine in zip(part.raters.names, np.split(places, ends[:-1]), strict=True):
        blocks, shown = part.blocks[mine], part.exposure_ms[mine]
        found.append(
            RaterExposures(
                rater=name,
                system=part.systems.names[part.systems.index[mine[0]]],
                blocks=tuple(modal_exposure(shown[blocks == b]) for b in np.unique(blocks)),
                answers=len(mine),
                right=int(part.right[mine].sum()),
            )
        )
    return found


def hype_time(raters: Sequence[RaterExposures], level: float) -> Mapping[str, MeanOfRaters]:
    """By system the mean over raters of their modal exposures, in milliseconds."""
    values: dict[str, list[float]] = {}
    for one in raters:
        values.setdefault(one.system, []).append(one.value)
    return {name: bootstrapped(np.array(own), level) for name, own in values.items()}
