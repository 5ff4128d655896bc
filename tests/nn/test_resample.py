"""Halving and doubling of feature maps."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F

from diorama.core import device as devices
from diorama.nn.resample import ConvDown, ConvUp, _enlarging, double, fir_double, fir_halve, halve


def test_halving_undoes_nearest_doubling() -> None:
    x = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(halve(double(x)), x)


@pytest.mark.parametrize("resample", [fir_double, fir_halve])
def test_filters_keep_constants_inside(resample: object) -> None:
    assert callable(resample)
    y = resample(torch.ones(1, 2, 8, 8))
    inside = y[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(inside, torch.ones_like(inside))


def test_filtered_halving_is_the_transpose_of_filtered_doubling() -> None:
    x, y = torch.randn(1, 2, 8, 6), torch.randn(1, 2, 4, 3)
    torch.testing.assert_close((fir_halve(x) * y).sum(), (x * fir_double(y)).sum() / 4, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 1])
def test_convolutions_change_the_resolution_by_two(padding: int) -> None:
    x = torch.randn(1, 4, 8, 6)
    assert ConvDown(4, padding)(x).shape == (1, 4, 4, 3)
    assert ConvUp(4)(x).shape == (1, 4, 16, 12)


def test_padding_zero_pads_right_and_bottom() -> None:
    layer = ConvDown(1, 0)
    torch.nn.init.ones_(layer.conv.weight)
    torch.nn.init.zeros_(layer.conv.bias)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert layer(x)[0, 0, 0, 0] == x[0, 0, :3, :3].sum()
    assert layer(x)[0, 0, 1, 1] == x[0, 0, 2:, 2:].sum()


def test_enlarging_before_a_convolution_is_one_transposed_convolution() -> None:
    torch.manual_seed(0)
    layer, x = ConvUp(6).double(), torch.randn(2, 6, 5, 7, dtype=torch.float64)
    found = F.conv_transpose2d(x, _enlarging(layer.conv.weight), layer.conv.bias, stride=2, padding=1)
    torch.testing.assert_close(found, layer(x))


@pytest.mark.gpu
def test_enlarging_on_a_gpu_equals_enlarging_on_a_cpu() -> None:
    torch.manual_seed(0)
    layer, x = ConvUp(8), torch.randn(2, 8, 5, 7)
    expected = layer(x)
    with devices.full_float32():
        torch.testing.assert_close(layer.cuda()(x.cuda()).cpu(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
def test_filters_need_nothing_from_the_processor() -> None:
    x = torch.randn(2, 8, 4, 4, device="cuda")
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode("error")
    try:
        fir_double(fir_halve(x))
    finally:
        torch.cuda.set_sync_debug_mode(before)
