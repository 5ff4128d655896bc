"""Levels on the grids of distilled models."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing

PROCESS = DiscreteProcess(steps=100)


def test_steps_are_chosen_evenly_from_the_grid() -> None:
    assert DistilledSpacing(grid=10).times(PROCESS, 4).tolist() == [100, 80, 50, 30, 0]
    assert DistilledSpacing(grid=10, strength=0.5).times(PROCESS, 2).tolist() == [50, 30, 0]
    assert DistilledSpacing(grid=10, until="first").times(PROCESS, None).tolist() == [*range(100, 0, -10), 1]


def test_all_of_karras_grid_are_karras_levels() -> None:
    process = ExplodingProcess()
    times = KarrasGridSpacing(grid=9).times(process, 9)
    torch.testing.assert_close(times[:-1], KarrasSpacing().times(process, 9)[:-1])
    assert times[-1].item() == 0.002


def test_chosen_places_are_visited() -> None:
    process = ExplodingProcess()
    full = KarrasSpacing().times(process, 40)
    spacing = KarrasGridSpacing(places=(0, 22))
    torch.testing.assert_close(spacing.times(process, None)[:-1], full[[0, 22]])
    with pytest.raises(ValueError, match="2 places are visited, got 3"):
        spacing.times(process, 3)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^spacing: visits steps of a discrete process"):
        DistilledSpacing().times(FlowProcess(), 4)
    with pytest.raises(ValueError, match="grid: 200 steps of a process that has 100"):
        DistilledSpacing(grid=200).times(PROCESS, 4)
    with pytest.raises(ValueError, match="between 1 and 25"):
        DistilledSpacing(strength=0.5).times(PROCESS, 26)
    with pytest.raises(ValueError, match="needs a number of steps"):
        KarrasGridSpacing().times(ExplodingProcess(), None)


@pytest.mark.parametrize(
    ("wrong", "named"), [({"grid": 0}, "grid"), ({"strength": 0.0}, "strength"), ({"strength": 1.5}, "strength")]
)
def test_impossible_grids_are_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        DistilledSpacing(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"grid": 1}, "grid"),
        ({"places": (3, 1)}, "places"),
        ({"places": (40,)}, "places"),
        ({"low": 90.0}, "low < high"),
    ],
)
def test_impossible_karras_grids_are_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        KarrasGridSpacing(**wrong)  # type: ignore[arg-type]
