"""Staircases of exposures are analysed: HYPE_time near its truth, blocks, several studies, what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.answers import Answers
from diorama.evaluation.people.scores import judged
from diorama.metrics.judgement.exposures import modal_exposure
from diorama.study.analysis.analyse import AnalyseOptions, analyse
from diorama.study.analysis.findings import Analysis, Estimates, Grid
from diorama.study.answers import write_answers
from diorama.study.simulate import DetectingRaters, ExposedRaters, climbed
from diorama.study.simulated_answers import SimulatedStudy, staircase_answers, verdict_answers
from diorama.study.staircase import Staircase

STUDY = SimulatedStudy(systems=("one",), items=tuple("abcdefgh"), raters=24, judgements=120, seed=3)
PEOPLE = ExposedRaters(threshold_ms=300.0)


def written(folder: Path, answers: Answers, name: str = "answers.json") -> Path:
    write_answers(folder / name, answers)
    return folder / name


def times(found: Analysis) -> Estimates:
    table = found.section("exposures").shown[0]
    assert isinstance(table, Estimates)
    return table


def test_hype_time_is_near_the_truth_and_says_how_it_was_found(tmp_path: Path) -> None:
    steps = Staircase()
    found = analyse(written(tmp_path, staircase_answers(STUDY, PEOPLE, steps)))
    (row,) = times(found).rows
    many = climbed(steps, PEOPLE, np.random.default_rng(0), (4_000, STUDY.judgements))
    truth = np.mean([modal_exposure(one) for one in many])
    assert row.name == "one"
    assert row.low < truth < row.high
    assert row.low < row.value < row.high
    assert "HYPE_time (Zhou et al. 2019)" in " ".join(found.methods)
    assert any("Exposures followed the answers" in note for note in found.section("verdicts_of_staircase").notes)
    assert found.section("exposures").notes == ()
    assert json.dumps(found.to_json(), allow_nan=False)


def test_a_raters_value_is_the_mean_of_the_blocks_modal_exposures(tmp_path: Path) -> None:
    answers = staircase_answers(replace(STUDY, raters=2, judgements=60), PEOPLE, Staircase(blocks=2))
    found = analyse(written(tmp_path, answers))
    values = []
    for rater in ("simulated-0000", "simulated-0001"):
        mine = [row for row in answers.rows if row.rater == rater]
        blocks = [[row.exposure_ms for row in mine if row.block == block] for block in (0, 1)]
        assert [len(block) for block in blocks] == [30, 30]
        values.append(np.mean([modal_exposure(np.array(block, float)) for block in blocks]))
    assert times(found).rows[0].value == pytest.approx(np.mean(values))
    notes = found.section("exposures").notes
    assert any("Fewer than 50 judgements in a block: 2 raters" in note for note in notes)
    assert any("There are 2 raters" in note for note in notes)


def test_raters_who_need_to_look_longer_raise_it() -> None:
    middles = []
    for threshold in (120.0, 400.0, 900.0):
        shown = climbed(Staircase(), ExposedRaters(threshold_ms=threshold), np.random.default_rng(1), (400, 150))
        middles.append(np.mean([modal_exposure(one) for one in shown]))
    assert middles == sorted(middles)
    assert 100 <= middles[0] < middles[2] <= 1_000


def test_studies_of_two_systems_stand_beside_each_other(tmp_path: Path) -> None:
    easy = staircase_answers(replace(STUDY, study="a"), ExposedRaters(threshold_ms=120.0), Staircase())
    hard = staircase_answers(
        replace(STUDY, study="b", systems=("two",)), ExposedRaters(threshold_ms=700.0), Staircase()
    )
    path = written(tmp_path, replace(easy, rows=(*easy.rows, *hard.rows)))
    one, two = times(analyse(path)).rows
    assert (one.name, two.name) == ("one", "two")
    assert one.high < two.low
    # The same name in two studies is two raters.
    assert analyse(path).section("exposures").lead.startswith("To tell pictures of two from real ones")
    shown = judged(path).results
    assert [result.metric for result in shown["two"]] == ["people@hype-time"]
    assert shown["two"][0].value == pytest.approx(two.value)
    assert "24 raters, bootstrap" in shown["two"][0].interval.method


def test_metrics_are_held_against_hype_time_and_not_against_what_follows_from_the_staircase(tmp_path: Path) -> None:
    parts = [
        staircase_answers(
            replace(STUDY, study=name, systems=(name,), raters=8), ExposedRaters(threshold_ms=ms), Staircase()
        )
        for name, ms in (("a", 120.0), ("b", 300.0), ("c", 800.0))
    ]
    path = written(tmp_path, replace(parts[0], rows=tuple(row for part in parts for row in part.rows)))
    (tmp_path / "scores.csv").write_text("system,fd\na,9\nb,4\nc,2\n")
    found = analyse(path, AnalyseOptions(scores=tmp_path / "scores.csv"))
    assert [one.name for one in found.sections if one.name.startswith("metrics")] == ["metrics_hype_time"]
    table = found.section("metrics_hype_time").shown[0]
    assert isinstance(table, Grid)
    assert float(table.rows[0][2]) < -0.8


def test_a_csv_has_no_exposures_and_so_no_hype_time(tmp_path: Path) -> None:
    found = analyse(written(tmp_path, staircase_answers(STUDY, PEOPLE, Staircase()), "answers.csv"))
    assert [section.name for section in found.sections] == ["verdicts"]


def test_one_rater_alone_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, staircase_answers(replace(STUDY, raters=1), PEOPLE, Staircase()))
    found = analyse(path)
    assert judged(path).results["one"][0].interval.method == "one rater, no interval"
    assert np.isnan(times(found).rows[0].low)
    assert "One rater alone judged one, so that there is no interval." in found.section("exposures").notes


def test_a_study_of_which_real_pictures_alone_were_judged_has_no_hype_time_yet(tmp_path: Path) -> None:
    answers = staircase_answers(replace(STUDY, raters=2), PEOPLE, Staircase())
    begun = replace(answers, rows=tuple(row for row in answers.rows if row.left == "real"))
    assert [section.name for section in analyse(written(tmp_path, begun)).sections] == ["verdicts_of_staircase"]


def test_exposures_of_several_systems_in_one_study_are_refused(tmp_path: Path) -> None:
    answers = staircase_answers(replace(STUDY, raters=2, systems=("one", "two")), PEOPLE, Staircase())
    with pytest.raises(BadInput, match="exposures follow one system's pictures, and simulated has those of one, two"):
        analyse(written(tmp_path, answers))


@pytest.mark.parametrize(
    ("name", "value"), [("exposure_ms", "long"), ("block", -1), ("block", 1.5), ("exposure_ms", [])]
)
def test_what_is_no_exposure_is_refused_by_its_place(tmp_path: Path, name: str, value: object) -> None:
    path = written(tmp_path, staircase_answers(replace(STUDY, raters=1), PEOPLE, Staircase()))
    document = json.loads(path.read_text())
    document["answers"][4][name] = value
    path.write_text(json.dumps(document))
    with pytest.raises(BadInput, match=f"answer 5: {name}"):
        analyse(path, AnalyseOptions())


def test_verdicts_with_exposures_of_another_kind_keep_their_own_numbers(tmp_path: Path) -> None:
    stepped = staircase_answers(replace(STUDY, study="stepped", raters=8), PEOPLE, Staircase())
    plain = verdict_answers(replace(STUDY, study="plain", raters=8), DetectingRaters(probits=(1.0, 0.2)))
    alone = written(tmp_path, plain, "plain.json")
    together = written(tmp_path, replace(plain, rows=(*plain.rows, *stepped.rows)))
    found = analyse(together)
    assert [one.name for one in found.sections] == ["exposures", "verdicts_of_staircase", "verdicts"]
    assert found.section("verdicts") == analyse(alone).section("verdicts")
    results = judged(together).results["one"]
    assert [result.metric for result in results] == ["people@hype-time", "people@real-or-fake"]
    assert results[1].value == judged(alone).results["one"][0].value


def test_the_same_name_in_two_studies_of_staircases_is_two_raters_everywhere(tmp_path: Path) -> None:
    parts = [
        staircase_answers(replace(STUDY, study=name, systems=(name,), raters=5), PEOPLE, Staircase()) for name in "ab"
    ]
    found = analyse(written(tmp_path, replace(parts[0], rows=(*parts[0].rows, *parts[1].rows))))
    for name in ("verdicts_of_staircase", "exposures"):
        tables = {each.name: each for each in found.section(name).shown}
        everyone, raters = tables["all"], tables["raters"]
        assert isinstance(everyone, Estimates)
        assert isinstance(raters, Grid)
        assert {row.name: row.value for row in everyone.rows}["raters"] == 10
        assert {str(row[0]) for row in raters.rows} == {f"{s}/simulated-000{i}" for s in "ab" for i in range(5)}


def test_who_is_unsure_of_a_timed_picture_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    answers = staircase_answers(replace(STUDY, raters=2), PEOPLE, Staircase())
    unsure = tuple(replace(row, choice="unsure") if i % 5 == 0 else row for i, row in enumerate(answers.rows))
    found = analyse(written(tmp_path, replace(answers, rows=unsure)))
    everyone = found.section("exposures").shown[1]
    assert isinstance(everyone, Estimates)
    kept = [row for row in unsure if row.choice != "unsure"]
    right = np.mean([(row.choice == "real") == (row.left == "real") for row in kept])
    values = {row.name: row.value for row in everyone.rows}
    assert values["judgements"] == len(kept)
    assert values["share of right answers"] == pytest.approx(right)
    assert any("answers are unsure" in note for note in found.section("verdicts_of_staircase").notes)


def test_repeats_alone_of_a_staircase_are_no_judgement_of_a_system(tmp_path: Path) -> None:
    answers = staircase_answers(replace(STUDY, raters=2), PEOPLE, Staircase())
    rows = [replace(row, choice="") for row in answers.rows]
    again = [replace(row, block=None, repeat=1) for row in answers.rows[:20]]
    path = written(tmp_path, replace(answers, rows=(*rows, *again)))
    assert [section.name for section in analyse(path).sections] == ["verdicts_of_staircase"]
    assert judged(path).results == {}


@pytest.mark.parametrize("row", [{"exposure_ms": None}, {"kind": "opinion", "choice": "3"}])
def test_a_block_without_an_exposure_is_refused(tmp_path: Path, row: dict[str, object]) -> None:
    path = written(tmp_path, staircase_answers(replace(STUDY, raters=1), PEOPLE, Staircase()))
    document = json.loads(path.read_text())
    document["answers"][4] |= row
    path.write_text(json.dumps(document))
    with pytest.raises(BadInput, match="answer 5: block is of a staircase"):
        analyse(path)
