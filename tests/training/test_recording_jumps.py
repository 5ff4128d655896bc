"""Turns of methods that learn to draw in one step, from data alone, are recorded and equal launched ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from diorama.core.contracts import Batch
from diorama.methods.base import Method
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.moment_matching import MomentMatchingConfig
from diorama.nn import normal
from diorama.training.recipe import OptimizerConfig, RateConfig
from tests.methods.diffusion.test_drifting import CONFIG as DRIFTING
from tests.methods.diffusion.test_moment_matching import JUMPING, jumping
from tests.synthesis.test_diffusion import LABELLED
from tests.training.walks import Run, assert_same

_WITH_DROPOUT = replace(JUMPING, denoiser=replace(JUMPING.denoiser, dropout=0.2))
_LABELLED = jumping(replace(LABELLED, conditions=(replace(LABELLED.conditions[0], dropout=0.2),)))
METHODS: dict[str, AnyMethod] = {
    "moments": MomentMatchingConfig(synthesizer=_WITH_DROPOUT),
    "moments of labels": MomentMatchingConfig(synthesizer=_LABELLED),
    "drifting": DRIFTING,
    "drifting features": replace(DRIFTING, space="features"),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.long] if name == "drifting features" else ())
        for name in METHODS
    ],
)
def test_turns_are_recorded_and_equal_launched_ones(
    name: str, device: torch.device, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)

    def build() -> Method:
        torch.manual_seed(0)
        return METHODS[name].build()

    def batches(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(step)
        images = torch.rand(4, *JUMPING.media.shape, generator=draws) * 2 - 1
        return [{"image": images.to(device), "label": torch.tensor([0, 1, 1, 0], device=device)}]

    adam = {"denoiser": OptimizerConfig(rate=RateConfig(peak=1e-3))}
    runs = [
        Run(build, device, torch.float32, adam).go(6, recorded=recorded, batches=batches) for recorded in (False, True)
    ]
    assert not runs[1].notes()
    assert recordings == ["loss"]
    assert_same(*runs)
