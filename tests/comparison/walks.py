"""Reports with fewer pictures of how models draw, which are drawn anew for each place of a walk."""

from __future__ import annotations

import pytest

from diorama.comparison import measurer


def few_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample on its way from noise, and one on its way to that of the next seed, at two places each."""
    for name, count in {"STAGED": 1, "STAGES": 2, "BETWEEN": 1, "PLACES": 2}.items():
        monkeypatch.setattr(measurer, name, count)
