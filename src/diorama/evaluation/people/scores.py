"""People's judgement of systems as results like those of any metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.data.answers import read_answers
from diorama.evaluation.people.exposures import hype_time, rater_exposures
from diorama.evaluation.people.from_answers import from_answers
from diorama.evaluation.people.means import means_by
from diorama.evaluation.people.parts import ChoicePart, ExposurePart, OpinionPart, PairPart, Part, VerdictPart
from diorama.evaluation.protocol import Interval, ReferenceStamp, Result
from diorama.metrics.judgement.detection import Sensitivity, forced_choice, real_or_fake
from diorama.metrics.judgement.paired import Floats
from diorama.metrics.judgement.strengths import in_parts, strengths

LEVEL = 0.95
_FARTHEST = 6.0
"""Where all answers are right an end of the interval of d' is open: JSON has no infinity, and nobody tells farther."""


@dataclass(frozen=True, kw_only=True)
class PeopleMetric:
    """What people were asked.

    Args:
        name: of the metric, as results carry it.
        title: as a table's head.
        better: which way is better.
        meaning: one sentence for those who have not met it.
    """

    name: str
    title: str
    better: Literal["lower", "higher"]
    meaning: str


PREFERENCE = PeopleMetric(
    name="people@pairwise",
    title="Preference",
    better="higher",
    meaning="How far people prefer it to the mean of all systems, in log odds.",
)
CHOICE = PeopleMetric(
    name="people@2afc",
    title="d′ beside real",
    better="lower",
    meaning="How well people tell it from real pictures beside it: 0 for not at all.",
)
VERDICT = PeopleMetric(
    name="people@real-or-fake",
    title="d′ alone",
    better="lower",
    meaning="How well people tell it from real pictures, each seen alone: 0 for not at all.",
)
EXPOSURE = PeopleMetric(
    name="people@hype-time",
    title="HYPE_time, ms",
    better="higher",
    meaning="For how many milliseconds people must look at it to tell it from real pictures.",
)
OPINION = PeopleMetric(
    name="people@opinion",
    title="Mean opinion",
    better="higher",
    meaning="People's mean score from 1, bad, to 5, excellent.",
)
PEOPLE: Mapping[str, PeopleMetric] = {each.name: each for each in (PREFERENCE, CHOICE, VERDICT, EXPOSURE, OPINION)}
"""By the name that results carry."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What people said of every system.

    Args:
        results: by system.
        simulated: the raters are a program.
        notes: of reading the file.
    """

    results: Mapping[str, tuple[Result, ...]]
    simulated: bool
    notes: tuple[str, ...]


def judged(path: Path) -> Judged:
    """People's judgement of systems from a study's export.

    Args:
        path: CSV or JSON, as ``diorama study export`` writes it.

    Raises:
        BadInput: it cannot be read, or leaves systems unconnected.
    """
    answers = read_answers(path)
    found = from_answers(path, answers, answers.truth)
    stamp = ReferenceStamp(sha256=sha256_of(path))
    results: dict[str, tuple[Result, ...]] = {}
    for part in found.parts:
        for system, result in _results(part, path, stamp):
            results[system] = (*results.get(system, ()), result)
    return Judged(results=results, simulated=found.simulated, notes=found.notes)


def _results(part: Part, path: Path, stamp: ReferenceStamp) -> Iterator[tuple[str, Result]]:
    match part:
        case PairPart():
            yield from _preferences(part, path, stamp)
        case ChoicePart():
            found = forced_choice(means_by(part.right.astype(float), part.raters, part.systems), LEVEL)
            yield from _sensitivities(CHOICE, part, found, stamp)
        case ExposurePart():
            for system, own in hype_time(rater_exposures(part), LEVEL).items():
                held = (own.value, own.low, own.high)
                over = f"over {own.raters:,} raters, bootstrap" if own.raters > 1 else "one rater, no interval"
                yield system, _result(EXPOSURE, held, len(part.right), own.raters, stamp, over)
        case VerdictPart(staircase=True):
            # d' of exposures that follow the answers is that of the staircase, and not of the system.
            return
        case VerdictPart():
            truth = int(part.systems.index[np.flatnonzero(part.real)[0]])
            found = real_or_fake(means_by(part.called_real, part.raters, part.systems), truth, LEVEL)
            for system, result in _sensitivities(VERDICT, part, found, stamp):
                if system != part.systems.names[truth]:
                    yield system, result
        case OpinionPart(systems=systems) if systems is not None:
            means = means_by(part.scores, part.raters, systems)
            low, high = means.intervals(LEVEL)
            rows = zip(means.values, low, high, strict=True)
            for system, ends in zip(systems.names, rows, strict=True):
                yield system, _result(OPINION, ends, len(part.scores), len(part.raters.names), stamp)
        case _:
            pass


def _preferences(part: PairPart, path: Path, stamp: ReferenceStamp) -> Iterator[tuple[str, Result]]:
    judgements = part.judgements
    parts = judgements.components()
    if len(parts) > 1:
        raise BadInput(
            f"{path}: comparisons leave the systems in {len(parts)} parts that nothing connects "
            f"({in_parts(judgements.names, parts)}), so that they are not on one scale"
        )
    found = strengths(judgements)
    for i, system in enumerate(found.names):
        low, high = found.interval(found.one(i), LEVEL)
        ends = (float(found.values[i]), low, high)
        yield system, _result(PREFERENCE, ends, len(judgements.choice), found.raters, stamp)


def _sensitivities(
    metric: PeopleMetric, part: ChoicePart | VerdictPart, found: Sensitivity, stamp: ReferenceStamp
) -> Iterator[tuple[str, Result]]:
    rows = zip(found.values, found.low, found.high, strict=True)
    for system, ends in zip(part.systems.names, rows, strict=True):
        inside = [max(-_FARTHEST, min(float(end), _FARTHEST)) for end in ends]
        yield system, _result(metric, inside, len(part.raters.index), len(part.raters.names), stamp)


def _result(
    metric: PeopleMetric,
    ends: Sequence[float] | Floats,
    answers: int,
    raters: int,
    stamp: ReferenceStamp,
    over: str = "",
) -> Result:
    value, low, high = (float(end) for end in ends)
    usual = f"over {raters:,} raters, CR2 and Student's t" if raters > 1 else "over the answers of one rater"
    return Result(
        metric=metric.name,
        value=value,
        # With one answer there is no spread, and no interval.
        interval=Interval(
            low=low if math.isfinite(low) else value, high=high if math.isfinite(high) else value, method=over or usual
        ),
        resize="as shown",
        dtype="answers",
        samples=answers,
        reference=stamp,
    )
