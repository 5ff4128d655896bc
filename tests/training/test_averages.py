"""Moving averages of weights."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from torch import nn

from diorama.synthesis.averaging import gamma_of
from diorama.training.averages import Average, decay
from diorama.training.recipe import AverageConfig, PowerAverageConfig


@given(st.integers(1, 10**6), st.integers(1, 512), st.integers(1, 64))
def test_the_average_does_not_depend_on_how_images_are_split_into_steps(half_life: int, batch: int, parts: int) -> None:
    config = AverageConfig(half_life=half_life, ramp_up=None)
    assert decay(config, 0, batch * parts) == pytest.approx(decay(config, 0, batch) ** parts, abs=1e-12)


@pytest.mark.parametrize("wrong", [{"half_life": -1}, {"ramp_up": 0.0}])
def test_impossible_averages_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AverageConfig(**wrong)


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


def test_a_half_life_rises_along_a_cosine_and_then_stays() -> None:
    config = AverageConfig(half_life=1_000, ramp_up=None, rise=400)
    kept = [decay(config, images, 100) for images in (200, 400, 900)]
    assert kept == pytest.approx([0.5 ** (100 / 500), 0.5 ** (100 / 1_000), 0.5 ** (100 / 1_000)])
    with pytest.raises(ValueError, match="rise must not"):
        AverageConfig(rise=-1)


def test_running_statistics_are_averaged_and_counts_copied() -> None:
    norm = nn.BatchNorm1d(2)
    average = Average({"norm": norm}, AverageConfig(half_life=16, ramp_up=None))
    norm.running_mean += 4.0
    norm.num_batches_tracked += 9
    average.update(16, 16)
    assert average.tensors()["norm.running_mean"].tolist() == [2.0, 2.0]
    assert average.tensors()["norm.num_batches_tracked"].item() == 9


def test_buffers_are_copied_where_the_config_says_so_and_weights_averaged() -> None:
    norm = nn.BatchNorm1d(2)
    average = Average({"norm": norm}, AverageConfig(half_life=10, ramp_up=None, buffers="copied"))
    nn.init.constant_(norm.weight, 3.0)
    norm.running_mean.fill_(4.0)  # type: ignore[union-attr]
    norm.running_var.fill_(5.0)  # type: ignore[union-attr]
    average.update(10, 10)
    found = average.tensors()
    assert found["norm.weight"].tolist() == [2.0, 2.0]
    assert found["norm.running_mean"].tolist() == [4.0, 4.0]
    assert found["norm.running_var"].tolist() == [5.0, 5.0]


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


def test_the_widths_of_the_paper_have_its_exponents() -> None:
    # T. Karras et al., arXiv:2312.02696, section 3.1: gamma of 16.97 and 6.94.
    assert gamma_of(0.05) == pytest.approx(16.97, abs=5e-3)
    assert gamma_of(0.10) == pytest.approx(6.94, abs=5e-3)


@given(st.floats(0.01, 12**-0.5))
def test_the_exponent_gives_back_the_width(std: float) -> None:
    gamma = gamma_of(std)
    assert gamma >= -1e-6
    assert math.sqrt((gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3))) == pytest.approx(std, rel=1e-6)


def test_a_power_average_weighs_by_a_power_of_the_images_seen() -> None:
    config = PowerAverageConfig(std=0.1)
    layer = nn.Linear(1, 1, bias=False)
    average = Average({"layer": layer}, config)
    total = 512
    for step in range(1, total + 1):
        nn.init.constant_(layer.weight, step / total)
        average.update(step * 4, 4)
    # The mean of t under the density (gamma + 1) t^gamma on [0, 1].
    gamma = gamma_of(0.1)
    assert average.tensors()["layer.weight"].item() == pytest.approx((gamma + 1) / (gamma + 2), rel=2e-3)


@given(st.floats(0.02, 12**-0.5), st.integers(1, 512), st.integers(1, 8), st.integers(0, 10**6))
def test_a_power_average_does_not_depend_on_how_images_are_split_into_steps(
    std: float, batch: int, parts: int, before: int
) -> None:
    config = PowerAverageConfig(std=std)
    left = math.prod(decay(config, before + batch * (part + 1), batch) for part in range(parts))
    assert decay(config, before + batch * parts, batch * parts) == pytest.approx(left, abs=1e-9)


@pytest.mark.parametrize("config", [AverageConfig(half_life=10**6, ramp_up=None), PowerAverageConfig(std=0.05)])
def test_the_average_of_half_precision_weights_moves_by_less_than_their_last_digit(
    config: AverageConfig | PowerAverageConfig,
) -> None:
    layer = nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    nn.init.ones_(layer.weight)
    average = Average({"layer": layer}, config)
    seen = 100_000
    if isinstance(config, PowerAverageConfig):
        average.update(1, 1)
    nn.init.zeros_(layer.weight)
    for step in range(100):
        average.update(seen + 16 * (step + 1), 16)
    left = math.prod(decay(config, seen + 16 * (step + 1), 16) for step in range(100))
    kept = average.state_dict()["layer.weight"]
    assert kept.dtype == torch.float32
    assert kept.item() == pytest.approx(left, rel=1e-5)
    # Others load what the network is made of.
    assert average.tensors()["layer.weight"].dtype == torch.bfloat16


def test_a_snapshot_is_the_average_in_half_precision_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    norm = nn.BatchNorm1d(3)
    average = Average({"norm": norm}, PowerAverageConfig(std=0.1, snapshot_every=16, snapshot_dtype="bf16"))
    nn.init.normal_(norm.weight)
    average.update(16, 16)
    path = average.write_snapshot(tmp_path / "wide", 16)
    content = path.read_bytes()
    assert path.name == "000000000016.safetensors"
    assert average.write_snapshot(tmp_path / "wide", 16).read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["average"]) == {"images": 16, "std": 0.1, "gamma": gamma_of(0.1)}
        assert torch.equal(file.get_tensor("norm.weight"), norm.weight.detach().bfloat16())
        assert file.get_tensor("norm.num_batches_tracked").dtype == torch.int64
