"""Euler's method on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, Spacing, StepSpacing, UniformSpacing
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig, Kept
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

START = torch.randn(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("way", [(DiscreteProcess(), StepSpacing()), (FlowProcess(), UniformSpacing())])
def test_without_churn_its_steps_are_those_of_ddim(way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 7)
    ours = [stage.x for stage in EulerConfig().run(best, START, process, times, Draws(START.shape))]
    theirs = [stage.x for stage in DDIMConfig().run(best, START, process, times, Draws(START.shape))]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs))


@pytest.mark.parametrize("kept", [None, "noise", "velocity", "clean"])
def test_with_churn_samples_are_still_those_of_the_data(kept: Kept | None) -> None:
    process = ExplodingProcess()
    times = KarrasSpacing(high=20.0).times(process, 200)
    config = EulerConfig(churn=20.0, kept=kept)
    *_, last = config.run(best, times[0] * START, process, times, Draws(START.shape))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.03)
    # What is kept from before the noise leans towards too little or too much of it.
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.05 if kept is None else 0.2)


def test_no_draw_is_asked_for_outside_the_range_of_churn() -> None:
    process = ExplodingProcess()
    times = KarrasSpacing().times(process, 6)
    ratios = times[:-1].tolist()
    draws = Draws((3,))
    config = EulerConfig(churn=1.0, churn_low=ratios[3], churn_high=ratios[1])
    list(config.run(best, torch.randn(3), process, times, draws))
    assert draws.asked == [1, 2, 3]


@pytest.mark.parametrize("steps", [1, 8])
def test_churn_keeps_to_the_last_level_of_a_process_of_steps(steps: int) -> None:
    process = DiscreteProcess(steps=100)
    times, widths = StepSpacing().times(process, steps), []

    def denoise(x: torch.Tensor, level: Level) -> Prediction:
        right = (level.alpha**2 * DEVIATION**2 + level.sigma**2).sqrt()
        widths.append(float(x.std() / right))
        return best(x, level)

    level = process.at(times[0])
    start = level.alpha * MEAN + (level.alpha**2 * DEVIATION**2 + level.sigma**2).sqrt() * START
    list(EulerConfig(churn=0.4 * steps).run(denoise, start, process, times, Draws(START.shape)))
    # The noise in a sample is what the network is told of it, also where there is no room above.
    assert widths[0] == pytest.approx(1, abs=0.02)
