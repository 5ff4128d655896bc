"""The four turns of StyleGAN2-ADA: recorded as launched, and in two processes as in one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.augment import AugmentConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.fading_blur import FadingBlurConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.nn import normal
from diorama.training.recipe import OptimizerConfig, RateConfig
from tests.methods.adversarial.stylegans import LAZY, batches_on, stylegan2
from tests.together import together
from tests.training.walks import Run, assert_same

_FOUR = ["discriminator", "discriminator.r1", "generator", "generator.path_length"]
_ADAM = OptimizerConfig(rate=RateConfig(peak=2e-3), betas=(0.0, 0.99))
_COLOURS = AdaptiveAugmentationConfig(
    augment=AugmentConfig(brightness=1, contrast=1, lumaflip=1, hue=1, saturation=1), images=100, interval=2, start=0.3
)
_LONG = [pytest.mark.slow, pytest.mark.long]


def _launched_and_recorded(config: GANConfig, device: torch.device) -> list[Run]:
    return [
        Run(config.build, device, config=_ADAM).go(5, recorded=recorded, batches=batches_on(device, 8))
        for recorded in (False, True)
    ]


@pytest.mark.parametrize(
    "augment",
    [pytest.param(_COLOURS, marks=_LONG), pytest.param(DiffAugmentConfig(), marks=_LONG)],
    ids=["ada", "diffaugment"],
)
def test_the_four_turns_are_recorded_and_equal_launched_ones(
    augment: Any, device: torch.device, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)
    runs = _launched_and_recorded(stylegan2(8, **{**LAZY, "augment": augment}), device)
    assert not runs[1].notes()
    assert sorted(recordings) == _FOUR
    assert_same(*runs)


def test_turns_with_moved_and_blurred_pictures_are_recorded_too(
    device: torch.device, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)
    # Reading between pixels has no deterministic form on GPUs.
    torch.use_deterministic_algorithms(False)
    runs = _launched_and_recorded(stylegan2(8, **LAZY, blur=FadingBlurConfig(sigma=1.0, images=24)), device)
    assert not runs[1].notes()
    assert sorted(recordings) == _FOUR
    if device.type == "cpu":
        assert_same(*runs)
        return
    left = runs[1].left()
    for name, value in runs[0].left().items():
        torch.testing.assert_close(left[name], value, rtol=1e-2, atol=1e-2)


def _trained(rank: int) -> dict[str, Tensor]:
    cpu = torch.device("cpu")
    run = Run(stylegan2(8, **LAZY).build, cpu, config=_ADAM)
    left = run.go(4, recorded=False, batches=batches_on(cpu, 8, rank), rank=rank).left()
    # A tensor in shared memory would be gone with its process.
    return {name: value.numpy() for name, value in left.items()}  # type: ignore[misc]


@pytest.mark.timeout(200)
def test_two_processes_keep_the_same_weights_and_running_numbers() -> None:
    one, two = together(_trained)
    numbers = ("method.augment.probability", "method.path_length.mean", "method.generator.mapping.average")
    assert set(numbers) <= one.keys()
    assert all(one[name].any() for name in numbers)
    assert all((value == two[name]).all() for name, value in one.items())
