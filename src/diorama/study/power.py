"""How likely a study is to find what it looks for, said before it begins.

The test is the one of the analysis: two-sided, over raters, corrected for as many comparisons as the study makes. A
rater's answers to one question resemble one another, so that they are worth fewer than there are.

Reference: L. Kish 1965, "Survey Sampling", section 5.4 (design effect); J. Cohen 1988, "Statistical Power Analysis for
the Behavioral Sciences", chapter 2 (power of t tests).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.stats import nct, t

from diorama.data.answers import Kind
from diorama.study.design import StudyDesign

LIKENESS = 0.1
"""Correlation of one rater's answers to the same question that is assumed; studies of pictures have 0.05 to 0.2."""
OPINION_DEVIATION = 1.0
"""SD of the scores that one rater gives to pictures of one system."""
STAIRCASE_DEVIATION_MS = 180.0
"""SD of the raters' modal exposures that is assumed: a fifth of the range from 100 to 1,000 ms."""
ENOUGH = 0.8
"""The power that is asked for."""
_MOST_RATERS = 100_000


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """What a study asks, of how many.

    Args:
        kind: of the question.
        systems: that are judged; a true source that they are held against is not counted.
        raters: that finish.
        judgements: of each.
        level: of the two-sided test of all comparisons together.
        likeness: correlation of one rater's answers to the same question.
    """

    kind: Kind
    systems: int
    raters: int
    judgements: int
    level: float = 0.05
    likeness: float = LIKENESS

    def __post_init__(self) -> None:
        if self.kind == "attention":
            raise ValueError("attention items test nothing")
        least = 2 if self.kind == "pairwise" else 1
        if self.systems < least:
            raise ValueError(f"{self.kind} needs at least {least} systems, got {self.systems}")
        if not (0 < self.level < 1 and 0 <= self.likeness <= 1 and self.judgements >= 1):
            raise ValueError("level must be in (0, 1), likeness in [0, 1], judgements at least 1")

    @property
    def comparisons(self) -> int:
        """How many tests are made together: every two systems, or every system against chance."""
        if self.kind in ("pairwise", "opinion"):
            return max(1, self.systems * (self.systems - 1) // 2)
        return self.systems

    @property
    def error(self) -> float:
        """Standard error of what is tested: of log odds, of a share, or of the difference of two mean scores."""
        total = self.raters * self.judgements
        n = self.systems
        if self.kind == "pairwise":
            # The difference of two strengths among n alike: pairs with others tell of it too, so that it is worth
            # total / (n - 1) answers about these two alone.
            variance, bearing = 4 * (n - 1) / total, self.judgements / (n - 1)
        elif self.kind == "opinion":
            variance, bearing = 2 * OPINION_DEVIATION**2 / (total / n), self.judgements / n
        else:
            sources = n + (self.kind == "real_or_fake")
            variance, bearing = 0.25 / (total / sources), self.judgements / sources
        return math.sqrt(variance * (1 + max(bearing - 1, 0.0) * self.likeness))


def power(study: PlannedStudy, effect: float) -> float:
    """Probability that one comparison is found, after correction for all.

    Args:
        study: what is planned; it needs two raters for any power.
        effect: for ``pairwise`` the share in which the better of two is preferred; for ``2afc`` that of right answers,
            for ``real_or_fake`` that of pictures called real, told from a half; for ``opinion`` the difference of
            two mean scores.
    """
    if study.raters < 2:
        return 0.0
    freedom = study.raters - 1
    edge = float(t.isf(study.level / study.comparisons / 2, freedom))
    away = _tested(study, effect) / study.error
    found = nct.sf(edge, freedom, away) + nct.cdf(-edge, freedom, away)
    # Far from zero the distribution's own sums fail, where the normal one is exact enough.
    return min(1.0, float(found)) if math.isfinite(found) else float(t.sf(edge - away, freedom))


def _tested(study: PlannedStudy, effect: float) -> float:
    """The effect on the scale of the test, at least 0."""
    if study.kind == "opinion":
        return abs(effect)
    if not 0 < effect < 1:
        raise ValueError(f"the effect of {study.kind} is a share in (0, 1), got {effect:g}")
    return abs(math.log(effect / (1 - effect))) if study.kind == "pairwise" else abs(effect - 0.5)


def raters_needed(study: PlannedStudy, effect: float, enough: float = ENOUGH) -> int | None:
    """The fewest raters with which the power is enough; ``None`` where not even 100,000 are.

    Args:
        study: whose own number of raters does not count.
        effect: as :func:`power` takes it.
        enough: the power that is asked for.
    """
    low, high = 1, 2
    while power(replace(study, raters=high), effect) < enough:
        low, high = high, 2 * high
        if high > _MOST_RATERS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(replace(study, raters=middle), effect) >= enough else (middle, high)
    return high


def smallest_effect(study: PlannedStudy, enough: float = ENOUGH) -> float | None:
    """The smallest effect that is found with enough power; ``None`` where there is none."""
    low, high = (0.0, 4.0) if study.kind == "opinion" else (0.5, 0.999)
    if power(study, high) < enough:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(study, middle) >= enough else (middle, high)
    return high


def power_lines(study: PlannedStudy, effect: float) -> list[str]:
    """What is said of a study before it begins, for people."""
    chance = power(study, effect)
    times = f", corrected for {study.comparisons:,} comparisons" if study.comparisons > 1 else ""
    lines = [
        f"{study.raters:,} raters with {study.judgements:,} judgements each find {_effect_words(study, effect)} with "
        f"probability {100 * chance:.0f} % (two-sided test at level {study.level:g}{times}, answers of one rater "
        f"correlated {study.likeness:g})."
    ]
    needed = raters_needed(study, effect)
    lines.append(
        f"{100 * ENOUGH:.0f} % need {needed:,} raters."
        if needed is not None
        else f"No number of raters up to {_MOST_RATERS:,} reaches {100 * ENOUGH:.0f} %."
    )
    smallest = smallest_effect(study)
    if smallest is not None:
        lines.append(f"The least that is found with {100 * ENOUGH:.0f} % is {_effect_words(study, smallest)}.")
    return lines


def staircase_lines(raters: int, level: float) -> list[str]:
    """What is said of a study of HYPE_time before it begins, for people.

    Args:
        raters: that finish.
        level: of the interval's misses, and of the two-sided test of two systems.
    """
    if raters < 2:
        return ["One rater gives no interval of HYPE_time: there must be two at least."]
    reach = float(t.isf(level / 2, raters - 1)) * STAIRCASE_DEVIATION_MS / math.sqrt(raters)
    error, freedom = STAIRCASE_DEVIATION_MS * math.sqrt(2 / raters), 2 * raters - 2
    apart = error * float(t.isf(level / 2, freedom) + t.isf(1 - ENOUGH, freedom))
    return [
        f"{raters:,} raters tell HYPE_time to within {reach:.0f} ms ({100 * (1 - level):g} % interval, where the modal "
        f"exposures of raters differ with a standard deviation of {STAIRCASE_DEVIATION_MS:.0f} ms).",
        f"Two systems, each with {raters:,} raters of its own, are told apart with {100 * ENOUGH:.0f} % where they lie "
        f"{apart:.0f} ms from one another.",
    ]


def power_of(design: StudyDesign) -> list[str]:
    """What is said of a study's power before it begins, for people."""
    if design.staircase is not None:
        return staircase_lines(design.stop.raters, design.power.level)
    return power_lines(_planned(design), design.power.effect)


def _planned(design: StudyDesign) -> PlannedStudy:
    """The study as its power is reckoned: the true source is no system that is judged."""
    judged = design.tested if design.kind in ("2afc", "real_or_fake") else design.systems
    return PlannedStudy(
        kind=design.kind,
        systems=len(judged),
        raters=design.stop.raters,
        judgements=design.session.judgements,
        level=design.power.level,
    )


def _effect_words(study: PlannedStudy, effect: float) -> str:
    if study.kind == "opinion":
        return f"a difference of {effect:.2f} between two mean scores"
    what = {
        "pairwise": "one of two systems preferred in",
        "2afc": "right answers in",
        "real_or_fake": "a system's pictures called real in",
    }[study.kind]
    return f"{what} {100 * effect:.0f} % of choices" if study.kind != "real_or_fake" else f"{what} {100 * effect:.0f} %"
