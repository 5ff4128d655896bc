"""Answers go to files and come back; what is no answer is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.data.answers import COLUMNS, Answer, Answers, answers_to_csv, answers_to_json, read_answers
from diorama.study.answers import write_answers

TEXT = st.text("ab7 ,;\"'<>&=+-@\\/é雪😀\u200b\ufeff", min_size=1, max_size=12)
"""With what CSV, HTML and spreadsheets take for their own."""
ROWS = st.lists(
    st.builds(
        Answer,
        study=TEXT,
        item=TEXT,
        rater=TEXT,
        kind=st.just("pairwise"),
        left=TEXT.map(lambda name: "a" + name),
        right=TEXT.map(lambda name: "b" + name),
        choice=st.sampled_from(["left", "right", "tie", ""]),
        ms=st.none() | st.integers(0, 10**9),
        shown_at=st.sampled_from(["", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678+00:00"]),
        repeat=st.integers(0, 9),
    ),
    max_size=5,
).map(tuple)


@settings(deadline=None)
@given(rows=ROWS)
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_answers_come_back_as_they_went(rows: tuple[Answer, ...], suffix: str, tmp_path_factory: object) -> None:
    folder = tmp_path_factory.mktemp("answers")  # type: ignore[attr-defined]
    path = folder / f"answers{suffix}"
    write_answers(path, Answers(rows=rows))
    assert read_answers(path).rows == rows


def test_columns_are_those_that_the_issue_names() -> None:
    assert ",".join(COLUMNS) == "study,item,rater,kind,left,right,choice,ms,shown_at,repeat"
    assert answers_to_csv([]) == ",".join(COLUMNS) + "\n"


def _file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s,i,r,pairwise,a,b,lefft,,,0", r"line 2: choice 'lefft' of pairwise is none of left, right, tie"),
        ("s,i,r,pairwize,a,b,left,,,0", r"kind 'pairwize' is none of .* \(did you mean 'pairwise'\?\)"),
        ("s,i,r,pairwise,a,a,left,,,0", "left and right are both 'a'"),
        ("s,i,r,pairwise,a,,left,,,0", "right is empty, and pairwise shows two"),
        ("s,i,,pairwise,a,b,left,,,0", "rater is empty"),
        ("s,i,r,opinion,a,,6,,,0", "choice '6' of opinion is none of 1, 2, 3, 4, 5"),
        ("s,i,r,pairwise,a,b,left,-3,,0", "ms '-3' is no whole number from 0 on"),
        ("s,i,r,pairwise,a,b,left,,yesterday,0", "shown_at 'yesterday' is no time"),
    ],
)
def test_what_is_no_answer_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_answers(_file(tmp_path, line))


def test_many_wrong_lines_are_counted_and_the_first_named(tmp_path: Path) -> None:
    path = _file(tmp_path, *["s,i,r,2afc,a,b,tie,,,0"] * 9)
    with pytest.raises(BadInput, match=r"9 lines cannot be read: line 2: .*line 6: [^;]*; and 4 more"):
        read_answers(path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("study,item,rater,kind,left,right,choice\n")
    with pytest.raises(BadInput, match="no column ms, shown_at, repeat"):
        read_answers(path)


def test_simulated_raters_are_known_from_both_forms(tmp_path: Path) -> None:
    row = Answer(study="s", item="i", rater="simulated-0001", kind="opinion", left="a", choice="3")
    write_answers(tmp_path / "a.csv", Answers(rows=(row,)))
    assert read_answers(tmp_path / "a.csv").simulated
    document = answers_to_json(Answers(rows=(), truth="photo", simulated=True))
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert read_answers(tmp_path / "a.json") == Answers(rows=(), truth="photo", simulated=True)


@pytest.mark.parametrize("text", ["[]", "{", '{"format": "other"}', "[" * 100_000])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(BadInput):
        read_answers(path)
