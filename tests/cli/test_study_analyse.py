"""``diorama study analyse`` prints what was found, writes the report, and says mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.cli.main import run
from diorama.study.answers import write_answers
from diorama.study.simulate import PairRaters
from diorama.study.simulated_answers import SimulatedStudy, pair_answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "answers.csv"
    study = SimulatedStudy(systems=("new", "old"), items=("a", "b"), raters=12, judgements=20)
    write_answers(path, pair_answers(study, PairRaters(strengths=(0.5, -0.5))))
    return path


def test_findings_are_printed_and_the_report_written(
    answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["study", "analyse", str(answers), "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("answers.csv: answers of a Diorama study\nThe raters are simulated")
    assert "new is preferred most; to old, the next, in" in said
    assert f"report: {tmp_path / 'report' / 'study.html'}" in said
    document = json.loads((tmp_path / "report" / "study.json").read_text())
    assert document["format"] == "diorama-study/1"
    assert document["command"].startswith("diorama study analyse")
    assert (tmp_path / "report" / "study.html").read_text().startswith("<!doctype html>")


def test_without_a_folder_nothing_is_written(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(answers.parent.iterdir())
    assert run(["study", "analyse", str(answers)]) == 0
    assert sorted(answers.parent.iterdir()) == before
    assert "Methods:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["absent.csv"], 1, "absent.csv: cannot be read"),
        (["FILE", "--level", "2"], 2, "--level must be in [0.5, 1), got 2"),
        (["FILE", "--metrics", "absent.json"], 1, "absent.json: cannot be read"),
        (["FILE", "--truht", "x"], 2, "--truht"),
    ],
)
def test_mistakes_are_said_in_one_line(
    answers: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["study", "analyse", *(str(answers) if word == "FILE" else word for word in words)]) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("diorama: ")
    assert said.count("\n") == 1
