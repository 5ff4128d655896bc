"""From features of both sides to values with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.rng import fold
from diorama.evaluation.frechet_interval import GROUPS, frechet_interval
from diorama.evaluation.intervals import distance_interval, mean_interval, share_interval
from diorama.evaluation.protocol import Interval
from diorama.metrics.frechet import frechet_distance, statistics
from diorama.metrics.inception_score import inception_scores
from diorama.metrics.kernel import draw_subsets, kernel_distances, kernel_noise, mmd_terms
from diorama.metrics.manifold import Manifold, manifold

KID_SUBSETS, KID_SIZE = 100, 1_000
PRECISION_NEIGHBOUR, DENSITY_NEIGHBOUR = 3, 5
SCORE_SPLITS = 10
BALLS_MOST = 10_000
"""Records of a side whose balls are compared: the work grows with the square."""

Measured = tuple[float, Interval]


@dataclass(frozen=True)
class Pair:
    """Features of one kind of both sides.

    Args:
        samples: (n, d).
        reference: (m, d).
        seed: of every draw.
        group: rows that go together (frames of one clip) and follow one another.
    """

    samples: Float[Tensor, "n d"]
    reference: Float[Tensor, "m d"]
    seed: int = 0
    group: int = 1

    @cached_property
    def limited(self) -> Pair:
        """The same pair with at most 10,000 rows a side, drawn by the seed; groups stay whole."""
        if max(len(self.samples), len(self.reference)) <= BALLS_MOST:
            return self
        return replace(self, samples=self._some(self.samples), reference=self._some(self.reference))

    def _some(self, rows: Tensor) -> Tensor:
        groups, wanted = len(rows) // self.group, BALLS_MOST // self.group
        if groups <= wanted:
            return rows
        chosen = np.sort(np.random.default_rng(fold(self.seed, len(rows))).choice(groups, wanted, replace=False))
        return rows.unflatten(0, (groups, self.group))[torch.from_numpy(chosen)].flatten(0, 1)

    @cached_property
    def inclusive(self) -> Manifold:
        """Balls as in Kynkäänniemi et al."""
        return manifold(self.samples, self.reference, k=PRECISION_NEIGHBOUR, inclusive=True)

    @cached_property
    def exclusive(self) -> Manifold:
        """Balls as in Naeem et al."""
        return manifold(self.samples, self.reference, k=DENSITY_NEIGHBOUR)


def fd(pair: Pair) -> Measured:
    """The plug-in Fréchet distance, as the literature reports it, and an interval for the true distance."""
    value = frechet_distance(statistics(pair.samples), statistics(pair.reference))
    return value, frechet_interval(pair.samples, pair.reference, seed=pair.seed, group=pair.group)


def kid(pair: Pair) -> Measured:
    """Mean kernel distance of 100 subsets of at most 1,000, and an interval for the true one from all pairs."""
    x, y = pair.samples.double(), pair.reference.double()
    chosen = draw_subsets(len(x), len(y), subsets=KID_SUBSETS, size=KID_SIZE, seed=pair.seed)
    value = float(kernel_distances(x, y, chosen).mean())
    terms = mmd_terms(x, y)
    sides = [influence.reshape(-1, pair.group).mean(1) for influence in (terms.own, terms.other)]
    variance = sum(4 * float(side.var()) / len(side) for side in sides)
    rate = sum(1 / len(side) for side in sides)
    pairs = kernel_noise(x, y)
    noise = 2 * pairs * rate**2
    slope = 4 * pairs**0.5 * rate
    method = "of the true distance: unbiased centre, influence variance, Feldman-Cousins ends"
    first = max(variance - 2 * noise, 0.0)
    return value, distance_interval(terms.unbiased, first, noise, slope, method=method)


def precision(pair: Pair) -> Measured:
    """Share of samples among real ones; the interval holds the reference fixed."""
    return _share(pair.inclusive.precision, pair.group)


def recall(pair: Pair) -> Measured:
    """Share of real records among samples; the interval holds the samples fixed."""
    return _share(pair.inclusive.recall, pair.group)


def density(pair: Pair) -> Measured:
    """Mean number of real balls around a sample, over k; the interval holds the reference fixed."""
    values = pair.exclusive.density
    return float(values.double().mean()), mean_interval(values, group=pair.group, low=0.0)


def coverage(pair: Pair) -> Measured:
    """Share of real records with a sample nearby; the interval holds the samples fixed."""
    return _share(pair.exclusive.coverage, pair.group)


def inception_score(pair: Pair) -> Measured:
    """Mean score of ten splits; the interval is of the expected score of a split of that size."""
    scores = inception_scores(pair.samples, splits=SCORE_SPLITS, seed=pair.seed)
    return float(scores.mean()), mean_interval(scores, low=1.0)


def _share(hits: Tensor, group: int) -> Measured:
    return float(hits.double().mean()), share_interval(hits.double(), group=group)


@dataclass(frozen=True)
class Measure:
    """How a metric is taken of features.

    Args:
        take: the function.
        least: independent draws (pictures or clips) that both sides need.
        limited: compares balls, so at most 10,000 rows of each side are used.
    """

    take: Callable[[Pair], Measured]
    least: int
    limited: bool = False


MEASURES: Mapping[str, Measure] = {
    "fd": Measure(fd, 2 * GROUPS),
    "kid": Measure(kid, 2 * GROUPS),
    "is": Measure(inception_score, SCORE_SPLITS),
    "precision": Measure(precision, PRECISION_NEIGHBOUR + 1, limited=True),
    "recall": Measure(recall, PRECISION_NEIGHBOUR + 1, limited=True),
    "density": Measure(density, DENSITY_NEIGHBOUR + 1, limited=True),
    "coverage": Measure(coverage, DENSITY_NEIGHBOUR + 1, limited=True),
}


def check_enough(metric: str, measure: Measure, draws: int, side: str) -> None:
    """Refuse sets that are too small for a metric.

    Raises:
        BadInput: naming the metric, the side and what it needs.
    """
    if draws < measure.least:
        raise BadInput(f"{metric}: needs at least {measure.least} {side}, got {draws}")


def check_finite(kind: str, features: Tensor, side: str) -> None:
    """Refuse features that no number can be made of.

    Raises:
        BadInput: a sample has values that are not finite.
    """
    if not bool(torch.isfinite(features).all()):
        raise BadInput(f"{side}: some {kind} features are not finite; the pictures hold values that are not numbers")
