"""Whether intervals of human studies hold the truth: simulated raters, thousands of studies, balanced and adaptive.

python benchmarks/study_coverage.py --studies 2000 --seeds 0 1 2 > benchmarks/results/study_coverage.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from diorama.core.seeds import fold
from diorama.metrics.judgement.clusters import clustered, quantile
from diorama.metrics.judgement.detection import forced_choice, real_or_fake
from diorama.metrics.judgement.exposures import bootstrapped, modal_exposure
from diorama.metrics.judgement.likelihood import design, information, maximise, scores
from diorama.metrics.judgement.means import Means, means
from diorama.metrics.judgement.paired import Floats
from diorama.metrics.judgement.responses import BradleyTerry
from diorama.study.order import draw_pairs, draw_sources, opinion_variances, share_variances
from diorama.study.simulate import DetectingRaters, ExposedRaters, OpinionRaters, PairRaters, climbed
from diorama.study.staircase import Staircase

PAIRS = PairRaters(strengths=(-1.0, -0.4, 0.1, 0.4, 0.9))
WIDE = PairRaters(strengths=(-2.5, -1.9, -1.4, -0.8, -0.3, 0.3, 0.8, 1.4, 1.9, 2.5))
CHOICES = DetectingRaters(probits=(0.1, 0.5, 0.9, 1.3))
VERDICTS = DetectingRaters(probits=(0.9, 0.6, 0.0, -0.7))
EXPOSED = ExposedRaters(threshold_ms=300.0)
OPINIONS = OpinionRaters(qualities=(-1.2, -0.3, 0.2, 0.9))


@dataclass(frozen=True)
class Size:
    """Of a study."""

    raters: int
    answers: int


@dataclass(frozen=True)
class Outcome:
    """Of many studies: whether each interval held the truth, its width, and the squared error of the estimate."""

    held: Floats
    width: Floats
    squared_error: Floats

    @classmethod
    def of(cls, values: Floats, low: Floats, high: Floats, truth: Floats) -> Outcome:
        """From estimates and ends (s, k)."""
        return cls(
            held=((low <= truth) & (truth <= high)).astype(float), width=high - low, squared_error=(values - truth) ** 2
        )


def pairwise(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """Strengths of five systems that are close to one another."""
    return strengths(PAIRS, rng, studies, size, adaptive=adaptive)


def pairwise_wide(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """Strengths of ten systems, of which the best is nearly always preferred to the worst."""
    return strengths(WIDE, rng, studies, size, adaptive=adaptive)


def strengths(raters: PairRaters, rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """Strengths by Bradley–Terry."""
    n = len(raters.strengths)
    tastes = raters.tastes(rng, (studies, size.raters))
    rows, columns = np.triu_indices(n, 1)
    pairs = np.stack([rows, columns], 1)
    counts = np.zeros((studies, size.raters, len(pairs), 3))
    number = np.zeros((n, n), int)
    number[rows, columns] = np.arange(len(pairs))
    every, total = np.arange(studies), size.raters * size.answers
    wins, shown = np.zeros((studies, n, n)), np.zeros((studies, n, n))
    orders = rng.permuted(np.tile(np.arange(total) % len(pairs), (studies, 1)), axis=1)
    for t in range(total):
        rater = t % size.raters
        if adaptive:
            first, second = draw_pairs(wins, np.zeros_like(wins), shown, rng.random(studies))
        else:
            first, second = rows[orders[:, t]], columns[orders[:, t]]
        choice = raters.choose(rng, tastes[:, rater], first, second)
        counts[every, rater, number[first, second], choice] += 1
        winner, loser = np.where(choice == 0, first, second), np.where(choice == 0, second, first)
        wins[every, winner, loser] += 1
        shown[every, first, second] += 1
        shown[every, second, first] += 1
    plan, response = design(pairs, n), BradleyTerry()
    fit = maximise(plan, counts.sum(1), response)
    here = fit.parameters[:, None]
    found = clustered(information(plan, counts, response, here), scores(plan, counts, response, here))
    error, freedom = found.spread(plan.basis)
    values = fit.parameters @ plan.basis.T
    reach = quantile(freedom) * error
    truth = np.array(raters.strengths) - np.mean(raters.strengths)
    return Outcome.of(values, values - reach, values + reach, truth)


def answered(
    rng: np.random.Generator,
    studies: int,
    size: Size,
    sources: int,
    answer: Callable[[int, np.ndarray], np.ndarray],
    variances: Callable[[Floats, Floats, Floats], Floats] | None,
) -> tuple[Floats, Floats, Floats]:
    """Sums, counts and squares (s, g, k) of what raters gave to sources in turn, or to the one known worst."""
    tables = np.zeros((3, studies, size.raters, sources))
    every, total = np.arange(studies), size.raters * size.answers
    orders = rng.permuted(np.tile(np.arange(total) % sources, (studies, 1)), axis=1)
    for t in range(total):
        rater = t % size.raters
        if variances is None:
            source = orders[:, t]
        else:
            sums, counts, squares = tables.sum(2)
            source = draw_sources(variances(sums, squares, counts), counts, rng.random(studies))
        value = answer(rater, source).astype(float)
        for table, each in zip(tables, (value, np.ones(studies), value**2), strict=True):
            table[every, rater, source] += each
    return tables[0], tables[1], tables[2]


def detected(raters: DetectingRaters, rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Means:
    """Shares that are found or called real, of every source."""
    manners = raters.manners(rng, (studies, size.raters))
    tables = answered(
        rng,
        studies,
        size,
        len(raters.probits),
        lambda rater, source: raters.answer(rng, manners[:, rater], source),
        (lambda sums, squares, counts: share_variances(sums, counts)) if adaptive else None,
    )
    return means(*tables)


def choices(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """d' of forced choices."""
    found = forced_choice(detected(CHOICES, rng, studies, size, adaptive=adaptive))
    return Outcome.of(found.values, found.low, found.high, CHOICES.forced_choice)


