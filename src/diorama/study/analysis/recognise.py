"""Which layout a file of judgements has: Diorama's export, or one of those that others publish."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.data.answers import has_answer_columns, is_json, read_answers, read_text
from diorama.evaluation.people.from_answers import CHOICES, from_answers
from diorama.evaluation.people.parts import (
    AttentionPart,
    ChoicePart,
    CountPart,
    Labels,
    OpinionPart,
    PairPart,
    RatingPart,
    Recognised,
    TripletPart,
    VerdictPart,
    VotePart,
    first_values,
)
from diorama.metrics.judgement.agreement import unit_counts
from diorama.metrics.judgement.paired import Floats, PairedJudgements
from diorama.study.analysis.frame import Frame, companion, read_frame

LAYOUTS = """\
answers of a Diorama study: study,item,rater,kind,left,right,choice,ms,shown_at,repeat
judgements of pairs: rater,left,right,choice (and group), choice one of left, right, tie or empty
forced choices with the truth: rater,left,right,choice,fake_side
counts of pairs: left,right,n_left,n_right,n_tie (and group)
triplets: rater,kind,reference,left,right,choice
real or fake: rater,item,answer, with item,truth in NAME_items.csv beside it
opinions: rater,item and columns of scores (and valid), with NAME_items.csv beside it where there are systems
ratings: unit,rater,value
counts of values: unit and a column of counts for each value
two raters: rater1,rater2,count
votes: item,n_A,n_B and metrics METRIC_A,METRIC_B
forced choices with ties: example,n_left,n_tie,n_right"""
"""Every layout in a line."""
_MOST_UNITS = 1 << 17


def recognise(path: Path, truth: str = "") -> Recognised:
    """Read a file of judgements as it is.

    Args:
        path: CSV, or an export in JSON.
        truth: the source whose pictures are true; empty for what the export says, which is ``real`` by default.

    Raises:
        BadInput: it cannot be read, or has no layout that is known.
    """
    text = read_text(path)
    if is_json(text) or has_answer_columns(_header(text)):
        answers = read_answers(path)
        found = from_answers(path, answers, truth or answers.truth)
        # CSV has no place for the truth, so that only JSON can be contradicted.
        other = is_json(text) and truth not in ("", answers.truth)
        note = f"The file names {answers.truth} as the true source; --truth says {truth}, which counts."
        return replace(found, notes=(*found.notes, note)) if other else found
    frame = read_frame(path)
    for fits, read in _READERS:
        if fits(frame):
            return read(frame)
    raise BadInput(
        f"{path}: has the columns {in_a_line(list(frame.columns), 8)}, which no layout has; {_closest(frame)}"
    )


def _closest(frame: Frame) -> str:
    """The layout that shares the most of its columns, and what it has besides."""
    rows = [line.partition(": ") for line in LAYOUTS.splitlines()]
    layouts = [(name, re.findall(r"[a-z_0-9]+", columns.partition(" ")[0])) for name, _, columns in rows]
    name, columns = max(layouts, key=lambda row: 2 * len(set(row[1]) & set(frame.columns)) - len(row[1]))
    if not set(columns) & set(frame.columns):
        return "docs/study-analyse.md lists those that are read"
    lacking = [column for column in columns if column not in frame.columns]
    return f"the closest is {name}, which also has {', '.join(lacking)}; docs/study-analyse.md lists all"


def _header(text: str) -> list[str]:
    return next(csv.reader(StringIO(text.partition("\n")[0])), [])


def _pair_counts(frame: Frame) -> Recognised:
    numbers = [frame.counts(name) for name in ("n_left", "n_right", "n_tie")]
    rows, weights, groups = [], [], []
    for i in range(len(frame)):
        for choice, number in enumerate(numbers):
            if number[i]:
                rows.append((frame["left"][i], frame["right"][i], choice))
                weights.append(number[i])
                groups.append(frame["group"][i] if frame.has("group") else "")
    if not rows:
        raise BadInput(f"{frame.path}: all counts are 0")
    part = PairPart(
        judgements=PairedJudgements.of(rows, weights=np.array(weights)),
        items=Labels.of(groups) if frame.has("group") else None,
    )
    note = "Raters are not known, so that intervals take all judgements as independent."
    return Recognised(layout="counts of pairs", parts=(part,), notes=(note,))


def _pair_rows(frame: Frame) -> Recognised:
    choices = frame.among("choice", ("left", "right", "tie", ""))
    given = [i for i, choice in enumerate(choices) if choice]
    if not given:
        raise BadInput(f"{frame.path}: no judgement is answered")
    raters = [frame["rater"][i] for i in given]
    part = PairPart(
        judgements=PairedJudgements.of(
            [(frame["left"][i], frame["right"][i], CHOICES[choices[i]]) for i in given], raters
        ),
        raters=tuple(dict.fromkeys(raters)),
        items=Labels.of([frame["group"][i] for i in given]) if frame.has("group") else None,
        empty=len(frame) - len(given),
    )
    notes = _empty_note(part.empty, len(frame))
    return Recognised(layout="judgements of pairs, one a row", parts=(part,), notes=tuple(notes))


def _empty_note(empty: int, total: int) -> list[str]:
    return [f"Empty judgements: {empty:,} of {total:,}; they count as not given."] if empty else []


def _choice_rows(frame: Frame) -> Recognised:
    choices = frame.among("choice", ("left", "right", ""))
    truths = frame.among("fake_side", ("left", "right"))
    given = [i for i, choice in enumerate(choices) if choice]
    fakes = [frame[truths[i]][i] for i in given]
    unnamed = sum(not frame["rater"][i] for i in given)
    part = ChoicePart(
        # Rows without a rater are no rater's cluster: each stands alone.
        raters=Labels.of([frame["rater"][i] or f"(row {frame.lines[i]})" for i in given]),
        systems=Labels.of(["all"] * len(given)),
        items=Labels.of(fakes),
        right=np.array([choices[i] == truths[i] for i in given]),
        left=np.array([choices[i] == "left" for i in given]),
        empty=len(frame) - len(given),
    )
    notes = _empty_note(part.empty, len(frame))
    if unnamed:
        notes.append(f"Judgements without a rater: {unnamed:,}; each counts as a rater of its own.")
    return Recognised(
        layout="forced choices, choice is the side called fake",
        parts=(part,),
        notes=tuple(notes),
        truth_from="The column fake_side",
    )


def _triplets(frame: Frame) -> Recognised:
    choices = frame.among("choice", ("left", "right"))
    kinds = frame["kind"]
    checks = [i for i, kind in enumerate(kinds) if kind == "check"]
    asked = [i for i, kind in enumerate(kinds) if kind != "check"]
    times = frame.numbers("rt_ms", empty=math.nan) if frame.has("rt_ms") else np.full(len(frame), math.nan)
    parts = (
        TripletPart(
            raters=Labels.of([frame["rater"][i] for i in asked]),
            triplets=Labels.of(
                ["_".join([frame["reference"][i], *sorted((frame["left"][i], frame["right"][i]))]) for i in asked]
            ),
            first=np.array([frame[choices[i]][i] == min(frame["left"][i], frame["right"][i]) for i in asked]),
            left=np.array([choices[i] == "left" for i in asked]),
            ms=times[asked],
        ),
        AttentionPart(
            raters=Labels.of([frame["rater"][i] for i in checks]),
            passed=np.array([frame[choices[i]][i] == frame["reference"][i] for i in checks]),
        ),
    )
    return Recognised(
        layout="triplets: which of two is more like a third; checks, where one equals it, are attention items",
        parts=parts,
    )


def _verdict_rows(frame: Frame) -> Recognised:
    beside = companion(frame.path, "items")
    if beside is None or not beside.has("item", "truth"):
        raise BadInput(
            f"{frame.path}: real or fake needs the truth of each item, in item,truth of NAME_items.csv beside"
        )
    truth = dict(zip(beside["item"], beside["truth"], strict=True))
    unknown = sorted(set(frame["item"]) - set(truth))
    if unknown:
        raise BadInput(f"{beside.path}: says nothing of {counted(len(unknown), 'item')}: {', '.join(unknown[:8])}")
    fakes = sorted(set(truth.values()) - {"real"})
    answers = frame.among("answer", ("real", *fakes, "fake", "unsure", ""))
    given = [i for i, answer in enumerate(answers) if answer]
    sources = [truth[frame["item"][i]] for i in given]
    if "real" not in sources:
        raise BadInput(f"{frame.path}: has no answer to an item whose truth is real, against which d' is told")
    raters = Labels.of([frame["rater"][i] for i in given])
    called = [math.nan if answers[i] == "unsure" else float(answers[i] == "real") for i in given]
    about = companion(frame.path, "raters")
    part = VerdictPart(
        raters=raters,
        systems=Labels.of(sources),
        items=Labels.of([frame["item"][i] for i in given]),
        real=np.array([source == "real" for source in sources]),
        called_real=np.array(called),
        empty=len(frame) - len(given),
        about_raters={} if about is None else _about(about, raters),
    )
    notes = [f"The truth of the items is read from {beside.path.name}.", *_empty_note(part.empty, len(frame))]
    if about is not None:
        notes.append(f"What the raters said of themselves is read from {about.path.name}.")
    return Recognised(
        layout="real or fake, one answer a row", parts=(part,), notes=tuple(notes), truth_from=beside.path.name
    )


def _about(about: Frame, raters: Labels) -> dict[str, tuple[str, ...]]:
    place = {name: i for i, name in enumerate(about["rater"])} if about.has("rater") else {}
    return {
        name: tuple(values[place[rater]] if rater in place else "" for rater in raters.names)
        for name, values in about.columns.items()
        if name != "rater" and place
    }


_ABOUT_OPINIONS = {"rater", "item", "valid", "session", "order"}


def _opinion_rows(frame: Frame) -> Recognised:
    valid = np.array(frame.among("valid", ("0", "1"))) == "1" if frame.has("valid") else np.ones(len(frame), bool)
    beside = companion(frame.path, "items")
    notes, systems, references = [], {}, {}
    if not valid.all():
        out = len({rater for rater, kept in zip(frame["rater"], valid, strict=True) if not kept})
        notes.append(
            f"Marked as not valid, and left out: {counted(int((~valid).sum()), 'row')} of {counted(out, 'rater')}."
        )
    if beside is not None and beside.has("item"):
        if beside.has("generator"):
            systems = dict(zip(beside["item"], beside["generator"], strict=True))
            notes.append(f"Systems are the column generator of {beside.path.name}.")
        if beside.has("content", "is_reference"):
            references = _references(beside)
            notes.append(f"References are read from {beside.path.name}.")
    parts = []
    for scale in (name for name in frame.columns if name not in _ABOUT_OPINIONS):
        scores = frame.numbers(scale, empty=math.nan)
        keep = valid & np.isfinite(scores)
        if not keep.any():
            continue
        rows = np.flatnonzero(keep)
        items = [frame["item"][i] for i in rows]
        parts.append(
            OpinionPart(
                scale=scale,
                raters=Labels.of([frame["rater"][i] for i in rows]),
                items=Labels.of(items),
                systems=Labels.of([systems.get(item, "unknown") for item in items]) if systems else None,
                scores=scores[keep],
                reference_of=references,
                empty=int((valid & ~np.isfinite(scores)).sum()),
            )
        )
    if not parts:
        raise BadInput(f"{frame.path}: no row with a score is valid")
    return Recognised(layout="opinions, a column for each scale", parts=tuple(parts), notes=tuple(notes))


def _references(beside: Frame) -> dict[str, str]:
    """By item, the reference of the same content."""
    best = {
        content: item
        for item, content, is_one in zip(beside["item"], beside["content"], beside["is_reference"], strict=True)
        if is_one == "1"
    }
    return {
        item: best[content] for item, content in zip(beside["item"], beside["content"], strict=True) if content in best
    }


def _ratings(frame: Frame) -> Recognised:
    kept = [i for i, value in enumerate(frame["value"]) if value]
    values, numeric = _values([frame["value"][i] for i in kept])
    raters, units = (Labels.of([frame[name][i] for i in kept]) for name in ("rater", "unit"))
    ratings = first_values(values, raters, units)
    distinct, counts = unit_counts(ratings)
    twice = len(kept) - int(np.isfinite(ratings).sum())
    notes = [f"Further values of the same rater and unit, which are left out: {twice:,}."] if twice else []
    part = RatingPart(values=distinct, numeric=numeric, counts=counts, ratings=ratings)
    return Recognised(layout="ratings, one value a row", parts=(part,), notes=tuple(notes))


def _values(texts: list[str]) -> tuple[Floats, bool]:
    """Values, and whether they are numbers; words are numbered in the order of their letters."""
    try:
        numbers = np.array([float(text) for text in texts])
        if np.isfinite(numbers).all():
            return numbers, True
    except ValueError:
        pass
    order = {text: float(i) for i, text in enumerate(sorted(set(texts)))}
    return np.array([order[text] for text in texts]), False


def _unit_counts(frame: Frame) -> Recognised:
    names = [name for name in frame.columns if name != "unit"]
    counts = np.stack([frame.counts(name) for name in names], 1)
    if not counts.any():
        raise BadInput(f"{frame.path}: all counts are 0")
    part = RatingPart(values=np.arange(len(names), dtype=float), numeric=False, counts=counts)
    return Recognised(layout="counts of values in each unit", parts=(part,))


def _two_raters(frame: Frame) -> Recognised:
    names = sorted(set(frame["rater1"]) | set(frame["rater2"]))
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for first, second, count in zip(frame["rater1"], frame["rater2"], frame.counts("count"), strict=True):
        table[place[first], place[second]] += count
    if not table.sum():
        raise BadInput(f"{frame.path}: all counts are 0")
    if table.sum() > _MOST_UNITS:
        raise BadInput(f"{frame.path}: counts {table.sum():,.0f} units, and at most {_MOST_UNITS:,} are read")
    rows = [(i, j) for i, j in np.ndindex(*table.shape) for _ in range(int(table[i, j]))]
    counts = np.zeros((len(rows), len(names)))
    for unit, (i, j) in enumerate(rows):
        counts[unit, i] += 1
        counts[unit, j] += 1
    part = RatingPart(values=np.arange(len(names), dtype=float), numeric=False, counts=counts, table=table)
    return Recognised(layout="a table of two raters", parts=(part,))


def _vote_sides(frame: Frame) -> tuple[str, str] | None:
    sides = [name.removeprefix("n_") for name in frame.columns if name.startswith("n_")]
    return (sides[0], sides[1]) if len(sides) == 2 else None


def _votes(frame: Frame) -> Recognised:
    sides = _vote_sides(frame)
    assert sides is not None
    first, second = sides
    stems = [
        name.removesuffix(f"_{first}")
        for name in frame.columns
        if name.endswith(f"_{first}") and not name.startswith("n_")
    ]
    metrics = {
        stem: np.stack([frame.numbers(f"{stem}_{side}") for side in sides], 1)
        for stem in stems
        if frame.has(f"{stem}_{second}")
    }
    votes = np.stack([frame.counts(f"n_{side}") for side in sides], 1)
    if not votes.any():
        raise BadInput(f"{frame.path}: all counts are 0")
    part = VotePart(items=tuple(frame["item"]), sides=sides, votes=votes, metrics=metrics)
    return Recognised(layout=f"votes for {first} and {second} of each item", parts=(part,))


def _examples(frame: Frame) -> Recognised:
    counts = np.stack([frame.counts(name) for name in ("n_left", "n_tie", "n_right")], 1)
    names = tuple(frame["example"]) if frame.has("example") else tuple(map(str, range(1, len(frame) + 1)))
    return Recognised(layout="forced choices with ties, counts", parts=(CountPart(names=names, counts=counts),))


def _has(*names: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.has(*names)


_READERS: tuple[tuple[Callable[[Frame], bool], Callable[[Frame], Recognised]], ...] = (
    (_has("left", "right", "n_left", "n_right", "n_tie"), _pair_counts),
    (_has("rater", "left", "right", "choice", "fake_side"), _choice_rows),
    (_has("rater", "kind", "reference", "left", "right", "choice"), _triplets),
    (_has("rater", "left", "right", "choice"), _pair_rows),
    (_has("rater", "item", "answer"), _verdict_rows),
    (_has("unit", "rater", "value"), _ratings),
    (_has("rater1", "rater2", "count"), _two_raters),
    (_has("rater", "item"), _opinion_rows),
    (_has("n_left", "n_tie", "n_right"), _examples),
    (lambda frame: frame.has("item") and _vote_sides(frame) is not None, _votes),
    (_has("unit"), _unit_counts),
)
"""The first that fits is taken; those that ask for more columns stand before those that ask for fewer."""
