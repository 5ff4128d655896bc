"""The probability-flow path by solvers of ordinary differential equations."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.subpreserving import SubPreservingProcess
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.fixed_steps import TABLEAUS
from diorama.samplers.ode import ODEConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

PROCESSES: list[Process] = [FlowProcess(), GeometricProcess(), PreservingProcess(), SubPreservingProcess()]


def _drawn(process: Process, config: ODEConfig, steps: int = 20) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Noise, the samples that it becomes, and how often the denoiser was asked."""
    calls = []

    def denoise(x: torch.Tensor, level: Level) -> Prediction:
        calls.append(level)
        return best(x, level)

    times = TruncatedSpacing(last=1e-3).times(process, steps)
    x = process.prior_scale(times[0]) * torch.randn(3, 2, 4, 4, dtype=torch.float64)
    draws = Draws((3, 2, 4, 4))
    *_, last = config.run(denoise, x, process, times, draws)
    assert not draws.asked
    return x, last.x, len(calls)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_normal_noise_becomes_the_data_that_lie_as_far_from_the_mean(process: Process) -> None:
    noise, samples, _ = _drawn(process, ODEConfig(relative=1e-8, absolute=1e-8, denoise=False))
    level, near = (process.at(torch.tensor(t, dtype=torch.float64)) for t in (process.end, 1e-3))
    width, narrow = ((at.alpha**2 * DEVIATION**2 + at.sigma**2).sqrt() for at in (level, near))
    exact = near.alpha * MEAN + narrow / width * (noise - level.alpha * MEAN)
    torch.testing.assert_close(samples, exact, rtol=1e-5, atol=1e-5)


def test_methods_ask_as_often_as_they_say() -> None:
    for method, tableau in TABLEAUS.items():
        config, calls = ODEConfig(method=method), len(tableau.weights)
        # Nineteen steps between twenty levels, and the clean sample at the last.
        assert _drawn(PreservingProcess(), config)[2] == 19 * calls + 1


def test_more_of_a_step_is_known_by_methods_of_higher_order() -> None:
    torch.manual_seed(0)
    exact = _drawn(FlowProcess(), ODEConfig(relative=1e-9, absolute=1e-9))[1]
    errors = {}
    for method in TABLEAUS:
        torch.manual_seed(0)
        errors[method] = float((_drawn(FlowProcess(), ODEConfig(method=method))[1] - exact).abs().max())
    assert errors["euler"] > 10 * errors["midpoint"] > 100 * errors["rk4"]
    assert errors["euler"] > 10 * errors["heun2"] > 10 * errors["heun3"] > 10 * errors["kutta38"]


def test_one_level_is_no_walk_and_no_tolerance_no_solver() -> None:
    with pytest.raises(ValueError, match="at least two levels, got 1"):
        list(ODEConfig().run(best, torch.zeros(1, 1), FlowProcess(), torch.tensor([1.0, 0.0]), Draws((1, 1))))
    with pytest.raises(ValueError, match=r"relative must be in \(0, 1\), got 0"):
        ODEConfig(relative=0.0)
