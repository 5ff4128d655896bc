"""What judgements of pairs say: strengths, tests of every pair, ties, sides, scenes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.evaluation.people.parts import PairPart
from diorama.metrics.judgement.hypotheses import binomial_p, student_p
from diorama.metrics.judgement.means import holm
from diorama.metrics.judgement.paired import LEFT, RIGHT, TIE, PairedJudgements, unbeaten_sets
from diorama.metrics.judgement.responses import BradleyTerry, Davidson, Response, Thurstone
from diorama.metrics.judgement.strengths import ELO_BASE, ELO_SCALE, Strengths, in_parts, response_for, strengths
from diorama.study.analysis.findings import Estimate, Estimates, Grid, Section, Shown
from diorama.study.analysis.rates import few_raters

MOST_SYSTEMS = 200
_MOST_SCENES = 12
_MOST_PAIRS_UNFOLDED = 15


def pair_sections(part: PairPart, level: float) -> list[Section]:
    """One section for each connected part of the systems, the largest first.

    Raises:
        BadInput: there are more systems than can be compared.
    """
    judged = part.judgements
    if len(judged.names) > MOST_SYSTEMS:
        raise BadInput(f"{len(judged.names):,} systems are compared in pairs, and at most {MOST_SYSTEMS} can be")
    parts = judged.components()
    if len(parts) == 1:
        return [_section(part, judged, level, "pairs", "Preferences")]
    apart = (
        f"Comparisons leave the systems in {len(parts)} parts, each of which stands alone, since nothing connects "
        f"them: {in_parts(judged.names, parts)}."
    )
    return [
        _section(
            part,
            judged.only(inside),
            level,
            f"pairs_{i}",
            f"Preferences, part {i} of {len(parts)}",
            apart if i == 1 else "",
        )
        for i, inside in enumerate(parts, 1)
    ]


def _section(part: PairPart, judged: PairedJudgements, level: float, name: str, title: str, apart: str = "") -> Section:
    main = response_for(judged)
    try:
        found = strengths(judged, main)
    except ValueError as problem:
        raise BadInput(f"{title}: {problem}") from problem
    shown: list[Shown] = [
        strength_table("strengths", f"Strength ({found.response.title})", found, level),
        _elo_table(found, level),
    ]
    if isinstance(main, Davidson):
        half = strengths(judged, BradleyTerry())
        shown.append(strength_table("half_ties", "Strength, ties as half a win each (Bradley–Terry)", half, level))
    probit = strengths(judged, Thurstone())
    shown.append(strength_table("thurstone", "Strength in probits (Thurstone, case V)", probit, level))
    shown.append(_further(judged, found, main, level))
    shown.append(_tests(judged, found, level))
    if name == "pairs":
        shown += _scenes(part, judged, level)
    notes = [apart] if apart else []
    notes += _cautions(judged, found)
    return Section(name=name, title=title, lead=_lead(found, level), shown=tuple(shown), notes=tuple(notes))


def strength_table(name: str, title: str, found: Strengths, level: float) -> Estimates:
    """Strengths, best first, with their intervals."""
    rows = [
        Estimate(
            name=system,
            value=float(found.values[i]),
            low=(ends := found.interval(found.one(i), level))[0],
            high=ends[1],
            error=float(found.standard_errors[i]),
        )
        for i, system in enumerate(found.names)
    ]
    rows.sort(key=lambda row: -row.value)
    unit = "probits" if isinstance(found.response, Thurstone) else "log odds"
    note = f"In {unit}, mean zero; higher is preferred. {over_what(found)}"
    return Estimates(name=name, title=title, rows=tuple(rows), note=note, chart=name == "strengths", folded=True)


def over_what(found: Strengths) -> str:
    """What the intervals of strengths are over."""
    if found.over_raters is not None:
        return f"Intervals are over {counted(found.raters, 'rater')}."
    return "Intervals take judgements as independent and say nothing of other raters."


def _elo_table(found: Strengths, level: float) -> Estimates:
    rows = []
    for i, system in enumerate(found.names):
        low, high = found.interval(found.one(i), level)
        rows.append(
            Estimate(
                name=system,
                value=float(found.elo[i]),
                low=ELO_BASE + ELO_SCALE * low,
                high=ELO_BASE + ELO_SCALE * high,
                error=ELO_SCALE * float(found.standard_errors[i]),
            )
        )
    rows.sort(key=lambda row: -row.value)
    note = "Maximum likelihood, which does not depend on the order of the games; mean 1000, 400 points for odds of 10."
    return Estimates(name="elo", title="Elo", rows=tuple(rows), note=note, chart=False, folded=True)


def _further(judged: PairedJudgements, found: Strengths, main: Response, level: float) -> Estimates:
    rows = []
    if found.log_tie is not None:
        contrast = np.eye(len(found.parameters))[-1]
        low, high = found.interval(contrast, level)
        error = float(np.sqrt(found.covariance[-1, -1]))
        rows.append(Estimate(name="log tie parameter", value=found.log_tie, low=low, high=high, error=error))
    sided = _sided(judged, main)
    if sided is not None and sided.advantage is not None:
        place = len(sided.names)
        contrast = np.eye(len(sided.parameters))[place]
        low, high = sided.interval(contrast, level)
        error = float(np.sqrt(sided.covariance[place, place]))
        rows.append(Estimate(name="advantage of the left", value=sided.advantage, low=low, high=high, error=error))
    rows.append(Estimate(name="log likelihood", value=found.log_likelihood))
    rows.append(Estimate(name="deviance", value=found.deviance))
    chosen = judged.weight[judged.choice == LEFT].sum() + judged.weight[judged.choice == RIGHT].sum()
    if chosen:
        rows.append(Estimate(name="share of left", value=float(judged.weight[judged.choice == LEFT].sum() / chosen)))
    note = "The advantage of the left is in log odds; the deviance is against a parameter for each pair and side."
    return Estimates(name="further", title="Ties, sides and fit", rows=tuple(rows), note=note, chart=False)


def _sided(judged: PairedJudgements, main: Response) -> Strengths | None:
    """Strengths with an advantage of the left; nothing where no pair was shown both ways round, or where the judgements
    are too few to tell sides and systems apart."""
    shown = {tuple(pair) for pair in judged.pairs.tolist()}
    if not any((right, left) in shown for left, right in shown):
        return None
    try:
        found = strengths(judged, main, order_effect=True)
    except ValueError:
        return None
    return None if found.penalised else found


def _tests(judged: PairedJudgements, found: Strengths, level: float) -> Grid:
    wins, ties = judged.wins(), judged.ties()
    order = np.argsort(-found.values)
    pairs = [(int(i), int(j)) for i, j in combinations(order, 2)]
    gaps = [float(found.values[i] - found.values[j]) for i, j in pairs]
    errors = [found.error_of(found.between(i, j)) for i, j in pairs]
    modelled = [student_p(gap, *error) for gap, error in zip(gaps, errors, strict=True)]
    counted_p = [binomial_p(wins[i, j], wins[i, j] + wins[j, i]) for i, j in pairs]
    rows = []
    for (i, j), gap, by_model, raised, by_count, raised_count in zip(
        pairs, gaps, modelled, holm(modelled), counted_p, holm(counted_p), strict=True
    ):
        low, high = found.interval(found.between(i, j), level)
        names = (found.names[i], found.names[j])
        numbers = (int(wins[i, j]), int(wins[j, i]), int(ties[i, j]))
        rows.append((*names, *numbers, gap, low, high, by_model, raised, by_count, raised_count))
    columns = ("first", "second", "preferred", "lost", "tied", "difference", "low", "high")
    return Grid(
        name="tests",
        title="Every two systems",
        columns=(*columns, "p", "p (Holm)", "binomial p", "binomial p (Holm)"),
        rows=tuple(rows),
        note=(
            "p tests the difference of strengths, over raters where they are known. The binomial p is of these two "
            "alone, without ties, and takes judgements as independent. Holm's values hold for all rows together."
        ),
        folded=len(rows) > _MOST_PAIRS_UNFOLDED,
    )


def _scenes(part: PairPart, judged: PairedJudgements, level: float) -> list[Shown]:
    """Strengths in each scene, where there are few and all systems are connected in each."""
    if part.items is None or not 1 < len(part.items.names) <= _MOST_SCENES:
        return []
    tables: list[Shown] = []
    for scene, name in enumerate(part.items.names):
        inside = judged.where(part.items.index == scene)
        if len(inside.components()) > 1:
            continue
        found = strengths(inside)
        table = strength_table(f"strengths: {name}", f"Strength in {name}", found, level)
        tie = () if found.log_tie is None else (Estimate(name="log tie parameter", value=found.log_tie),)
        tables.append(replace(table, rows=(*table.rows, *tie)))
    return tables


def _cautions(judged: PairedJudgements, found: Strengths) -> list[str]:
    notes = []
    if (judged.choice == TIE).all():
        notes.append("All judgements are ties, so that all strengths are equal.")
    if found.penalised:
        notes.append(_penalised(judged))
    if found.raters == 1:
        notes.append("There is one rater: intervals are over the judgements of one person, and say nothing of others.")
    elif any(found.is_without_spread(found.between(i, j)) for i, j in combinations(range(len(found.names)), 2)):
        notes.append(
            f"Some differences do not vary at all over the {found.raters} raters: their intervals take judgements as "
            "independent, and say nothing of other people."
        )
    else:
        notes += few_raters(found.raters)
    return notes


def _penalised(judged: PairedJudgements) -> str:
    never = unbeaten_sets(judged.wins() > 0)
    done = "so that the most likely strengths are infinite. A penalty (Firth 1993) keeps them finite"
    if not never:
        return f"Judgements are few, {done}."
    above, below = (in_a_line([judged.names[i] for i in part], 6) for part in never[0])
    return f"Nobody preferred any of {below} to any of {above}, {done}; the gap between the two is a guess from below."


def _lead(found: Strengths, level: float) -> str:
    order = np.argsort(-found.values)
    if len(order) < 2:
        return ""
    first, second = int(order[0]), int(order[1])
    low, _ = found.interval(found.between(first, second), level)
    share = 100 * found.preferred(first, second)
    choices = "choices" if found.log_tie is None else "choices that are no ties"
    words = f"{found.names[first]} is preferred most; to {found.names[second]}, the next, in {share:.0f} % of {choices}"
    return f"{words}." if low > 0 else f"{words}, a difference that these judgements do not settle."
