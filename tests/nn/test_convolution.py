"""Convolutions with gradients of their own: PyTorch's values and derivatives, of both orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.device import full_float32
from diorama.networks.adversarial.stylegan1 import FusedConv
from diorama.nn import convolution
from diorama.nn.convolution import conv2d, conv_transpose2d
from diorama.nn.differentiation import gradient_by, twice_differentiable, with_derivative
from diorama.nn.equalized import HeConv2d

Form = Callable[..., Tensor]
CASES: list[tuple[Form, Form, dict[str, Any]]] = [
    (conv2d, F.conv2d, {"padding": (1, 0)}),
    (conv2d, F.conv2d, {"stride": (2, 1), "groups": 2}),
    (conv_transpose2d, F.conv_transpose2d, {"stride": (2, 2)}),
    (conv_transpose2d, F.conv_transpose2d, {"stride": (2, 2), "groups": 2}),
]


@pytest.mark.parametrize(("ours", "theirs", "how"), CASES)
def test_values_and_derivatives_are_pytorchs(ours: Form, theirs: Form, how: dict[str, Any]) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 7, 6, generator=draw).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(4, 4 // how.get("groups", 1), 3, 3, generator=draw).requires_grad_()
    assert convolution._has_own_gradients(x, w)
    found = []
    for form in (ours, theirs):
        y = form(x, w, **how)
        first = torch.autograd.grad(y.square().sum(), (x, w), create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), (x, w))
        found.append((y, *first, *second))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * b.abs().max().item())


@pytest.mark.parametrize(("ours", "theirs", "how"), CASES)
def test_penalties_on_gradients_compute_no_gradient_of_weights_on_the_way(
    ours: Form, theirs: Form, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 7, 6, generator=draw).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(4, 4 // how.get("groups", 1), 3, 3, generator=draw).requires_grad_()
    computed, forward = [], convolution._OfWeights.forward
    monkeypatch.setattr(convolution._OfWeights, "forward", lambda *given: (computed.append(1), forward(*given))[1])
    slope = gradient_by(x, ours(x, w, **how).square())
    assert not computed
    (expected,) = torch.autograd.grad(theirs(x, w, **how).square().sum(), x, create_graph=True)
    found = torch.autograd.grad(slope.square().sum(), (x, w))
    assert computed
    for a, b in zip(found, torch.autograd.grad(expected.square().sum(), (x, w)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * b.abs().max().item())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_take_pytorchs_own(dtype: torch.dtype) -> None:
    x = torch.randn(1, 4, 5, 5, dtype=dtype).contiguous(memory_format=torch.channels_last)
    w = torch.randn(4, 4, 3, 3, dtype=dtype, requires_grad=True)
    assert not convolution._has_own_gradients(x, w)
    assert conv2d(x, w).dtype == dtype


@pytest.mark.gpu
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("ours", "theirs", "how"), CASES)
def test_penalties_on_a_gpu_have_pytorchs_derivatives_without_its_detours(
    ours: Form, theirs: Form, how: dict[str, Any], last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = torch.Generator().manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(2, 4, 7, 6, generator=draw).cuda().contiguous(memory_format=layout).requires_grad_()
    w = torch.randn(4, 4 // how.get("groups", 1), 3, 3, generator=draw).cuda().requires_grad_()
    computed, forward = [], convolution._OfWeights.forward
    monkeypatch.setattr(convolution._OfWeights, "forward", lambda *given: (computed.append(1), forward(*given))[1])
    with twice_differentiable(), full_float32():
        slope = gradient_by(x, ours(x, w, **how).square())
        assert not computed
        found = torch.autograd.grad(slope.square().sum(), (x, w))
        assert computed
        expected = gradient_by(x, theirs(x, w, **how).square())
        exact = torch.autograd.grad(expected.square().sum(), (x, w))
    for a, b in zip((slope, *found), (expected, *exact), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * b.abs().max().item())


def test_derivatives_forwards_are_left_to_pytorch() -> None:
    x = torch.randn(1, 4, 5, 5).contiguous(memory_format=torch.channels_last)
    w = torch.randn(4, 4, 3, 3, requires_grad=True)
    found = with_derivative(lambda given: conv2d(given, w), (x,), (torch.ones_like(x),))
    for a, b in zip(found, (F.conv2d(x, w), F.conv2d(torch.ones_like(x), w)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("last", [True, False])
def test_a_layer_is_pytorchs_whichever_way_it_takes(last: bool) -> None:
    torch.manual_seed(0)
    layer = convolution.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    x = torch.randn(2, 4, 7, 7).contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    assert convolution._has_own_gradients(x, layer.weight) == last
    y, expected = layer(x), theirs(x)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    found = torch.autograd.grad(y.square().sum(), list(layer.parameters()))
    exact = torch.autograd.grad(expected.square().sum(), list(theirs.parameters()))
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", [{"dilation": 2}, {"padding": 1, "padding_mode": "circular"}, {"padding": "same"}])
def test_a_layer_that_is_padded_or_dilated_otherwise_is_pytorchs(how: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = convolution.Conv2d(4, 6, 3, **how)
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(4, 6, 3, **how)
    x = torch.randn(2, 4, 7, 7).contiguous(memory_format=torch.channels_last)
    assert convolution._has_own_gradients(x, layer.weight)
    torch.testing.assert_close(layer(x), theirs(x))


def test_under_autocast_results_have_its_type_bias_and_all() -> None:
    x, bias = torch.randn(1, 4, 5, 5), torch.ones(6)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv2d(x, torch.randn(6, 4, 3, 3, requires_grad=True), bias).dtype == torch.bfloat16
        assert HeConv2d(4, 6, 3)(x).dtype == torch.bfloat16
        assert FusedConv(4, 6, up=False)(x).dtype == torch.bfloat16
