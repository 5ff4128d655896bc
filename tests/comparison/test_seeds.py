"""Recipes that are trained from several seeds stand in a comparison as one column each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.options import CompareOptions
from diorama.comparison.procedure import train_and_measure
from diorama.comparison.ranking import ranking_lines
from diorama.comparison.record import read_report
from diorama.comparison.report import write_report
from diorama.comparison.run import compare
from diorama.comparison.seeds import together
from diorama.comparison.verdict import starred, verdict
from diorama.comparison.words import title
from diorama.core.contracts import DataInfo
from diorama.core.durations import Budget
from diorama.core.errors import TrainingFailed
from tests.comparison.examples import IMAGES, history, result
from tests.comparison.test_procedure import black


def column(name: str, values: tuple[float, ...]) -> Column:
    scored = [(result("fd@lite", value, 0.1),) for value in values]
    singles = [Column(name=name, kind="trained", history=history(), results=results) for results in scored]
    return together(singles)


def comparison(*columns: Column) -> Comparison:
    return Comparison(data=DataInfo(name="x", media=IMAGES), budget="60 s", device="cpu", columns=columns)


def test_scores_are_means_with_intervals_over_trainings() -> None:
    found = column("a", (10.0, 11.0, 13.5)).result("fd@lite")
    assert found is not None
    low, high = stats.t.interval(0.95, 2, loc=11.5, scale=stats.sem([10.0, 11.0, 13.5]))
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx((11.5, low, high))
    assert found.interval.method == "t interval over 3 trainings"


def test_a_distance_cannot_be_negative_over_seeds_either() -> None:
    found = column("a", (1.0, 9.0)).result("fd@lite")
    assert found is not None
    assert found.interval.low == 0


def test_a_single_training_stays_as_it_is() -> None:
    single = Column(name="a", kind="trained", results=(result("fd@lite", 3.0, 0.1),))
    assert together([single]) is single


def test_a_winner_is_named_only_where_intervals_over_seeds_lie_apart() -> None:
    near = comparison(column("a", (10.0, 11.0, 12.0)), column("b", (11.0, 12.0, 13.0)))
    assert verdict(near)[0] == "No winner by fd@lite: a (3 seeds) is not clearly ahead of b (3 seeds)."
    assert starred(near, "fd@lite") is None
    far = comparison(column("a", (10.0, 10.1, 10.2)), column("b", (21.0, 21.1, 21.2)))
    assert "clearly ahead" in verdict(far)[0]
    winner = starred(far, "fd@lite")
    assert winner is not None
    assert winner.name == "a"


def test_the_report_shows_and_keeps_every_training(tmp_path: Path) -> None:
    made = comparison(column("a", (10.0, 10.1, 10.25)), column("b", (21.0, 21.1, 21.2)))
    write_report([made], tmp_path)
    assert "10.0, 10.1, 10.2" in (tmp_path / "report.html").read_text()
    again = read_report(tmp_path).comparisons[0]
    assert [single.results[0].value for single in again.columns[0].seeds] == [10.0, 10.1, 10.25]
    assert title(again.columns[0]) == "a (3 seeds)"


def test_the_terminal_says_what_its_intervals_are() -> None:
    lines = ranking_lines(comparison(column("a", (10.0, 10.1)), column("b", (21.0, 21.1))))
    assert "Of recipes trained from several seeds: means, with intervals over the trainings." in lines


def test_each_seed_is_a_run_of_its_own(tmp_path: Path) -> None:
    data, out = black(tmp_path / "data").path, tmp_path / "out"
    options = CompareOptions(budget=Budget(images=16), seeds=2, count=20, untrained=False, device="cpu")
    *_, last = compare(["vae_toy"], data, out, options)
    documents = [(out / "runs" / name / "recipe.json").read_text() for name in ("vae_toy", "vae_toy-seed1")]
    assert [json.loads(document)["recipe"]["seed"] for document in documents] == [0, 1]
    trained = last.comparisons[0].columns[0]
    assert len(trained.seeds) == 2
    assert trained.seeds[0].model != trained.seeds[1].model


def test_a_training_that_fails_leaves_the_others_and_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from diorama.comparison import procedure

    def training(recipe, data, run, options):  # type: ignore[no-untyped-def]
        if recipe.seed == 0:
            raise TrainingFailed("the loss is not finite")
        return (yield from within_budget(recipe, data, run, options))

    within_budget = procedure.train_within_budget
    monkeypatch.setattr(procedure, "train_within_budget", training)
    options = CompareOptions(budget=Budget(images=16), seeds=2, count=20, untrained=False, device="cpu")
    steps = train_and_measure(["vae_toy"], black(tmp_path / "data").path, tmp_path / "out", options)
    made = None
    while made is None:
        try:
            next(steps)
        except StopIteration as end:
            made = end.value
    assert "vae_toy is missing: the loss is not finite" in made.notes
    assert made.columns[0].seeds == ()
    assert made.columns[0].model


def test_no_seed_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        replace(CompareOptions(), seeds=0)
