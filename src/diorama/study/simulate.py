"""Simulated raters whose preferences are known, many studies at once: what intervals are held against.

Raters differ, and each resembles himself. Yet what the mean rater does is known exactly: :attr:`PairRaters.strengths`
and so on are true of the whole population, so that an interval either holds them or does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from diorama.metrics.judgement.detection import ROOT_TWO
from diorama.metrics.judgement.paired import LEFT, RIGHT, Floats, Integers
from diorama.study.staircase import Staircase

_CUTS = np.array([-1.5, -0.5, 0.5, 1.5])
"""Between the five scores, on the scale of what a rater feels."""


@dataclass(frozen=True, kw_only=True)
class PairRaters:
    """Raters of pairs, who together choose as Bradley and Terry have it.

    A rater feels for each system its strength and something of his own (Gumbel, of unit scale). In a share of his
    answers the latter is the same each time, in the others it is drawn anew. Either way the difference is logistic.

    Args:
        strengths: (n,) true log odds.
        steadiness: the share of answers that follow the rater's lasting taste, in [0, 1].
    """

    strengths: tuple[float, ...]
    steadiness: float = 0.3

    def tastes(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Lasting tastes (…, n) of raters."""
        return rng.gumbel(size=(*shape, len(self.strengths)))

    def choose(self, rng: np.random.Generator, tastes: Floats, left: Integers, right: Integers) -> Integers:
        """What raters choose.

        Args:
            rng: of these answers.
            tastes: (…, n) of the rater of each.
            left: (…) the system on the left.
            right: (…) and on the right.
        """
        steady = (rng.random(left.shape) < self.steadiness)[..., None]
        felt = np.where(steady, tastes, rng.gumbel(size=tastes.shape)) + np.array(self.strengths)
        one, other = (np.take_along_axis(felt, side[..., None], -1)[..., 0] for side in (left, right))
        return np.where(one > other, LEFT, RIGHT)


@dataclass(frozen=True, kw_only=True)
class DetectingRaters:
    """Raters who tell true pictures from a system's: in forced choices, or one by one.

    Args:
        probits: (k,) for a forced choice, the mean rater's d' over root two of each system; one by one, how readily
            each source is called real.
        spread: SD of the raters about these, the same for all sources of one rater.
    """

    probits: tuple[float, ...]
    spread: float = 0.4

    @property
    def shares(self) -> Floats:
        """(k,) true shares of right answers, or of pictures called real."""
        return ndtr(np.array(self.probits) / math.sqrt(1 + self.spread**2))

    @property
    def forced_choice(self) -> Floats:
        """(k,) true d' of forced choices."""
        return ROOT_TWO * ndtri(self.shares)

    def real_or_fake(self, truth: int) -> Floats:
        """(k,) true d' of each source against the true one."""
        z = ndtri(self.shares)
        return z[truth] - z

    def manners(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """(…) how much keener, or readier to believe, raters are."""
        return self.spread * rng.standard_normal(shape)

    def answer(self, rng: np.random.Generator, manner: Floats, source: Integers) -> Integers:
        """1 for right, or for "real"; else 0."""
        return (rng.random(source.shape) < ndtr(np.array(self.probits)[source] + manner)).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class ExposedRaters:
    """Raters who tell a system's pictures from real ones the better, the longer they look.

    The share of right answers rises from a half with the logarithm of the exposure, as a normal distribution does.

    Args:
        threshold_ms: the exposure at which the middle rater is right in three of four, in milliseconds.
        spread: SD of the raters' thresholds about it, of natural logarithms.
        slope: SD of the rise of each, likewise.
    """

    threshold_ms: float
    spread: float = 0.5
    slope: float = 0.5

    def thresholds(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """(…) thresholds of raters, in milliseconds."""
        return self.threshold_ms * np.exp(self.spread * rng.standard_normal(shape))

    def right(self, rng: np.random.Generator, thresholds: Floats, exposure_ms: Integers) -> NDArray[np.bool_]:
        """Whether raters are right.

        Args:
            rng: of these answers.
            thresholds: (…) of the rater of each.
            exposure_ms: (…) how long each looked.
        """
        chance = 0.5 + 0.5 * ndtr(np.log(exposure_ms / thresholds) / self.slope)
        return rng.random(chance.shape) < chance


def climbed(staircase: Staircase, people: ExposedRaters, rng: np.random.Generator, shape: tuple[int, int]) -> Integers:
    """The exposures of one block of many raters.

    Args:
        staircase: of each.
        people: who answer.
        rng: of raters and answers.
        shape: raters, judgements of each.

    Returns:
        (raters, judgements) in milliseconds.
    """
    raters, judgements = shape
    thresholds = people.thresholds(rng, (raters,))
    shown = np.zeros(shape, np.int64)
    ms, row = np.full(raters, staircase.start_ms), np.zeros(raters, np.int64)
    for place in range(judgements):
        shown[:, place] = ms
        ms, row = staircase.step(ms, row, people.right(rng, thresholds, ms))
    return shown


@dataclass(frozen=True, kw_only=True)
class OpinionRaters:
    """Raters who score from 1 to 5.

    Args:
        qualities: (k,) what the mean rater feels of each system; 0 is a 3.
        spread: SD of the raters' biases.
    """

    qualities: tuple[float, ...]
    spread: float = 0.5

    @property
    def opinions(self) -> Floats:
        """(k,) true mean opinions."""
        apart = np.array(self.qualities)[:, None] - _CUTS
        return 1 + ndtr(apart / math.sqrt(1 + self.spread**2)).sum(1)

    def biases(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """(…) how much better raters feel."""
        return self.spread * rng.standard_normal(shape)

    def score(self, rng: np.random.Generator, bias: Floats, system: Integers) -> Integers:
        """Scores from 1 to 5."""
        felt = np.array(self.qualities)[system] + bias + rng.standard_normal(system.shape)
        return 1 + (felt[..., None] > _CUTS).sum(-1)
