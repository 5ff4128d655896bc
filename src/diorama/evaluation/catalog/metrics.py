"""All metrics by name: those of the families beside this file, and those that a user's own catalog adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from diorama.core.errors import BadInput
from diorama.evaluation.catalog import extractors, features, models, world
from diorama.evaluation.catalog.entries import (
    ARROWS,
    CLIP,
    CatalogEntry,
    ExtractorEntry,
    MetricEntry,
    Need,
    SampleMetric,
)
from diorama.evaluation.catalog.names import ABSENT, ELSEWHERE, plain

if TYPE_CHECKING:
    from diorama.core.contracts import MediaSpec


@dataclass(frozen=True)
class Metric:
    """A metric that can be taken: an entry, and of whose features.

    Args:
        name: as it is asked for, ``fd@lite-clip``.
        entry: what it is.
        extractor: whose features; ``None`` for metrics that a model is asked for.
        view: which of them.
    """

    name: str
    entry: MetricEntry
    extractor: ExtractorEntry | None = None
    view: str = ""

    @property
    def features(self) -> str:
        """The key of its features, ``lite-clip``; empty for metrics without features."""
        if self.extractor is None:
            return ""
        return f"{self.extractor.name}-{self.view}" if self.view else self.extractor.name

    @property
    def needs(self) -> tuple[Need, ...]:
        """What it cannot do without."""
        return (*self.entry.needs, "clips") if self.view == CLIP else self.entry.needs

    @property
    def title(self) -> str:
        """As a table's head."""
        return f"{self.entry.title} (clips)" if self.view == CLIP else self.entry.title

    @property
    def meaning(self) -> str:
        """One sentence for those who have not met it."""
        return f"{self.entry.meaning.rstrip('.')} (whole clips)." if self.view == CLIP else self.entry.meaning

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return ARROWS[self.entry.better]

    def improved_by(self, value: float, on: float) -> bool:
        """Whether a value is better than another."""
        return value < on if self.entry.better == "lower" else value > on


@dataclass(frozen=True)
class MetricCatalog:
    """Metrics and extractors.

    Args:
        entries: of both; no two metrics and no two extractors share a name.
    """

    entries: tuple[CatalogEntry, ...]

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by its full name."""
        loaders = [entry for entry in self.entries if isinstance(entry, ExtractorEntry)]
        entries = [entry for entry in self.entries if isinstance(entry, MetricEntry)]
        found = [metric for entry in entries for metric in _metrics_of(entry, loaders)]
        return {metric.name: metric for metric in found}

    def find(self, name: str) -> Metric | None:
        """A metric by its name; ``None`` where there is none."""
        return self.metrics.get(name)

    def metric(self, name: str) -> Metric:
        """A metric by its name.

        Raises:
            BadInput: there is no such metric; the message offers the nearest.
        """
        if name in self.metrics:
            return self.metrics[name]
        if (meant := self._meant(name)) and meant != (name,):
            raise BadInput(f"metrics: there is no metric {name!r}; did you mean {','.join(meant)}?")
        raise self._unknown(name)

    def spelled(self, typed: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The metrics that are meant by names as people type them, in any case: ``FID``, ``inception_score``, ``prdc``.

        Returns:
            By what was typed, the names of :attr:`metrics`.

        Raises:
            BadInput: a name means none; the message says what there is instead.
        """
        found = {}
        for name in typed:
            if not (meant := self._meant(name)):
                raise self._unknown(name)
            found[name] = meant
        return found

    def _meant(self, name: str) -> tuple[str, ...]:
        if name in self.metrics:
            return (name,)
        written = {plain(other): other for other in self.metrics}
        if (own := written.get(plain(name))) is not None:
            return (own,)
        return tuple(meant for meant in ELSEWHERE.get(plain(name), ()) if meant in self.metrics)

    def _unknown(self, name: str) -> BadInput:
        if (absent := ABSENT.get(plain(name))) is not None:
            why, nearest = absent
            entry = self.metrics[nearest].entry
            what = f"{entry.meaning[0].lower()}{entry.meaning[1:].rstrip('.')}"
            return BadInput(f"metrics: {name} {why}; the nearest that there is: {nearest} ({what})")
        known = self.metrics
        # An unknown extractor leaves the measure, which says what was meant.
        same = [other for other in known if other.partition("@")[0] == name.partition("@")[0].lower()]
        close = get_close_matches(name.lower(), [*known, *ELSEWHERE], n=1) or same[:1]
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
        return BadInput(f"metrics: there is no metric {name!r}{hint}")


