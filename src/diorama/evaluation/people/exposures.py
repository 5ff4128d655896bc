"""HYPE_time of every system, from the exposures of all raters."""

from __future__ import annotations

from collections.abc import Mapping
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
    for i, name in enumerate(part.raters.names):
        mine = part.raters.index == i
        blocks = part.blocks[mine]
        found.append(
            RaterExposures(
                rater=name,
                system=part.systems.names[part.systems.index[mine][0]],
                blocks=tuple(modal_exposure(part.exposure_ms[mine][blocks == b]) for b in np.unique(blocks)),
                answers=int(mine.sum()),
                right=int(part.right[mine].sum()),
            )
        )
    return found


def hype_time(part: ExposurePart, level: float) -> Mapping[str, MeanOfRaters]:
    """By system the mean over raters of their modal exposures, in milliseconds."""
    raters = rater_exposures(part)
    values = {name: np.array([one.value for one in raters if one.system == name]) for name in part.systems.names}
    return {name: bootstrapped(own, level) for name, own in values.items()}
