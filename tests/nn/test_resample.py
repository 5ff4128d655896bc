"""Halving and doubling of feature maps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core import device as devices
from diorama.nn.resample import (
    BINOMIAL,
    ConvDown,
    ConvUp,
    Taps,
    _enlarging,
    checked_taps,
    double,
    fir_double,
    fir_halve,
    halve,
)


def test_halving_undoes_nearest_doubling() -> None:
    x = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(halve(double(x)), x)


FILTERS: list[Taps] = [BINOMIAL, (1.0, 1.0), (2.0, 5.0, 4.0, 3.0), (1.0, 5.0, 10.0, 10.0, 5.0, 1.0)]


@pytest.mark.parametrize("taps", FILTERS)
@pytest.mark.parametrize("resample", [fir_double, fir_halve])
def test_filters_keep_the_mean_inside(resample: Callable[[Tensor, Taps], Tensor], taps: Taps) -> None:
    y = resample(torch.ones(1, 2, 32, 32), taps)
    inside = y[:, :, 4:-4, 4:-4]
    torch.testing.assert_close(inside.mean(), torch.ones(()))


@pytest.mark.parametrize("taps", FILTERS)
def test_filtered_halving_is_the_transpose_of_filtered_doubling(taps: Taps) -> None:
    x, y = torch.randn(1, 2, 8, 6), torch.randn(1, 2, 4, 3)
    torch.testing.assert_close(
        (fir_halve(x, taps) * y).sum(), (x * fir_double(y, taps)).sum() / 4, rtol=1e-4, atol=1e-5
    )


def test_two_equal_taps_repeat_pixels_and_take_means() -> None:
    x = torch.randn(1, 2, 8, 6)
    torch.testing.assert_close(fir_double(x, (3.0, 3.0)), double(x))
    torch.testing.assert_close(fir_halve(x, (3.0, 3.0)), halve(x))


@pytest.mark.parametrize("taps", [(), (1.0, 2.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_filters_that_cannot_halve_are_refused(taps: Taps) -> None:
    with pytest.raises(ValueError, match="taps: must be an even number"):
        checked_taps(taps)


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


@pytest.mark.parametrize("size", [(8, 6), (5, 7)])
def test_padding_by_two_holds_what_padding_right_and_bottom_gives(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer, x = ConvDown(3, 0), torch.randn(2, 3, *size)
    found = F.conv2d(x, layer.conv.weight, layer.conv.bias, stride=2, padding=2)
    torch.testing.assert_close(found[:, :, 1 : 1 + size[0] // 2, 1 : 1 + size[1] // 2], layer(x))


@pytest.mark.gpu
@pytest.mark.parametrize("layer", [ConvUp, partial(ConvDown, padding=0), partial(ConvDown, padding=1)])
@pytest.mark.parametrize("size", [(8, 6), (5, 7)])
@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format])
def test_resampling_on_a_gpu_equals_resampling_on_a_cpu(
    layer: Callable[[int], ConvUp | ConvDown], size: tuple[int, int], memory: torch.memory_format
) -> None:
    torch.manual_seed(0)
    built = layer(8)
    torch.nn.init.normal_(built.conv.bias)
    x = torch.randn(2, 8, *size).contiguous(memory_format=memory)
    exact = _result_and_gradients(built, x)
    with devices.full_float32():
        ours = _result_and_gradients(built.cuda(), x.cuda())
    assert ours[0].is_contiguous(memory_format=memory)
    for found, expected in zip(ours, exact, strict=True):
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


def _result_and_gradients(layer: ConvUp | ConvDown, x: Tensor) -> list[Tensor]:
    """The layer's result, and the gradients of its input and parameters."""
    x = x.detach().requires_grad_()
    y = layer(x)
    slope = torch.linspace(-1, 1, y.numel(), device=x.device).view(y.shape)
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], slope)]


@pytest.mark.gpu
@pytest.mark.parametrize("layer", [ConvUp, partial(ConvDown, padding=0), partial(ConvDown, padding=1)])
def test_resampling_under_autocast_gives_half_precision(layer: Callable[[int], ConvUp | ConvDown]) -> None:
    torch.manual_seed(0)
    built, x = layer(8).cuda(), torch.randn(2, 8, 8, 6, device="cuda").contiguous(memory_format=torch.channels_last)
    torch.nn.init.normal_(built.conv.bias)
    exact = built(x)
    with torch.autocast("cuda", torch.bfloat16):
        found = built(x)
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).norm() < 0.02 * exact.norm()
    assert all(g.dtype == torch.float32 for g in torch.autograd.grad(found.sum(), list(built.parameters())))


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
