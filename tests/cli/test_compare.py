"""A comparison shows which of how many it works on, and ends with the ranking."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.cli.compare import follow
from diorama.comparison.options import Progress
from diorama.comparison.ranking import ranking_lines
from tests.comparison.examples import comparison


def test_progress_names_the_place_and_the_end_shows_the_ranking(capsys: pytest.CaptureFixture[str]) -> None:
    whole = comparison()
    follow(
        [
            Progress(doing="opening the data"),
            Progress(doing="training vae_toy", place=(2, 5), note="vae_toy continues"),
            Progress(doing="done", share=1.0, report=Path("out/report.html"), comparisons=(whole,)),
        ]
    )
    told = capsys.readouterr()
    assert "2 of 5: training vae_toy" in told.err
    assert told.err.startswith("opening the data\n")
    lines = told.out.splitlines()
    assert lines[1:-2] == ["shapes:", *ranking_lines(whole)]
    assert lines[-1] == "report: out/report.html"


def test_an_interrupted_comparison_shows_no_ranking(capsys: pytest.CaptureFixture[str]) -> None:
    follow([Progress(doing="training vae_toy", place=(1, 2))])
    assert capsys.readouterr().out == ""
