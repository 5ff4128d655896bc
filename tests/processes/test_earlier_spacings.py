"""The levels of EDM's predecessors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.earlier_spacings import GeometricSpacing, PreservingSpacing, TableSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import Spacing

SPACINGS: list[Spacing] = [GeometricSpacing(), PreservingSpacing(), TableSpacing()]
by_spacing = pytest.mark.parametrize("spacing", SPACINGS, ids=lambda s: type(s).__name__)


def _ratios(process: Process, times: torch.Tensor) -> torch.Tensor:
    level = process.at(times[:-1])
    return level.sigma / level.alpha


@by_spacing
@settings(deadline=None, max_examples=20)
@given(count=st.integers(2, 200))
def test_levels_fall_to_clean_data_between_their_ends(spacing: Spacing, count: int) -> None:
    times = spacing.times(ExplodingProcess(), count)
    assert len(times) == count + 1
    assert times[-1] == 0
    assert (times.diff() < 0).all()


@by_spacing
def test_they_are_ratios_of_any_process(spacing: Spacing) -> None:
    exploding, preserving = ExplodingProcess(), PreservingProcess(beta_growth=30.0)
    found = _ratios(preserving, spacing.times(preserving, 7))
    torch.testing.assert_close(found, _ratios(exploding, spacing.times(exploding, 7)))


def test_preserving_times_are_evenly_spaced() -> None:
    process = PreservingProcess()
    level = process.at(torch.tensor([1e-3, 1.0], dtype=torch.float64))
    low, high = (level.sigma / level.alpha).tolist()
    times = PreservingSpacing(low=low, high=high).times(process, 5)[:-1]
    torch.testing.assert_close(times, torch.linspace(1, 1e-3, 5, dtype=torch.float64), rtol=1e-6, atol=1e-6)


def test_a_table_is_visited_whole_without_a_count() -> None:
    steps = DiscreteProcess(steps=50, betas="cosine")
    times = TableSpacing(low=1e-9, high=1e9, of=steps).times(steps, None)
    torch.testing.assert_close(times, torch.arange(50, -1, -1, dtype=torch.float64), rtol=0, atol=1e-6)


def test_a_geometric_series_keeps_its_share() -> None:
    ratios = GeometricSpacing(low=0.01, high=100).times(ExplodingProcess(), 5)[:-1]
    torch.testing.assert_close(ratios, torch.tensor([100, 10, 1, 0.1, 0.01], dtype=torch.float64))


def test_impossible_levels_are_refused() -> None:
    for kind in (GeometricSpacing, PreservingSpacing, TableSpacing):
        with pytest.raises(ValueError, match="low < high"):
            kind(low=3.0, high=1.0)
    with pytest.raises(ValueError, match="none of the 10 steps"):
        TableSpacing(low=1e-9, high=1e-8, of=DiscreteProcess(steps=10, betas="cosine"))
    with pytest.raises(ValueError, match="levels lie between low and high"):
        TableSpacing(of=DiscreteProcess(steps=10, betas="cosine")).times(ExplodingProcess(), 11)
    with pytest.raises(ValueError, match="number of steps"):
        GeometricSpacing().times(ExplodingProcess(), None)
