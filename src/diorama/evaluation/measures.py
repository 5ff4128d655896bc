"""From features of both sides to values with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.seeds import fold
from diorama.evaluation.frechet_interval import frechet_interval
from diorama.evaluation.intervals import distance_interval, mean_interval, share_interval
from diorama.evaluation.protocol import Interval
from diorama.metrics.frechet import frechet_distance, statistics
from diorama.metrics.inception_score import inception_scores
from diorama.metrics.kernel import draw_subsets, kernel_distances, kernel_spread, mmd_terms
from diorama.metrics.manifold import Manifold, coverage_influence, manifold

KID_SUBSETS, KID_SIZE = 100, 1_000
PRECISION_NEIGHBOUR, DENSITY_NEIGHBOUR = 3, 5
SCORE_SPLITS = 10


class Measured(NamedTuple):
    """What a metric comes to.

    Args:
        value: the number that the literature would report.
        interval: where the true quantity lies.
        warnings: what the reader must know of it: how much could not be judged, say.
    """

    value: float
    interval: Interval
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Features of one kind of both sides.

    Args:
        samples: (n, d), in the order of the samples' indices.
        reference: (m, d) of real records; (0, d) for metrics that need none.
        seed: of every draw.
        group: rows that go together (frames of one clip) and follow one another: a group is one draw.
    """

    samples: Float[Tensor, "n d"]
    reference: Float[Tensor, "m d"] = field(default_factory=lambda: torch.zeros(0, 0))
    seed: int = 0
    group: int = 1

    def limited(self, most: int | None) -> Pair:
        """The same pair with at most ``most`` rows a side, drawn by the seed; groups stay whole."""
        if most is None or max(len(self.samples), len(self.reference)) <= most:
            return self
        return replace(self, samples=self._some(self.samples, most), reference=self._some(self.reference, most))

    def _some(self, rows: Tensor, most: int) -> Tensor:
        groups, wanted = len(rows) // self.group, most // self.group
        if groups <= wanted:
            return rows
        chosen = np.sort(np.random.default_rng(fold(self.seed, len(rows))).choice(groups, wanted, replace=False))
        return rows.unflatten(0, (groups, self.group))[torch.from_numpy(chosen)].flatten(0, 1)

    @cached_property
    def inclusive(self) -> Manifold:
        """Balls as in Kynkäänniemi et al."""
        return manifold(self.samples, self.reference, k=PRECISION_NEIGHBOUR, inclusive=True, group=self.group)

    @cached_property
    def exclusive(self) -> Manifold:
        """Balls as in Naeem et al."""
        return manifold(self.samples, self.reference, k=DENSITY_NEIGHBOUR, group=self.group)


def fd(pair: Pair) -> Measured:
    """The plug-in Fréchet distance, as the literature reports it, and an interval for the true distance."""
    value = frechet_distance(statistics(pair.samples), statistics(pair.reference))
    return Measured(value, frechet_interval(pair.samples, pair.reference, seed=pair.seed, group=pair.group))


def kid(pair: Pair) -> Measured:
    """Mean kernel distance of 100 subsets of at most 1,000, and an interval for the true one from all pairs."""
    x, y, group = pair.samples.double(), pair.reference.double(), pair.group
    # Subsets are of whole groups, two at least, so that pairs of different ones are left in each.
    size = max(KID_SIZE // group, 2)
    chosen = draw_subsets(len(x) // group, len(y) // group, subsets=KID_SUBSETS, size=size, seed=pair.seed)
    value = float(kernel_distances(x, y, chosen, group=group).mean())
    terms = mmd_terms(x, y, group=group)
    sides = (terms.own, terms.other)
    variance = sum(4 * float(side.var()) / len(side) for side in sides)
    rate = sum(1 / len(side) for side in sides)
    spread = kernel_spread(x, y, group=group)
    noise = 2 * spread.pairs * rate**2
    # A difference along an axis of eigenvalue e adds 4 e rate times itself to the variance. Which axis is not known: e
    # is taken half way between a typical one (pairs / trace) and the largest that there can be (root of pairs).
    typical, largest = spread.pairs / max(spread.trace, 1e-30), math.sqrt(spread.pairs)
    slope = 4 * rate * math.sqrt(typical * largest)
    method = "of the true distance: unbiased centre, influence variance, Feldman-Cousins ends"
    # Errors of the influences count the noise twice.
    first = max(variance - 2 * noise, 0.0)
    return Measured(value, distance_interval(terms.unbiased, first, noise, slope, method=method))


def precision(pair: Pair) -> Measured:
    """Share of samples among real ones; the interval holds the reference fixed."""
    return _share(pair.inclusive.precision, pair.group)


def recall(pair: Pair) -> Measured:
    """Share of real records among samples; the interval holds the samples fixed."""
    return _share(pair.inclusive.recall, pair.group)


def density(pair: Pair) -> Measured:
    """Mean number of real balls around a sample, over as many as hold a real one; the interval holds the reference
    fixed."""
    values = pair.exclusive.density
    return Measured(float(values.double().mean()), mean_interval(values, group=pair.group, low=0.0))


def coverage(pair: Pair) -> Measured:
    """Share of real records with a sample nearby; the interval holds the samples fixed."""
    hits = pair.exclusive.coverage.double()
    influence = coverage_influence(pair.exclusive, pair.reference, k=DENSITY_NEIGHBOUR, group=pair.group)
    # Each draw moves the sum of all hits by its influence.
    variance = len(influence) * float(influence.var()) / len(hits) ** 2
    return Measured(float(hits.mean()), share_interval(hits, group=pair.group, variance=variance))


def inception_score(pair: Pair) -> Measured:
    """Mean score of ten splits; the interval is of the expected score of a split of that size."""
    scores = inception_scores(pair.samples, splits=SCORE_SPLITS, seed=pair.seed, group=pair.group)
    return Measured(float(scores.mean()), mean_interval(scores, low=1.0))


def _share(hits: Tensor, group: int) -> Measured:
    return Measured(float(hits.double().mean()), share_interval(hits.double(), group=group))
