"""Noise that grows like a geometric series, and levels that end above clean data."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import StepSpacing
from diorama.processes.times import StepTimes
from diorama.processes.truncated_spacing import TruncatedSpacing


def test_the_series_is_that_of_the_paper() -> None:
    steps = GeometricStepsProcess(steps=5, sigma_min=0.1, sigma_max=1000.0)
    sigma = steps.at(torch.arange(6)).sigma
    torch.testing.assert_close(sigma, torch.tensor([0, 0.1, 1, 10, 100, 1000]))
    process = GeometricProcess(sigma_min=0.1, sigma_max=1000.0)
    times = torch.tensor([0.0, 0.25, 0.5, 1.0])
    torch.testing.assert_close(process.at(times).sigma, torch.tensor([0, 1, 10, 1000.0]))


@pytest.mark.parametrize("kind", [GeometricProcess, GeometricStepsProcess])
def test_ends_that_are_no_series_are_refused(kind: type[GeometricProcess]) -> None:
    with pytest.raises(ValueError, match="sigma_min < sigma_max must hold, got sigma_min=5 sigma_max=2"):
        kind(sigma_min=5.0, sigma_max=2.0)


def test_steps_are_visited_and_drawn_as_of_any_process_of_steps() -> None:
    process = GeometricStepsProcess(steps=6)
    assert StepSpacing().times(process, None).tolist() == [6, 5, 4, 3, 2, 1, 0]
    drawn = StepTimes().draw(process, 1_000, torch.device("cpu"))
    assert set(drawn.tolist()) == {1, 2, 3, 4, 5, 6}


def test_truncated_levels_end_where_they_are_asked_to() -> None:
    times = TruncatedSpacing(last=0.1).times(PreservingProcess(), 4)
    torch.testing.assert_close(times, torch.tensor([1, 0.7, 0.4, 0.1, 0], dtype=torch.float64))
    with pytest.raises(ValueError, match="last: 1 is no time before the process's end"):
        TruncatedSpacing(last=1.0).times(PreservingProcess(), 4)
    with pytest.raises(ValueError, match="at least 2"):
        TruncatedSpacing(last=0.1).times(PreservingProcess(), None)


def test_levels_that_are_not_interpolated_are_those_below() -> None:
    plain, held = DiscreteProcess(steps=10), DiscreteProcess(steps=10, between="below")
    times = torch.tensor([2.0, 2.7, 3.0], dtype=torch.float64)
    whole = plain.at(torch.tensor([2.0, 2.0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(held.at(times).sigma, whole.sigma, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="levels that jump"):
        held.slopes(times)
