"""Turns of students that are recorded equal launched ones, though what they compare changes from step to step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from diorama.core.contracts import Batch
from diorama.methods.base import Method
from diorama.methods.diffusion.continuous_consistency import ContinuousDistillationConfig, ContinuousObjective
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig
from diorama.nn import normal
from diorama.recipes.distill import StudentMethodConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import OptimizerConfig, RateConfig
from tests.synthesis.models import tiny_diffusion
from tests.synthesis.test_diffusion import EDM, FLOW
from tests.training.tape import NO_TAPE
from tests.training.walks import Run, assert_same

STUDENTS = {
    "ect": EasyConsistencyConfig(stage=8, dropout=0.2),
    "ect-teacher": EasyConsistencyConfig(stage=8, path="teacher"),
    "scm": ContinuousDistillationConfig(objective=ContinuousObjective(warmup=64), dropout=0.2),
}


@pytest.mark.parametrize("model", [EDM, FLOW, tiny_diffusion().config], ids=["edm", "flow", "steps"])
@pytest.mark.parametrize("name", STUDENTS)
def test_turns_of_students_are_recorded_and_equal_launched_ones(
    name: str,
    model: DiffusionSynthesizerConfig,
    device: torch.device,
    recordings: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "scm" and device.type == "cpu":
        pytest.skip(NO_TAPE)
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)
    config: StudentMethodConfig = STUDENTS[name]

    def build() -> Method:
        torch.manual_seed(0)
        return config.build({"teacher": model.build().eval()})

    def batches(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(step)
        return [{"image": (torch.rand(4, *model.media.shape, generator=draws) * 2 - 1).to(device)}]

    adam = {"denoiser": OptimizerConfig(rate=RateConfig(peak=1e-3))}
    runs = [
        Run(build, device, torch.float32, adam).go(6, recorded=recorded, batches=batches) for recorded in (False, True)
    ]
    assert not runs[1].notes()
    assert recordings == ["loss"]
    assert_same(*runs)
