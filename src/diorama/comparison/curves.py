"""The curves of one run as a sheet of plots: every loss, every other number of its phases, every metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diorama.comparison.columns import Curve
from diorama.comparison.history import read_history, read_scalars
from diorama.core.errors import BadInput
from diorama.evaluation.catalog.metrics import MetricCatalog
from diorama.web.plot import Series
from diorama.web.sheet import Panel, Sheet, sheet_of


def curve_sheet(run: Path, name: str, catalog: MetricCatalog) -> Sheet:
    """All losses in one plot, then one plot for each further number and each metric, over images seen.

    Args:
        run: the run folder.
        name: above the plots.
        catalog: that says what metrics are called, and which way is better.

    Raises:
        BadInput: nothing has been logged yet.
    """
    history = read_history(run)
    if history is None or not (history.losses or history.scores):
        raise BadInput(f"{run}: nothing has been logged yet, so there are no curves")
    panels = [Panel(title="Losses", series=_series(history.losses), y="loss")] if history.losses else []
    panels += [
        Panel(title=scalar, series=_series({scalar: points}, colour), y=scalar.rpartition("/")[2])
        for colour, (scalar, points) in enumerate(read_scalars(run).items(), len(history.losses))
    ]
    for colour, (metric, points) in enumerate(history.scores.items()):
        known = catalog.find(metric)
        title = metric if known is None else f"{known.title} ({known.entry.better} is better)"
        panels.append(Panel(title=title, series=_series({metric: points}, colour), y=metric))
    try:
        return sheet_of(panels, title=name, x="images seen")
    except ValueError as problem:
        raise BadInput(f"{run}: {problem}") from problem


def _series(curves: Mapping[str, Curve], colour: int = 0) -> list[Series]:
    return [Series(name=name, points=points, colour=colour + i) for i, (name, points) in enumerate(curves.items())]
