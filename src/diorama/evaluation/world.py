"""What the factor reader tells of samples of a model of the built-in world: which factors and modes it draws."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.data.synthetic.geometry import SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS
from diorama.data.synthetic.reader import read_factors
from diorama.data.synthetic.readings import MODES, SceneReading, mode_of
from diorama.data.synthetic.scene import PLACES
from diorama.evaluation.intervals import kinds_interval
from diorama.evaluation.measures import Measured
from diorama.evaluation.protocol import Interval
from diorama.media.convert import to_uint8
from diorama.metrics.modes import count_kinds, covered

COUNTS = (1, 2, 3)
_FACTORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("colour", COLOURS),
    ("shape", SHAPES),
    ("size", SIZES),
    ("texture", TEXTURES),
    ("place", PLACES),
)


class WorldMeasure:
    """Reads batch after batch and keeps counts only."""

    def __init__(self) -> None:
        self.pictures = 0
        self.abstained = 0
        self._modes = torch.zeros(len(MODES), dtype=torch.float64)
        self._factors = torch.zeros(_factor_values(), dtype=torch.float64)

    def take(self, batch: Float[Tensor, "b 3 ..."]) -> None:
        """Read pictures (b, 3, h, w), or the first frames of clips (b, 3, t, h, w), in [-1, 1].

        Raises:
            BadInput: they are not square colour pictures of at least 32 pixels.
        """
        pictures = batch if batch.dim() == 4 else batch[:, :, 0]
        if pictures.shape[1] != 3:
            raise BadInput(f"metrics: the factor reader reads colour pictures, these have {pictures.shape[1]} channels")
        readings = read_factors(to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy())
        modes = [mode_of(reading) for reading in readings]
        self.pictures += len(readings)
        self.abstained += modes.count(None)
        self._modes += count_kinds(modes, len(MODES))
        self._factors += count_kinds(_factors_of(readings), len(self._factors))

    def result(self, measure: str) -> Measured:
        """``modes``: how many of the world's modes were drawn. ``factor_coverage``: the share of all values of all
        factors (colours, shapes, sizes, textures, places, backgrounds, counts) that occur. The intervals reach up to
        what the kinds seen once or twice say of the unseen.
        """
        counts = self._modes if measure == "modes" else self._factors
        interval = kinds_interval(counts, len(counts))
        if measure == "modes":
            return float(covered(counts)), interval
        total = len(counts)
        scaled = Interval(
            low=interval.low / total, high=interval.high / total, level=interval.level, method=interval.method
        )
        return covered(counts) / total, scaled

    def warnings(self) -> list[str]:
        """How often the reader abstained."""
        if not self.abstained:
            return []
        share = self.abstained / self.pictures
        return [
            f"the factor reader abstained from the mode of {self.abstained} of {self.pictures} samples ({share:.1%})"
        ]


def _factor_values() -> int:
    return sum(len(values) for _, values in _FACTORS) + len(BACKGROUNDS) + len(COUNTS)


def _factors_of(readings: list[SceneReading]) -> list[int | None]:
    """Every factor that was read, as its place among all values of all factors."""
    found: list[int | None] = []
    for reading in readings:
        start = 0
        for name, values in _FACTORS:
            read = (getattr(thing, name) for thing in reading.objects)
            found += [start + values.index(value) for value in read if value is not None]
            start += len(values)
        if reading.background is not None:
            found.append(start + BACKGROUNDS.index(reading.background))
        start += len(BACKGROUNDS)
        if reading.count in COUNTS:
            found.append(start + COUNTS.index(reading.count))
    return found