def verdicts(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """d' of real or fake; the true source's own is left out."""
    found = real_or_fake(detected(VERDICTS, rng, studies, size, adaptive=adaptive), truth=0)
    return Outcome.of(found.values[:, 1:], found.low[:, 1:], found.high[:, 1:], VERDICTS.real_or_fake(0)[1:])


def opinions(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """Mean opinion."""
    biases = OPINIONS.biases(rng, (studies, size.raters))
    tables = answered(
        rng,
        studies,
        size,
        len(OPINIONS.qualities),
        lambda rater, source: OPINIONS.score(rng, biases[:, rater], source),
        opinion_variances if adaptive else None,
    )
    found = means(*tables)
    low, high = found.intervals()
    return Outcome.of(found.values, low, high, OPINIONS.opinions)


def hype_time(rng: np.random.Generator, studies: int, size: Size, *, adaptive: bool) -> Outcome:
    """Mean modal exposure of adaptive staircases; the order is balanced always."""
    modes = _modes(rng, studies * size.raters, size.answers).reshape(studies, size.raters)
    found = [bootstrapped(own, seed=i, draws=1_000) for i, own in enumerate(modes)]
    values, low, high = (np.array([[getattr(one, name)] for one in found]) for name in ("value", "low", "high"))
    return Outcome.of(values, low, high, np.array([mean_modal_exposure(size.answers)]))


@cache
def mean_modal_exposure(answers: int) -> float:
    """The truth that intervals of HYPE_time are held against: the mean over very many raters."""
    return float(_modes(np.random.default_rng(answers), 200_000, answers).mean())


def _modes(rng: np.random.Generator, raters: int, answers: int) -> Floats:
    return np.array([modal_exposure(one) for one in climbed(Staircase(), EXPOSED, rng, (raters, answers))])


QUESTIONS = (pairwise, pairwise_wide, choices, verdicts, opinions, hype_time)
SIZES = (Size(20, 30), Size(20, 200), Size(100, 10), Size(20, 26), Size(20, 150), Size(30, 150))


def sizes_of(question: Callable[..., Outcome]) -> tuple[Size, ...]:
    """At which sizes a question is tried.

    Ten systems are judged at one more, where an adaptive order errs as a balanced one does with 30 answers; staircases
    need many answers of each rater.
    """
    if question is hype_time:
        return SIZES[4:]
    return (SIZES[0], SIZES[3]) if question is pairwise_wide else SIZES[:3]


def rows(studies: int, seeds: list[int], sizes: tuple[Size, ...]) -> Iterator[dict[str, object]]:
    """One row for each question, size, order and seed."""
    for size, (place, question) in product(sizes, enumerate(QUESTIONS)):
        if size not in sizes_of(question):
            continue
        for adaptive in (False,) if question is hype_time else (False, True):
            for seed in seeds:
                rng = np.random.default_rng(fold(seed, place, adaptive, size.raters, size.answers))
                found = question(rng, studies, size, adaptive=adaptive)
                yield {
                    "question": question.__name__,
                    "raters": size.raters,
                    "answers": size.answers,
                    "order": "adaptive" if adaptive else "balanced",
                    "seed": seed,
                    "studies": studies,
                    "coverage": f"{found.held.mean():.4f}",
                    "least": f"{found.held.mean(0).min():.4f}",
                    "most": f"{found.held.mean(0).max():.4f}",
                    "width": f"{found.width.mean():.4f}",
                    "mean_squared_error": f"{found.squared_error.mean():.6f}",
                }


def table(path: Path) -> Iterator[str]:
    """The rows of a CSV as a table of Markdown: a line for each question, size and order, with its seeds."""
    found: dict[tuple[str, ...], list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(tuple(row[name] for name in ("question", "raters", "answers", "order")), []).append(row)
    yield "| question | raters | answers each | order | coverage by seed, % | width | mean squared error |"
    yield "|---|---|---|---|---|---|---|"
    for key, seeds in found.items():
        held = ", ".join(f"{100 * float(row['coverage']):.1f}" for row in seeds)
        width, error = (float(np.mean([float(row[n]) for row in seeds])) for n in ("width", "mean_squared_error"))
        yield f"| {' | '.join(key)} | {held} | {width:.3f} | {error:.4f} |"


def main() -> None:
    """Write the rows as CSV, or those of a CSV as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(range(len(SIZES))), help="places among those of the source"
    )
    parser.add_argument("--table", type=Path, help="a CSV that was written before, to be shown as Markdown")
    arguments = parser.parse_args()
    if arguments.table is not None:
        print("\n".join(table(arguments.table)))
        return
    writer = None
    for row in rows(arguments.studies, arguments.seeds, tuple(SIZES[i] for i in arguments.sizes)):
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
