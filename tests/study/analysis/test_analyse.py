"""Simulated studies of known preferences are analysed: truths are held, clickers named, edges said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.data.answers import CHOICES, Answer, Answers
from diorama.study.analysis.analyse import AnalyseOptions, analyse
from diorama.study.analysis.findings import Analysis, Estimates, Grid
from diorama.study.analysis.page import write_analysis
from diorama.study.analysis.text import analysis_lines
from diorama.study.answers import write_answers
from diorama.study.simulate import DetectingRaters, OpinionRaters, PairRaters
from diorama.study.simulated_answers import (
    SimulatedStudy,
    choice_answers,
    opinion_answers,
    pair_answers,
    verdict_answers,
)

SYSTEMS = ("first", "second", "third")
STUDY = SimulatedStudy(systems=SYSTEMS, items=tuple("abcdefgh"), raters=40, judgements=60, clickers=2, seed=1)


FEW = replace(STUDY, raters=12, judgements=20, clickers=0)
"""Enough for the order of systems that differ as much as these."""


def analysed(folder: Path, answers: Answers, options: AnalyseOptions | None = None) -> Analysis:
    path = folder / "answers.csv"
    write_answers(path, answers)
    return analyse(path, options)


def table(analysis: Analysis, section: str, name: str) -> Estimates:
    found = next(each for each in analysis.section(section).shown if each.name == name)
    assert isinstance(found, Estimates)
    return found


def grid(analysis: Analysis, section: str, name: str) -> Grid:
    found = next(each for each in analysis.section(section).shown if each.name == name)
    assert isinstance(found, Grid)
    return found


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    people = PairRaters(strengths=(1.0, 0.0, -1.0))
    return analysed(tmp_path_factory.mktemp("pairs"), pair_answers(STUDY, people))


def test_strengths_are_near_the_truth_and_best_stands_first(pairs: Analysis) -> None:
    rows = table(pairs, "pairs", "strengths").rows
    assert [row.name for row in rows] == list(SYSTEMS)
    assert all(row.low < row.value < row.high for row in rows)
    assert rows[0].value == pytest.approx(1.0, abs=0.35)
    assert pairs.section("pairs").lead.startswith("first is preferred most")


def test_random_clickers_are_named_and_kept(pairs: Analysis) -> None:
    raters = grid(pairs, "raters", "raters")
    flagged = {row[0] for row in raters.rows if row[-1]}
    assert {"simulated-0000", "simulated-0001"} <= flagged
    assert len(flagged) <= 4
    assert len(raters.rows) == STUDY.raters
    assert sum(int(row[1]) for row in raters.rows) == STUDY.raters * STUDY.judgements
    assert any("simulated-0000" in note and "kept" in note for note in pairs.section("raters").notes)


def test_holms_values_are_no_smaller_and_differences_have_intervals(pairs: Analysis) -> None:
    tests = grid(pairs, "pairs", "tests")
    at = {name: i for i, name in enumerate(tests.columns)}
    assert len(tests.rows) == 3
    for row in tests.rows:
        low, gap, high = (float(row[at[name]]) for name in ("low", "difference", "high"))
        assert low < gap < high
        assert float(row[at["p (Holm)"]]) >= float(row[at["p"]])
        assert int(row[at["preferred"]]) + int(row[at["lost"]]) == STUDY.raters * STUDY.judgements // 3


@pytest.mark.parametrize("kind", ["2afc", "real_or_fake", "opinion"])
def test_other_questions_are_near_their_truths_and_name_clickers(tmp_path: Path, kind: str) -> None:
    if kind == "2afc":
        people = DetectingRaters(probits=(0.2, 0.9, 1.6))
        found, section, name = analysed(tmp_path, choice_answers(STUDY, people)), "choices", "dprime"
        truth = dict(zip(SYSTEMS, people.forced_choice, strict=True))
    elif kind == "real_or_fake":
        people = DetectingRaters(probits=(1.2, 0.8, 0.0, -0.9))
        found, section, name = analysed(tmp_path, verdict_answers(STUDY, people)), "verdicts", "dprime"
        truth = dict(zip(SYSTEMS, people.real_or_fake(0)[1:], strict=True))
    else:
        scored = OpinionRaters(qualities=(1.2, 0.0, -1.2))
        found, section, name = analysed(tmp_path, opinion_answers(STUDY, scored)), "opinions", "systems"
        truth = dict(zip(SYSTEMS, scored.opinions, strict=True))
    for row in table(found, section, name).rows:
        assert row.value == pytest.approx(float(truth[row.name]), abs=0.5)
        assert row.low < row.value < row.high
    flagged = {row[0] for row in grid(found, section, "raters").rows if row[-1]}
    assert flagged & {"simulated-0000", "simulated-0001"}


def test_simulated_raters_are_said_everywhere(pairs: Analysis, tmp_path: Path) -> None:
    page = write_analysis(pairs, tmp_path)
    assert "The raters are simulated" in page.read_text()
    assert json.loads((tmp_path / "study.json").read_text())["simulated"] is True
    assert "The raters are simulated: no person judged anything here." in list(analysis_lines(pairs))


def test_names_are_no_html_and_the_page_fetches_nothing(tmp_path: Path) -> None:
    rows = tuple(
        Answer(study="s", item="<i>", rater=f"<b>{i % 3}", kind="pairwise", left="<script>", right="b&c", choice=choice)
        for i, choice in enumerate(["left", "right", "tie"] * 6)
    )
    text = write_analysis(analysed(tmp_path, Answers(rows=rows)), tmp_path / "report").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "b&amp;c" in text
    assert "http" not in text.replace("http-equiv", "")


def answer(left: str, right: str, choice: str, rater: str = "r", repeat: int = 0, ms: int | None = None) -> Answer:
    return Answer(
        study="s", item="i", rater=rater, kind="pairwise", left=left, right=right, choice=choice, repeat=repeat, ms=ms
    )


def test_systems_that_nothing_connects_are_named_and_stand_apart(tmp_path: Path) -> None:
    rows = [answer(*pair, choice, str(i)) for i in range(4) for pair in ("ab", "cd") for choice in ("left", "right")]
    found = analysed(tmp_path, Answers(rows=tuple(rows)))
    assert [section.name for section in found.sections] == ["pairs_1", "pairs_2", "raters"]
    assert (
        "2 parts, each of which stands alone, since nothing connects them: a, b | c, d." in found.sections[0].notes[0]
    )


def test_a_system_that_never_lost_is_said_with_what_was_done(tmp_path: Path) -> None:
    rows = [answer("a", "b", "left", str(i)) for i in range(5)] + [answer("b", "c", c) for c in ("left", "right")]
    notes = analysed(tmp_path, Answers(rows=tuple(rows))).section("pairs").notes
    assert any(note.startswith("Nobody preferred any of b, c to any of a") and "Firth" in note for note in notes)


def test_one_rater_alone_is_said(tmp_path: Path) -> None:
    rows = [answer("a", "b", choice) for choice in ("left", "right", "left")]
    found = analysed(tmp_path, Answers(rows=tuple(rows)))
    assert any(note.startswith("There is one rater") for note in found.section("pairs").notes)


def test_empty_answers_are_no_ties_and_doubled_ones_are_counted(tmp_path: Path) -> None:
    rows = [answer("a", "b", choice) for choice in ("left", "right", "", "left")]
    found = analysed(tmp_path, Answers(rows=tuple(rows)))
    assert "Empty answers: 1 of 4; they count as not given." in found.notes
    assert any("sides, repeat and time as another: 3;" in note for note in found.notes)
    # A study of few items shows them again, at another time: that is no copy.
    again = [replace(row, shown_at=f"2026-01-02T03:04:0{i}Z") for i, row in enumerate(rows)]
    assert not any("as another" in note for note in analysed(tmp_path, Answers(rows=tuple(again))).notes)
    assert table(found, "pairs", "strengths").title == "Strength (Bradley–Terry)"


def test_repeats_are_held_against_the_first_answer_whatever_the_side(tmp_path: Path) -> None:
    rows = []
    for i in range(6):
        rows.append(answer("a", "b", "left", str(i)))
        rows.append(answer("b", "a", "right" if i < 3 else "left", str(i), repeat=1))
    found = analysed(tmp_path, Answers(rows=tuple(rows)))
    alike = {row.name: row.value for row in table(found, "raters", "agreement").rows}
    assert alike["repeats answered alike"] == pytest.approx(0.5)


def test_items_that_divide_raters_stand_first(tmp_path: Path) -> None:
    rows = []
    for rater in "qrst":
        for item in ("plain", "odd"):
            choice = "right" if item == "odd" and rater in "qr" else "left"
            rows.append(replace(answer("a", "b", choice, rater), item=item))
    items = grid(analysed(tmp_path, Answers(rows=tuple(rows))), "raters", "items")
    assert [row[:3] for row in items.rows] == [("odd", 4, 0.5), ("plain", 4, 1.0)]


def test_answers_faster_than_eyes_are_flagged(tmp_path: Path) -> None:
    rows = [answer("a", "b", c, r, ms=90 if r == "q" else 2000) for r in "qrst" for c in ("left", "right", "left")]
    raters = grid(analysed(tmp_path, Answers(rows=tuple(rows))), "raters", "raters")
    assert [row[0] for row in raters.rows if row[-1]] == ["q"]


def test_attention_items_are_told_by_rater(tmp_path: Path) -> None:
    rows = [answer("a", "b", c, r) for r in "qr" for c in ("left", "right")]
    for rater, choice in (("q", "left"), ("q", "right"), ("r", "left"), ("r", "left"), ("q", "right")):
        rows.append(Answer(study="s", item="n", rater=rater, kind="attention", left="", right="left", choice=choice))
    section = analysed(tmp_path, Answers(rows=tuple(rows))).section("attention")
    assert any("passed by q" in note for note in section.notes)


def test_an_attention_item_that_was_not_answered_was_not_failed(tmp_path: Path) -> None:
    one = Answer(study="s", item="n", rater="q", kind="attention", left="", right="left", choice="left")
    asked = [one, replace(one, choice="")]
    pairs = tuple(answer("a", "b", choice) for choice in ("left", "right"))
    section = analysed(tmp_path, Answers(rows=(*pairs, *asked))).section("attention")
    assert section.notes == ()
    table = section.shown[0]
    assert isinstance(table, Estimates)
    assert table.rows[0].value == 1
    alone = analysed(tmp_path, Answers(rows=(*pairs, asked[1])))
    assert "attention" not in {each.name for each in alone.sections}


def test_a_metric_that_orders_systems_as_people_do_correlates(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("system,fd,noise\nfirst,1.0,3\nsecond,2.0,\nthird,3.0,1\n")
    answers = pair_answers(FEW, PairRaters(strengths=(1.0, 0.0, -1.0)))
    found = analysed(tmp_path, answers, AnalyseOptions(scores=scores))
    rows = grid(found, "metrics_strengths", "correlations").rows
    assert [row[0] for row in rows] == ["fd"]
    assert rows[0][4] == pytest.approx(-1)
    assert any("noise" in note for note in found.section("metrics_strengths").notes)
    scores.write_text("system,fd\nx,1\ny,2\n")
    with pytest.raises(BadInput, match="fewer than 3 systems have both"):
        analysed(tmp_path, answers, AnalyseOptions(scores=scores))


def test_scores_of_a_comparison_are_read_from_its_report(tmp_path: Path) -> None:
    models = [
        {"name": name, "results": [{"metric": "fd@lite", "value": value}]}
        for name, value in zip(SYSTEMS, (1.0, 2.0, 4.0), strict=True)
    ]
    scores = tmp_path / "report.json"
    scores.write_text(json.dumps({"comparisons": [{"models": models}]}))
    answers = pair_answers(FEW, PairRaters(strengths=(1.0, 0.0, -1.0)))
    found = analysed(tmp_path, answers, AnalyseOptions(scores=scores))
    assert grid(found, "metrics_strengths", "correlations").rows[0][0] == "fd@lite"
    scores.write_text("{}")
    with pytest.raises(BadInput, match="is no report"):
        analysed(tmp_path, answers, AnalyseOptions(scores=scores))


def test_every_number_of_the_page_is_in_the_json_and_none_is_nan(pairs: Analysis) -> None:
    text = json.dumps(pairs.to_json(), allow_nan=False)
    assert "NaN" not in text
    document = json.loads(text)
    strengths = document["sections"][0]["estimates"]["strengths"]["rows"]
    assert np.allclose(
        [row["value"] for row in strengths], [row.value for row in table(pairs, "pairs", "strengths").rows]
    )


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must be in"):
        AnalyseOptions(level=level)


def _any_answers(seed: int) -> Answers:
    """A few answers of several kinds, some empty, some always alike."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(["pairwise", "2afc", "real_or_fake", "opinion", "attention"])[: rng.integers(1, 4)]
    systems, raters, alike, rows = [f"s{i}" for i in range(rng.integers(2, 5))], rng.integers(1, 8), rng.random(), []
    for _ in range(int(rng.integers(1, 60))):
        kind = str(rng.choice(kinds))
        left, right = (str(name) for name in rng.permutation(systems)[:2])
        if kind == "2afc":
            left, right = ("real", left) if rng.random() < 0.5 else (left, "real")
        elif kind == "real_or_fake":
            left, right = ("real" if rng.random() < 0.5 else left), ""
        elif kind != "pairwise":
            right = "" if kind == "opinion" else "left"
        choices = CHOICES.get(kind, ("left", "right"))  # type: ignore[call-overload]
        choice = "" if rng.random() < 0.1 else choices[0] if rng.random() < alike else str(rng.choice(choices))
        row = answer(left, right, choice, f"r{rng.integers(raters)}", repeat=int(rng.random() < 0.1))
        rows.append(replace(row, kind=kind, item=f"i{rng.integers(3)}"))
    return Answers(rows=tuple(rows))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_few_answers_say_is_numbers_or_one_line(tmp_path: Path, seed: int) -> None:
    said = _said(tmp_path, _any_answers(seed))
    assert said.startswith(("{", str(tmp_path)))
    assert "\n" not in said


def _said(folder: Path, answers: Answers) -> str:
    """The JSON of an analysis, or why there is none."""
    try:
        found = analysed(folder, answers)
    except BadInput as problem:
        return str(problem)
    assert list(analysis_lines(found))
    return json.dumps(found.to_json(), allow_nan=False)


def test_a_truth_that_nothing_reads_is_said(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("rater,item,score\nr,i,1\ns,i,2\nr,j,4\ns,j,5\n")
    assert not any("true source" in note for note in analyse(path).notes)
    assert any("it is not read" in note for note in analyse(path, AnalyseOptions(truth="real")).notes)
