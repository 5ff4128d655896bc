"""The midpoint method on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess
from diorama.processes.spacing import KarrasSpacing, UniformSpacing
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.midpoint import MidpointConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

START = torch.randn(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _error(process: Process, steps: int) -> float:
    times = KarrasSpacing(low=0.02, high=20.0).times(process, steps)[:-1]
    x = process.at(times[0]).sigma * START[:50]
    exact = x
    level, end = process.at(times[0]), process.at(times[-1])
    deviation = [(a**2 * DEVIATION**2 + s**2).sqrt() for a, s in ((level.alpha, level.sigma), (end.alpha, end.sigma))]
    exact = end.alpha * MEAN + deviation[1] / deviation[0] * (x - level.alpha * MEAN)
    *_, last = MidpointConfig().run(best, x, process, times, Draws(x.shape))
    return (last.x - exact).abs().max().item()


@pytest.mark.parametrize("process", [ExplodingProcess(), DiscreteProcess()])
def test_half_the_step_is_a_quarter_of_the_error(process: Process) -> None:
    assert _error(process, 40) / _error(process, 79) == pytest.approx(4, rel=0.25)


def test_with_churn_samples_are_still_those_of_the_data() -> None:
    process = ExplodingProcess()
    times = KarrasSpacing(high=20.0).times(process, 100)
    *_, last = MidpointConfig(churn=10.0).run(best, times[0] * START, process, times, Draws(START.shape))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.05)


def test_the_last_step_of_a_process_without_less_noise_leads_to_what_was_found() -> None:
    process = GeometricProcess(sigma_min=0.02, sigma_max=20.0)
    times = TruncatedSpacing(last=0.01).times(process, 50)
    *_, last = MidpointConfig().run(best, 20.0 * START, process, times, Draws(START.shape))
    assert last.clean is not None
    torch.testing.assert_close(last.x, last.clean)
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.05)


def test_pure_noise_has_no_ratio() -> None:
    process = FlowProcess()
    with pytest.raises(ValueError, match="no signal"):
        list(MidpointConfig().run(best, START, process, UniformSpacing().times(process, 3), Draws(START.shape)))
