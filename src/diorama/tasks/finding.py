"""A direction as it was asked for, found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from diorama.tasks.boundary import Labelled, boundary
from diorama.tasks.directions import (
    Asked,
    StyleStatistics,
    at_layers,
    factors,
    layers_named,
    one_of,
    read_direction,
)
from diorama.tasks.latents import Styles
from diorama.tasks.move import Direction


def found(
    asked: Asked, styles: Styles, statistics: StyleStatistics, *, layers: str | None, labelled: Labelled | None
) -> Direction:
    """The direction, as long as one amount.

    Args:
        asked: which.
        styles: of the model.
        statistics: of its styles.
        layers: that are moved, see :func:`~diorama.tasks.directions.layers_named`; of ``sefa`` their weights alone are
            looked at.
        labelled: samples, for ``label``.

    Raises:
        BadConfig: there are no such layers, or no such number.
        BadInput: a file cannot be read, or is for another generator; the labels do not serve.
    """
    count, width = styles.shape
    chosen = layers_named(layers, count)
    told: dict[str, Any] = {"layers": f"{chosen.start}-{chosen.stop - 1}"}
    if asked.kind == "file":
        vector = read_direction(Path(asked.word), count, width)
        return Direction(word=asked.word, vector=at_layers(vector, chosen, count), amounts=asked.amounts, facts=told)
    unit, facts = _unit(asked, styles, statistics, chosen, labelled)
    deviation = statistics.deviation(unit)
    told |= {"deviation": deviation, **facts}
    whole = at_layers(unit * deviation, chosen, count)
    return Direction(word=asked.word, vector=whole, amounts=asked.amounts, facts=told)


def _unit(
    asked: Asked, styles: Styles, statistics: StyleStatistics, layers: range, labelled: Labelled | None
) -> tuple[Tensor, Mapping[str, Any]]:
    """A unit vector (style,) in float64, and how it was found."""
    if asked.kind == "sefa":
        readers = styles.gan.style_generator.readers()
        return one_of(factors(readers[layers.start : layers.stop]), asked), {}
    if asked.kind == "pca":
        return one_of(statistics.principal(), asked), {}
    assert labelled is not None
    plane = boundary(styles, labelled, asked.name)
    facts = {"with_label": plane.positive, "without": plane.negative, "held_out_accuracy": round(plane.accuracy, 4)}
    return plane.normal, facts
