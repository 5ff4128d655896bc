"""Ancestral sampling on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.spacing import Spacing, StepSpacing
from diorama.samplers.ancestral import AncestralConfig, ancestral
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best
from tests.samplers.test_ddim import WAYS

PROCESS = DiscreteProcess()


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
@pytest.mark.parametrize("variance", ["small", "large"])
def test_samples_have_the_datas_moments(variance: str, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 1000)
    start = process.prior_scale(times[0]) * torch.randn(10_000, generator=torch.Generator().manual_seed(1))
    config = AncestralConfig(variance=variance)  # type: ignore[arg-type]
    *_, last = config.run(best, start, process, times, Draws((10_000,)))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.03)


def test_last_step_takes_the_mean() -> None:
    draws = Draws((3,))
    times = StepSpacing().times(PROCESS, 6)
    stages = list(AncestralConfig().run(best, torch.randn(3), PROCESS, times, draws))
    assert draws.asked == [0, 1, 2, 3, 4]
    assert torch.equal(stages[-1].x, stages[-1].clean)


def test_a_learned_variance_is_used() -> None:
    def certain(x: Tensor, level: Level) -> Prediction:
        return Prediction(best(x, level).clean, torch.full_like(x, -torch.inf))

    def run(value: float) -> Tensor:
        times = StepSpacing().times(PROCESS, 10)
        draw = lambda i, k=0: torch.full((4,), value)  # noqa: E731
        return list(ancestral(certain, start, PROCESS, times, draw))[-1].x

    start = torch.randn(4)
    assert torch.equal(run(1.0), run(9.0))
