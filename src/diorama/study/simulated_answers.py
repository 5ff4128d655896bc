"""Whole studies answered by simulated raters, in the form of an export: to try an analysis before there are people.

Every rater's name begins with :data:`~diorama.data.answers.SIMULATED`, so that nobody takes the answers for people's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from diorama.core.seeds import fold
from diorama.data.answers import SIMULATED, Answer, Answers, Kind
from diorama.study.order import Trial, balanced_against, balanced_pairs, balanced_single
from diorama.study.simulate import DetectingRaters, ExposedRaters, OpinionRaters, PairRaters
from diorama.study.staircase import Staircase

_BEGUN = datetime(2026, 1, 1, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SimulatedStudy:
    """How a study is answered by a program.

    Args:
        systems: that are judged.
        items: that each has a picture of.
        raters: how many.
        judgements: of each.
        clickers: so many of the raters, the first, choose by chance.
        seed: of orders and answers.
        study: its name.
        truth: the true source, of forced choices and verdicts.
    """

    systems: tuple[str, ...]
    items: tuple[str, ...]
    raters: int = 20
    judgements: int = 40
    clickers: int = 0
    seed: int = 0
    study: str = "simulated"
    truth: str = "real"


Reply = Callable[[np.random.Generator, Trial], str]
"""What a rater answers to a trial."""


def pair_answers(study: SimulatedStudy, people: PairRaters) -> Answers:
    """Preferences; ``people`` has a strength for each system."""

    def rater(rng: np.random.Generator) -> Reply:
        tastes = people.tastes(rng, (1,))

        def reply(draw: np.random.Generator, trial: Trial) -> str:
            sides = [np.array([study.systems.index(name)]) for name in (trial.left, trial.right)]
            return ("left", "right")[int(people.choose(draw, tastes, sides[0], sides[1])[0])]

        return reply

    return _answered(study, "pairwise", rater, ("left", "right"))


def choice_answers(study: SimulatedStudy, people: DetectingRaters) -> Answers:
    """Forced choices beside the true source; ``people`` has a probit for each system."""

    def rater(rng: np.random.Generator) -> Reply:
        manner = people.manners(rng, (1,))

        def reply(draw: np.random.Generator, trial: Trial) -> str:
            system = trial.right if trial.left == study.truth else trial.left
            right = people.answer(draw, manner, np.array([study.systems.index(system)]))[0] == 1
            return "left" if right == (trial.left == study.truth) else "right"

        return reply

    return _answered(study, "2afc", rater, ("left", "right"))


def verdict_answers(study: SimulatedStudy, people: DetectingRaters) -> Answers:
    """Verdicts on single pictures; ``people`` has a probit for the true source first, then for each system."""
    sources = (study.truth, *study.systems)

    def rater(rng: np.random.Generator) -> Reply:
        manner = people.manners(rng, (1,))
        return lambda draw, trial: ("fake", "real")[
            int(people.answer(draw, manner, np.array([sources.index(trial.left)]))[0])
        ]

    return _answered(study, "real_or_fake", rater, ("real", "fake"))


def staircase_answers(study: SimulatedStudy, people: ExposedRaters, staircase: Staircase) -> Answers:
    """Verdicts on pictures of one system and real ones, whose exposures follow each rater's answers."""
    rows = []
    for number in range(study.raters):
        rng = np.random.default_rng(fold(study.seed, number, 20))
        threshold = people.thresholds(rng, ())
        blocks: list[list[bool]] = [[] for _ in range(staircase.blocks)]
        for place, trial in enumerate(_trials(study, "real_or_fake", number)):
            block = staircase.block_of(place, study.judgements)
            ms = staircase.exposure(blocks[block])
            clicked = number < study.clickers
            right = bool(rng.integers(2)) if clicked else bool(people.right(rng, threshold, np.array(ms)))
            blocks[block].append(right)
            choice = "real" if right == (trial.left == study.truth) else "fake"
            row = _answer(study, "real_or_fake", number, place, trial, choice, rng)
            rows.append(replace(row, exposure_ms=ms, block=block))
    return Answers(rows=tuple(rows), truth=study.truth, simulated=True)


def opinion_answers(study: SimulatedStudy, people: OpinionRaters) -> Answers:
    """Scores; ``people`` has a quality for each system."""

    def rater(rng: np.random.Generator) -> Reply:
        bias = people.biases(rng, (1,))
        return lambda draw, trial: str(int(people.score(draw, bias, np.array([study.systems.index(trial.left)]))[0]))

    return _answered(study, "opinion", rater, ("1", "2", "3", "4", "5"))


def _answered(
    study: SimulatedStudy, kind: Kind, rater: Callable[[np.random.Generator], Reply], choices: Sequence[str]
) -> Answers:
    rows = []
    for number in range(study.raters):
        rng = np.random.default_rng(fold(study.seed, number, 20))
        reply = rater(rng)
        for place, trial in enumerate(_trials(study, kind, number)):
            chance = choices[int(rng.integers(len(choices)))]
            choice = chance if number < study.clickers else reply(rng, trial)
            rows.append(_answer(study, kind, number, place, trial, choice, rng))
    return Answers(rows=tuple(rows), truth=study.truth, simulated=True)


def _answer(
    study: SimulatedStudy, kind: Kind, number: int, place: int, trial: Trial, choice: str, rng: np.random.Generator
) -> Answer:
    return Answer(
        study=study.study,
        item=trial.item,
        rater=f"{SIMULATED}{number:04d}",
        kind=kind,
        left=trial.left,
        right=trial.right,
        choice=choice,
        ms=int(400 + 1600 * rng.gamma(2.0)),
        shown_at=(_BEGUN + timedelta(minutes=number, seconds=4 * place)).isoformat(),
    )


def _trials(study: SimulatedStudy, kind: Kind, rater: int) -> tuple[Trial, ...]:
    items, count, seed = study.items, study.judgements, study.seed
    if kind == "pairwise":
        return balanced_pairs(study.systems, items, count, rater=rater, seed=seed)
    if kind == "2afc":
        return balanced_against(study.truth, study.systems, items, count, rater=rater, seed=seed)
    sources = (study.truth, *study.systems) if kind == "real_or_fake" else study.systems
    return balanced_single(sources, items, count, rater=rater, seed=seed)
