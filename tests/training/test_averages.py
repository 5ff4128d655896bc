"""The moving average of weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from diorama.training.averages import Average, decay
from diorama.training.recipe import AverageConfig


@given(st.integers(1, 10**6), st.integers(1, 512), st.integers(1, 64))
def test_the_average_does_not_depend_on_how_images_are_split_into_steps(half_life: int, batch: int, parts: int) -> None:
    config = AverageConfig(half_life=half_life, ramp_up=None)
    assert decay(config, 0, batch * parts) == pytest.approx(decay(config, 0, batch) ** parts, abs=1e-12)


def test_half_of_the_start_is_left_after_one_half_life() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    average = Average({"layer": layer}, AverageConfig(half_life=80, ramp_up=None))
    nn.init.zeros_(layer.weight)
    for step in range(5):
        average.update(16 * (step + 1), 16)
    assert average.tensors()["layer.weight"].item() == pytest.approx(0.5)


def test_the_ramp_forgets_the_first_weights_sooner() -> None:
    config = AverageConfig(half_life=500_000, ramp_up=0.05)
    assert decay(config, 64, 64) == pytest.approx(0.5 ** (64 / 3.2))
    assert decay(config, 10**9, 64) == pytest.approx(0.5 ** (64 / 500_000))


def test_running_statistics_are_averaged_and_counts_copied() -> None:
    norm = nn.BatchNorm1d(2)
    average = Average({"norm": norm}, AverageConfig(half_life=16, ramp_up=None))
    norm.running_mean += 4.0
    norm.num_batches_tracked += 9
    average.update(16, 16)
    assert average.tensors()["norm.running_mean"].tolist() == [2.0, 2.0]
    assert average.tensors()["norm.num_batches_tracked"].item() == 9


def test_no_half_life_hands_out_the_last_weights_and_keeps_nothing() -> None:
    layer = nn.Linear(2, 2)
    average = Average({"layer": layer}, AverageConfig(half_life=0))
    nn.init.constant_(layer.weight, 3.0)
    average.update(16, 16)
    assert torch.equal(average.tensors()["layer.weight"], layer.weight)
    assert average.state_dict() == {}


def test_an_average_is_restored_bit_for_bit() -> None:
    layer = nn.Linear(3, 3)
    average = Average({"layer": layer}, AverageConfig(half_life=10))
    nn.init.constant_(layer.weight, 3.0)
    average.update(16, 16)
    saved = {name: value.clone() for name, value in average.state_dict().items()}
    other = Average({"layer": nn.Linear(3, 3)}, AverageConfig(half_life=10))
    other.load_state_dict(saved)
    assert all(torch.equal(value, saved[name]) for name, value in other.tensors().items())
