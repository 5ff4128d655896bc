"""Ancestral sampling on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.levels import DiscreteProcessConfig
from diorama.samplers.ancestral import AncestralConfig, ancestral
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

PROCESS = DiscreteProcessConfig().build()


@pytest.mark.parametrize("variance", ["small", "large"])
def test_samples_have_the_datas_moments(variance: str) -> None:
    start = torch.randn(10_000, generator=torch.Generator().manual_seed(1))
    config = AncestralConfig(variance=variance)  # type: ignore[arg-type]
    *_, last = config.run(best, start, PROCESS, Draws((10_000,)))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.03)


def test_last_step_takes_the_mean() -> None:
    draws = Draws((3,))
    stages = list(AncestralConfig(steps=6).run(best, torch.randn(3), PROCESS, draws))
    assert draws.asked == [0, 1, 2, 3, 4]
    assert torch.equal(stages[-1].x, stages[-1].clean)


def test_a_learned_variance_is_used() -> None:
    def certain(x: Tensor, level: Level) -> Prediction:
        return Prediction(best(x, level).clean, torch.full_like(x, -torch.inf))

    start, levels = torch.randn(4), PROCESS.descent(10)
    runs = [list(ancestral(certain, start, levels, lambda i, k=k: torch.full((4,), k)))[-1].x for k in (1.0, 9.0)]
    assert torch.equal(*runs)
