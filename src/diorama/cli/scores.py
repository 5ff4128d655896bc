"""Scores as people read them: one table, digits that mean something, and which way is better."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from diorama.core.numbers import counted, interval_words
from diorama.core.text_table import GAP, aligned
from diorama.evaluation.catalog.entries import CLIP
from diorama.evaluation.catalog.metrics import Metric, MetricCatalog
from diorama.evaluation.catalog.names import ELSEWHERE

if TYPE_CHECKING:
    from diorama.evaluation.protocol import Result
    from diorama.synthesis.base import Sampling

_HEADS = ("metric", "value", "95 % interval", "", "samples", "real")
_NUMBERS = (1, 4, 5)
_NARROWEST = 30
"""Columns that a meaning needs beside the numbers; on a narrower terminal it stands below them."""


def table(results: Sequence[Result], catalog: MetricCatalog, width: int | None) -> Iterator[str]:
    """The lines of a table of results, above it how a model drew, and below it what its arrows and intervals mean.

    Args:
        results: of one evaluation.
        catalog: of their metrics.
        width: columns of the terminal; ``None`` for lines of any length.
    """
    metrics = [catalog.metric(result.metric) for result in results]
    rows = [_HEADS, *(_cells(result, metric) for result, metric in zip(results, metrics, strict=True))]
    meanings = ["meaning", *(metric.meaning.rstrip(".") for metric in metrics)]
    yield from dict.fromkeys(_drawn(result.sampling) for result in results if result.sampling is not None)
    # Names to the left; numbers to the right, where their units stand below one another.
    lines = aligned(rows, _NUMBERS)
    room = max(map(len, lines))
    for line, meaning in zip(lines, meanings, strict=True):
        yield from _beside(line.ljust(room), meaning, width)
    yield ""
    yield "↓ lower is better, ↑ higher; the interval is for the true value, of as many samples as one likes"
    outside = (_outside(result, metric) for result, metric in zip(results, metrics, strict=True))
    yield from dict.fromkeys(line for line in outside if line)


def listing(catalog: MetricCatalog) -> Iterator[str]:
    """A line for each metric that there is: its names, which way is better, what it says, what else it is called."""
    lines = [(_names(found), metric.arrow, _said(metric, found)) for metric, found in _by_entry(catalog)]
    width = max(len(names) for names, _, _ in lines)
    yield "metrics, for --metrics NAME,NAME,… in any case (↓ lower is better, ↑ higher):"
    yield from (f"  {names:<{width}}  {arrow}  {said}" for names, arrow, said in lines)
    yield "The name after @ is the network whose features are compared: lite and lite2 come with the package, inception"
    yield "is fetched once. Of clips it sees single frames; with -clip after its name, whole clips. Without @, fid, kid"
    yield "and is use inception, all others lite. prdc stands for precision, recall, density and coverage. psnr, ssim"
    yield "and bpd measure a model, not a folder of samples."


def _cells(result: Result, metric: Metric) -> tuple[str, ...]:
    value, low, high = interval_words(result.value, result.interval.low, result.interval.high)
    real = f"{result.reference.count:,}" if result.reference.count else "-"
    return result.metric, value, f"[{low}, {high}]", metric.arrow, f"{result.samples:,}", real


def _drawn(sampling: Sampling) -> str:
    """How the samples of a table were drawn: scores of other samplers and steps are other scores."""
    sampler = f" by {sampling.sampler}" if sampling.sampler else ""
    steps = f" in {counted(sampling.steps, 'step')}" if sampling.steps is not None else ""
    guided = f", guidance {sampling.guidance:g}" if sampling.guidance not in (None, 1) else ""
    truncated = f", psi {sampling.psi:g}" if sampling.psi is not None else ""
    return f"drawn{sampler}{steps}{guided}{truncated}"


def _beside(numbers: str, meaning: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield f"{numbers}{GAP}{meaning}"
        return
    left = width - len(numbers) - len(GAP)
    if left < _NARROWEST:
        yield numbers.rstrip()
        yield from textwrap.wrap(meaning, max(width, _NARROWEST), initial_indent="    ", subsequent_indent="    ")
        return
    first, *more = textwrap.wrap(meaning, left) or [""]
    yield f"{numbers}{GAP}{first}"
    yield from (" " * (width - left) + line for line in more)


def _outside(result: Result, metric: Metric) -> str:
    inside = result.interval.low <= result.value <= result.interval.high
    return "" if inside else metric.entry.outside


def _names(names: Sequence[str]) -> str:
    """Without the views of whole clips, which nearly all have."""
    return ", ".join(name for name in names if not name.endswith(f"-{CLIP}"))


def _said(metric: Metric, names: Sequence[str]) -> str:
    called = [
        other
        for other, meant in ELSEWHERE.items()
        if len(meant) == 1 and meant[0] in names and other not in (metric.entry.name, *names) and "@" not in other
    ]
    return metric.entry.meaning.rstrip(".") + (f" ({', '.join(called)})" if called else "")


def _by_entry(catalog: MetricCatalog) -> Iterator[tuple[Metric, list[str]]]:
    """The first metric of every entry, and the names of all."""
    names: dict[str, list[str]] = {}
    for metric in catalog.metrics.values():
        names.setdefault(metric.entry.name, []).append(metric.name)
    yield from ((catalog.metric(found[0]), found) for found in names.values())
