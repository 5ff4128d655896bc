"""Mistakes on the command line are one line that names the option."""

from __future__ import annotations

import pytest

from diorama.cli import main as program
from diorama.cli.mistakes import in_one_line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sample"], "missing: MODEL_OR_RUN, --out PATH"),
        (["sample", "m", "--out", "x", "--steps", "x"], "--steps: 'x' is not a whole number"),
        (["sample", "m", "--out", "x", "--guidance", "high"], "--guidance: 'high' is not a number"),
        (["sample", "m", "--out", "x", "--stepz", "3"], "--stepz: there is no such option; did you mean --steps?"),
        (["prepare", "a", "--out", "b", "--fit", "squash"], "--fit: 'squash' is none of crop, pad"),
        (["import", "a", "--size", "0"], "--size: '0': expected a side in pixels such as 64, or height and width such"),
        (["sample", "m", "--out", "x", "--batch-size"], "--batch-size: a value is missing"),
        (["sample", "m", "--out", "x", "--seed", "1.5"], "--seed: '1.5' is not a whole number"),
        (["sample", "m", "--out", "x", "--steps", "it's"], '--steps: "it\'s" is not a whole number'),
        (["sample", "m", "extra", "--out", "x"], "extra: not expected here"),
        (["sample", "m", "--out", "x", "--foo", "1", "--bar", "2"], "--foo, --bar: there is no such option"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(words) == program.WRONG
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1
    assert f"(see diorama {words[0]} --help)" in err


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["sample", "--help"]) == 0
    assert "MODEL_OR_RUN" in capsys.readouterr().out


def test_words_without_a_frame_are_kept() -> None:
    assert in_one_line("something else\n", "sample") == "something else"
