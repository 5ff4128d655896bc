"""Tables that would ask for too much memory, or that say nothing, end in one line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.study.analysis.analyse import analyse
from diorama.study.analysis.findings import Estimates


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rater1,rater2,count\na,a,1e12\na,b,3\n", "at most 131,072"),
        ("rater1,rater2,count\na,a,0\n", "all counts are 0"),
        ("unit,a,b\n1,0,0\n2,0,0\n", "all counts are 0"),
        ("item,n_a,n_b,m_a,m_b\nx,0,0,1,2\n", "all counts are 0"),
        ("left,right,n_left,n_right,n_tie\na,b,1e15,1,0\n", "no finite solution"),
    ],
)
def test_counts_that_say_nothing_or_too_much_are_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(BadInput, match=told):
        analyse(tmp_path / "table.csv")


def test_verdicts_without_any_true_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("rater,item,answer\nr,i,fake\nr,j,real\n")
    (tmp_path / "v_items.csv").write_text("item,truth\ni,g\nj,g\n")
    with pytest.raises(BadInput, match="whose truth is real"):
        analyse(tmp_path / "v.csv")


def test_words_beside_numbers_are_categories_and_none_is_lost(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("unit,rater,value\n1,a,nan\n1,b,nan\n2,a,1\n2,b,1\n")
    table = analyse(tmp_path / "r.csv").section("agreement").shown[0]
    assert isinstance(table, Estimates)
    found = {row.name: row.value for row in table.rows}
    assert found["values"] == 4
    assert found["Krippendorff's alpha, nominal"] == 1


def test_scores_of_a_slider_with_thousands_of_values_take_little_memory(tmp_path: Path) -> None:
    """A table of values by values for each item would take gigabytes."""
    rows = "".join(f"r{i % 25},i{i // 25},{(i * 7919) % 100003 / 1000}\n" for i in range(2500))
    (tmp_path / "slider.csv").write_text(f"rater,item,score\n{rows}")
    tracemalloc.start()
    try:
        analyse(tmp_path / "slider.csv")
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()
