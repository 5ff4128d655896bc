"""Stochastic sampling of flows, on data whose best denoiser is known."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.paths import CosineProcess, PolynomialProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import UniformSpacing
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.interpolant import InterpolantConfig, LastStep, Rate
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

START = torch.randn(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _drawn(process: Process, config: InterpolantConfig, steps: int = 250) -> torch.Tensor:
    times = UniformSpacing().times(process, steps)
    *_, last = config.run(best, START, process, times, Draws(START.shape))
    return last.x


@pytest.mark.parametrize("rate", [rate for rate in get_args(Rate) if rate != "process"])
@pytest.mark.parametrize("heun", [False, True])
def test_any_rate_of_noise_draws_the_data(rate: Rate, heun: bool) -> None:
    config = InterpolantConfig(rate=rate, scale=0.5, heun=heun, last="clean")
    drawn = _drawn(FlowProcess(), config)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert drawn.std().item() == pytest.approx(DEVIATION, rel=0.06)


@pytest.mark.parametrize("last", get_args(LastStep))
@pytest.mark.parametrize("process", [CosineProcess(), PreservingProcess(), PolynomialProcess()])
def test_any_path_and_last_step_draw_the_data(process: Process, last: LastStep) -> None:
    drawn = _drawn(process, InterpolantConfig(rate="sigma", last=last))
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert drawn.std().item() == pytest.approx(DEVIATION, rel=0.06)


def test_without_noise_it_is_ddim_on_a_straight_path() -> None:
    times = UniformSpacing().times(FlowProcess(), 10)
    config = InterpolantConfig(rate="constant", scale=0.0, last="euler")
    ours = [stage.x for stage in config.run(best, START, FlowProcess(), times, Draws(START.shape))]
    theirs = [stage.x for stage in DDIMConfig().run(best, START, FlowProcess(), times, Draws(START.shape))]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs))


@pytest.mark.parametrize(
    ("process", "config"),
    [
        (ExplodingProcess(), InterpolantConfig()),
        (PolynomialProcess(power=0.5), InterpolantConfig()),
        (FlowProcess(), InterpolantConfig(rate="process")),
        (FlowProcess(), InterpolantConfig(rate="sigma", heun=True, last=None)),
    ],
)
def test_what_has_no_finite_answer_is_refused(process: Process, config: InterpolantConfig) -> None:
    with pytest.raises(ValueError, match=r"interpolant|last"):
        _drawn(process, config, steps=4)
