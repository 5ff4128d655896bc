"""Columns stay inside their frame, and none is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from diorama.web.columns import column_chart


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30), st.floats(-100, 100), st.floats(0.1, 50))
def test_columns_stay_inside_their_frame_and_none_is_lost(counts: list[int], low: float, step: float) -> None:
    edges = [low + i * step for i in range(len(counts) + 1)]
    chart = column_chart(edges, counts, title="t", x="x", what="files", mark=(low + 3, "here"))
    columns = re.findall(r"<i style=\"left:([\d.]+)%;width:([\d.]+)%;height:([\d.]+)%", chart)
    assert len(columns) == sum(count > 0 for count in counts)
    for left, width, height in columns:
        assert float(left) + float(width) <= 100.02
        assert float(height) <= 100
    if columns:
        assert max(float(height) for _, _, height in columns) == 100


def test_numbers_have_separators_and_words_are_escaped() -> None:
    chart = column_chart([0, 1000, 2000], [1234, 0], title="<t>", x="x", what="files", mark=(2000, "<here>"))
    assert "1,234 files" in chart
    assert 'title="0 to 1000: 1,234"' in chart
    assert "<span>2,000</span>" in chart
    assert "&lt;t&gt;" in chart
    assert "&lt;here&gt;" in chart
