"""Linear multistep sampling."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, UniformSpacing
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.lms import LMSConfig
from tests.samplers.gaussian_data import Draws, best
from tests.samplers.ways import BETWEEN_RATIOS, error


@pytest.mark.parametrize(("order", "least", "most"), [(1, 1.8, 2.2), (2, 3.4, 4.4), (3, 6.2, 8.8), (4, 10.0, 17.0)])
def test_error_falls_by_the_order_of_the_polynomial(order: int, least: float, most: float) -> None:
    errors = [error(LMSConfig(order=order), BETWEEN_RATIOS, steps) for steps in (32, 64)]
    assert least < errors[0] / errors[1] < most


def test_of_order_one_it_is_ddim() -> None:
    process, start = ExplodingProcess(), 80 * torch.randn(5, dtype=torch.float64)
    times = KarrasSpacing().times(process, 7)
    first, second = (
        list(config.run(best, start, process, times, Draws((5,)))) for config in (LMSConfig(order=1), DDIMConfig())
    )
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.x, other.x, rtol=1e-12, atol=1e-12)


def test_some_signal_must_be_left_at_the_start() -> None:
    process = FlowProcess()
    with pytest.raises(ValueError, match="no signal"):
        list(LMSConfig().run(best, torch.randn(3), process, UniformSpacing().times(process, 4), Draws((3,))))


def test_an_order_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        LMSConfig(order=0)
