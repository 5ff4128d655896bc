"""Several generators under one budget, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from diorama.comparison.options import CompareOptions, Progress
from diorama.comparison.procedure import train_and_measure
from diorama.comparison.report import write_report
from diorama.recipes.start import RecipeLike

__all__ = ["CompareOptions", "Progress", "RecipeLike", "compare"]


def compare(
    recipes: Sequence[RecipeLike], data: Path | str, out: Path | str, options: CompareOptions | None = None
) -> Iterator[Progress]:
    """Train recipes under one budget, measure them under one protocol, write ``report.html`` and ``report.json``.

    The Gaussian mixture and, where there are enough of them, held-out real records join by themselves. The same call
    continues what was interrupted.

    Args:
        recipes: names, ``file.py:function``, or functions of a :class:`~diorama.core.contracts.DataInfo`.
        data: a prepared folder, a small raw one, or ``world`` or ``world-video``.
        out: folder of the report; ``runs/NAME`` in it are ordinary runs.
        options: budget, protocol, what else joins.

    Yields:
        Progress; the last one names the report and holds what it shows.

    Raises:
        BadInput: data, a run or samples cannot be read; nothing could be trained.
        BadConfig: a recipe does not exist or does not fit the data.
    """
    chosen = options or CompareOptions()
    comparison = yield from train_and_measure(recipes, data, Path(out), chosen)
    yield Progress(doing="writing the report")
    report = write_report([comparison], Path(out), seed=chosen.seed)
    yield Progress(doing="done", share=1.0, report=report, comparisons=(comparison,))