def _metrics_of(entry: MetricEntry, extractors: Iterable[ExtractorEntry]) -> Iterable[Metric]:
    """An entry's metrics, one for each extractor and view that it can be taken of."""
    if not isinstance(entry, SampleMetric):
        yield Metric(entry.name, entry)
        return
    if entry.extractor:
        own = next((extractor for extractor in extractors if extractor.name == entry.extractor), None)
        if own is None or entry.view not in own.views:
            kind = f"{entry.extractor}-{entry.view}" if entry.view else entry.extractor
            raise BadInput(f"metrics: {entry.name} is of {kind} features, and no extractor of the catalog has them")
        yield Metric(entry.name, entry, own, entry.view)
        return
    for extractor in extractors:
        for view in ("", CLIP) if not entry.view else (entry.view,):
            if view in extractor.views:
                suffix = f"-{CLIP}" if view == CLIP else ""
                yield Metric(f"{entry.name}@{extractor.name}{suffix}", entry, extractor, view)


SHIPPED = MetricCatalog((*extractors.ENTRIES, *features.ENTRIES, *models.ENTRIES, *world.ENTRIES))
"""What comes with Diorama."""


def catalog_with(own: Iterable[object]) -> MetricCatalog:
    """The shipped catalog with the metrics and extractors of a user's own; what else ``own`` holds is passed over.

    Raises:
        BadInput: an entry has the name of another of its kind.
    """
    added = tuple(item for item in own if isinstance(item, (MetricEntry, ExtractorEntry)))
    if not added:
        return SHIPPED
    taken = {(isinstance(entry, MetricEntry), entry.name) for entry in SHIPPED.entries}
    for entry in added:
        kind = (isinstance(entry, MetricEntry), entry.name)
        if kind in taken:
            raise BadInput(f"catalog: there are two {'metrics' if kind[0] else 'extractors'} of name {entry.name!r}")
        taken.add(kind)
    return MetricCatalog((*SHIPPED.entries, *added))


def parse_metric(name: str, own: Iterable[object] = ()) -> Metric:
    """A metric by its name.

    Args:
        name: ``fd@lite``.
        own: a user's catalog.

    Raises:
        BadInput: there is no such metric; the message offers the nearest.
    """
    return catalog_with(own).metric(name)


def default_metrics(media: MediaSpec, *, of_world: bool = False) -> tuple[str, ...]:
    """What is measured when nothing is asked for: of pictures fidelity and diversity, of clips frames and motion.

    Args:
        media: of the real records.
        of_world: they are of the built-in world, of which the factor reader can tell more.
    """
    readable = ("factor_coverage", "modes") if of_world and _factors_are_read(media) else ()
    if media.kind == "video":
        return ("fd@lite", "fd@lite-clip", "kid@lite-clip", *readable)
    measures = ("fd", "kid", "precision", "recall", "density", "coverage")
    return (*(f"{measure}@lite" for measure in measures), *readable)


def _factors_are_read(media: MediaSpec) -> bool:
    return media.channels == 3 and media.height == media.width >= world.LEAST_SIDE


def comparing_metrics(media: MediaSpec, *, of_world: bool = False) -> tuple[str, ...]:
    """What generators are ranked by when nothing is asked for, and then :func:`default_metrics`.

    ``fd@lite`` minds mild noise and blur more than the faults that tell generators apart; ``fd@lite2`` puts them
    nearly in the order in which networks trained on the same data put them (``benchmarks/results/lite_ranks.md``).
    """
    return ("fd@lite2", *default_metrics(media, of_world=of_world))
