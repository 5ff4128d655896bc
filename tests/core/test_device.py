"""Devices, precisions and layouts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.core import device as devices
from diorama.core.errors import BadConfig

CPU = torch.device("cpu")


def test_an_absent_device_is_refused_by_name() -> None:
    assert devices.pick("cpu") == CPU
    with pytest.raises(BadConfig, match="'abacus'"):
        devices.pick("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(BadConfig, match="'cuda'"):
            devices.pick("cuda")


def test_auto_finds_a_device() -> None:
    assert devices.pick().type in ("cpu", "cuda", "mps")
    assert "CPU" in devices.describe(CPU)


def test_automatic_precision_takes_bf16_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(devices, "has_bf16", lambda device, has=has: has)
        assert devices.precision("auto", CPU).dtype == expected
    assert devices.precision("fp16", CPU).scaled
    with pytest.raises(BadConfig, match="'fp8'"):
        devices.precision("fp8", CPU)


def test_autocast_holds_only_where_it_is_enabled() -> None:
    half = devices.precision("bf16", CPU)
    layer = nn.Linear(2, 2)
    with half.autocast():
        assert layer(torch.ones(1, 2)).dtype == torch.bfloat16
        with half.autocast(False):
            assert layer(torch.ones(1, 2)).dtype == torch.float32
    with devices.precision("fp32", CPU).autocast():
        assert layer(torch.ones(1, 2)).dtype == torch.float32


def test_channels_last_changes_strides_and_no_values() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    devices.channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[1].weight.is_contiguous()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_one_bad_value_is_found(bad: float) -> None:
    tensors = [torch.ones(3), torch.zeros(2, 2), torch.tensor([1, 2])]
    assert devices.all_finite(tensors)
    tensors[1][1, 0] = bad
    assert not devices.all_finite(tensors)
    assert devices.all_finite([])


def test_full_float32_leaves_everything_else_as_it_was() -> None:
    def settings() -> tuple[object, ...]:
        cudnn = torch.backends.cudnn
        return cudnn.enabled, cudnn.benchmark, cudnn.deterministic

    before, precision, tf32 = settings(), torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    try:
        with devices.full_float32():
            assert settings() == before
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        assert (settings(), torch.get_float32_matmul_precision()) == (before, "high")
        assert torch.backends.cudnn.allow_tf32 == tf32
    finally:
        torch.set_float32_matmul_precision(precision)


def test_pictures_are_laid_out_and_the_rest_is_left() -> None:
    batch = {"image": torch.rand(2, 3, 4, 4), "label": torch.arange(2), "video": torch.rand(2, 3, 2, 4, 4)}
    assert devices.lay_out(batch, channels_last=False) is batch
    laid = devices.lay_out(batch, channels_last=True)
    assert laid["image"].is_contiguous(memory_format=torch.channels_last)
    assert laid["label"] is batch["label"]
    assert laid["video"] is batch["video"]
    assert torch.equal(laid["image"], batch["image"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int64, torch.int64),
    ],
)
def test_halves_are_widened_and_nothing_else(given: torch.dtype, kept: torch.dtype) -> None:
    assert devices.at_least_float32(torch.ones(2, dtype=given)).dtype == kept
