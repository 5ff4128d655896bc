"""People's judgement stands beside the metrics of the generators that a study names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.comparison.people import require_any, with_people
from diorama.comparison.record import read_report
from diorama.comparison.report import write_report
from diorama.comparison.verdict import starred
from diorama.core.errors import BadInput
from diorama.data.answers import Answer, Answers
from diorama.evaluation.people.scores import judged
from diorama.study.answers import write_answers
from diorama.study.simulate import DetectingRaters, OpinionRaters, PairRaters
from diorama.study.simulated_answers import (
    SimulatedStudy,
    choice_answers,
    opinion_answers,
    pair_answers,
    verdict_answers,
)
from tests.comparison.examples import comparison

STUDY = SimulatedStudy(systems=("dcgan_toy", "my <own> model", "absent"), items=("a", "b"), raters=12, judgements=30)


def _file(tmp_path: Path, answers: Answers) -> Path:
    path = tmp_path / "answers.csv"
    write_answers(path, answers)
    return path


def test_a_study_is_one_more_metric_of_the_generators_it_names(tmp_path: Path) -> None:
    path = _file(tmp_path, pair_answers(STUDY, PairRaters(strengths=(-1.0, 1.5, 0.0))))
    shown = with_people(comparison(), judged(path))
    assert shown.metrics[0] == "fd@lite"
    assert shown.metrics[-1] == "people@pairwise"
    winner = starred(shown, "people@pairwise")
    assert winner is not None
    assert winner.name == "my <own> model"
    assert any("simulated" in note for note in shown.notes)
    assert "The study also judges absent, which no column shows." in shown.notes
    page = write_report([shown], tmp_path / "report").read_text()
    assert "people@pairwise" in page
    assert "360 answers; interval: over 12 raters" in page
    document = json.loads((tmp_path / "report" / "report.json").read_text())
    assert document["comparisons"][0]["metrics"]["people@pairwise"] == {"title": "Preference", "better": "higher"}
    assert read_report(tmp_path / "report").comparisons[0].metrics == shown.metrics


@pytest.mark.parametrize("kind", ["2afc", "real_or_fake", "opinion"])
def test_every_kind_of_question_judges_systems(tmp_path: Path, kind: str) -> None:
    made = {
        "2afc": lambda: choice_answers(STUDY, DetectingRaters(probits=(0.0, 0.8, 1.5))),
        "real_or_fake": lambda: verdict_answers(STUDY, DetectingRaters(probits=(0.8, 0.5, 0.0, -0.6))),
        "opinion": lambda: opinion_answers(STUDY, OpinionRaters(qualities=(1.0, 0.0, -1.0))),
    }
    people = judged(_file(tmp_path, made[kind]()))
    values = [people.results[name][0].value for name in STUDY.systems]
    assert values == sorted(values, reverse=kind == "opinion")
    assert set(people.results) == set(STUDY.systems)


def test_a_study_of_other_systems_is_refused(tmp_path: Path) -> None:
    people = judged(_file(tmp_path, pair_answers(STUDY, PairRaters(strengths=(0.0, 0.0, 0.0)))))
    with pytest.raises(BadInput, match=r"judges absent, dcgan_toy and my <own> model, and the comparison has x and y"):
        require_any(people, tmp_path / "answers.csv", ["x", "y"])


def test_systems_that_nothing_connects_are_refused(tmp_path: Path) -> None:
    rows = tuple(
        Answer(study="s", item="i", rater="r", kind="pairwise", left=left, right=right, choice="left")
        for left, right in (("a", "b"), ("c", "d"))
    )
    with pytest.raises(BadInput, match=r"in 2 parts that nothing connects \(a, b \| c, d\)"):
        judged(_file(tmp_path, Answers(rows=rows)))
