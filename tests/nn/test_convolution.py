"""Convolutions whose gradients are our own functions: PyTorch's values and derivatives, of both orders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.device import full_float32
from diorama.nn import convolution
from diorama.nn.convolution import Conv2d, conv2d, conv_transpose2d, is_chosen
from diorama.nn.differentiation import gradient_by, twice_differentiable, with_derivative

Form = Callable[..., Tensor]
_relaid = partial(conv2d, relaid=True)
_enlarged = partial(conv_transpose2d, relaid=True)
CASES: list[tuple[Form, Form, dict[str, Any]]] = [
    (_relaid, F.conv2d, {"padding": (1, 0)}),
    (_relaid, F.conv2d, {"stride": (2, 1), "groups": 2}),
    (_enlarged, F.conv_transpose2d, {"stride": (2, 2), "padding": (1, 0)}),
    (_enlarged, F.conv_transpose2d, {"stride": (2, 2), "groups": 2}),
]


@pytest.mark.parametrize(("ours", "theirs", "how"), CASES)
def test_values_and_derivatives_are_pytorchs(ours: Form, theirs: Form, how: dict[str, Any]) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 7, 6, generator=draw).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(4, 4 // how.get("groups", 1), 3, 3, generator=draw).requires_grad_()
    assert convolution._has_own_gradients(x, w, relaid=True)
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


HALF = (torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("relaid", [True, False])
def test_gpus_take_our_own_where_a_gradient_is_differentiated_in_every_layout(dtype: torch.dtype, relaid: bool) -> None:
    assert is_chosen("cuda", dtype, twice=True, relaid=relaid)
    assert not is_chosen("cuda", dtype, twice=False, relaid=relaid)


@pytest.mark.parametrize("twice", [True, False])
def test_cpus_take_our_own_in_float32_where_another_layout_is_asked_for(twice: bool) -> None:
    assert is_chosen("cpu", torch.float32, twice=twice, relaid=True)
    assert not is_chosen("cpu", torch.float32, twice=twice, relaid=False)
    assert not any(is_chosen("cpu", dtype, twice=twice, relaid=True) for dtype in (torch.float64, *HALF))


@pytest.mark.parametrize(("device", "dtype"), [("cuda", torch.float64), ("cuda", torch.complex64), ("mps", *HALF[:1])])
def test_other_types_and_devices_take_pytorchs(device: str, dtype: torch.dtype) -> None:
    assert not is_chosen(device, dtype, twice=True, relaid=True)


def given(*, last: bool = True) -> tuple[Tensor, Tensor]:
    """Features and weights of which CPUs would take our own."""
    draw = torch.Generator().manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(1, 4, 5, 5, generator=draw).contiguous(memory_format=layout)
    return x, torch.randn(4, 4, 3, 3, generator=draw).requires_grad_()


@pytest.mark.parametrize("last", [True, False])
def test_layouts_are_asked_for_and_looked_at(last: bool) -> None:
    x, w = given(last=last)
    assert convolution._has_own_gradients(x, w, relaid=True) == last
    assert not convolution._has_own_gradients(x, w, relaid=False)


@pytest.fixture
def like_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPUs choose as GPUs do."""
    monkeypatch.setattr(convolution, "is_chosen", lambda device, dtype, **how: is_chosen("cuda", dtype, **how))


@pytest.mark.usefixtures("like_a_gpu")
def test_penalties_take_our_own_and_nothing_else_does() -> None:
    x, w = given(last=False)
    assert not convolution._has_own_gradients(x, w, relaid=False)
    with twice_differentiable():
        assert convolution._has_own_gradients(x, w, relaid=False)
        assert convolution._has_own_gradients(x.half(), w.half(), relaid=False)
        assert not convolution._has_own_gradients(x.half(), w, relaid=False)
        assert not convolution._has_own_gradients(x, w.detach(), relaid=False)
        with torch.no_grad():
            assert not convolution._has_own_gradients(x, w, relaid=False)
        with torch.autocast("cpu"):
            assert not convolution._has_own_gradients(x, w, relaid=False)


@pytest.mark.usefixtures("like_a_gpu")
def test_autocast_convolves_a_penalty_in_its_own_type() -> None:
    x, w = given()
    with twice_differentiable(), torch.autocast("cpu"):
        assert conv2d(x, w, padding=(1, 1)).dtype == torch.bfloat16


@pytest.mark.usefixtures("like_a_gpu")
@pytest.mark.parametrize("last", [True, False])
def test_derivatives_forwards_are_left_to_pytorch(last: bool) -> None:
    x, w = given(last=last)
    found = with_derivative(lambda moved: conv2d(moved, w, relaid=True), (x,), (torch.ones_like(x),))
    with twice_differentiable():
        mapped = torch.func.vmap(lambda one: conv2d(one[None], w)[0])(x)
    for a, b in zip((*found, mapped), (F.conv2d(x, w), F.conv2d(torch.ones_like(x), w), F.conv2d(x, w)), strict=True):
        torch.testing.assert_close(a, b)


def test_devices_without_autocast_convolve_too() -> None:
    x, w = (one.detach().to("meta").requires_grad_() for one in given())
    with twice_differentiable():
        assert conv2d(x, w).shape == (1, 4, 3, 3)


HOW = [
    (convolution._How((1, 1), (1, 0), False, 1), (3, 4, 3, 3)),
    (convolution._How((2, 1), (1, 1), False, 2), (6, 2, 3, 3)),
    (convolution._How((1, 1), (0, 0), False, 4), (4, 1, 1, 1)),
    (convolution._How((2, 2), (1, 0), True, 1), (4, 3, 3, 3)),
    (convolution._How((2, 1), (0, 0), True, 2), (4, 3, 2, 2)),
]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("how", "shape"), HOW)
def test_our_own_are_the_derivatives_of_both_orders(
    how: convolution._How, shape: tuple[int, ...], last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on GPUs, layouts stay what they are.
    monkeypatch.setattr(convolution, "_inside", lambda x: x)
    draw = torch.Generator().manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    x, w = (torch.randn(size, dtype=torch.float64, generator=draw) for size in ((2, 4, 4, 3), shape))
    both = tuple(one.contiguous(memory_format=layout).requires_grad_() for one in (x, w))
    stride, padding, transposed, groups = how
    form = F.conv_transpose2d if transposed else F.conv2d

    def ours(x: Tensor, w: Tensor) -> Tensor:
        return convolution._Convolution.apply(x, w, how)

    torch.testing.assert_close(ours(*both), form(*both, stride=stride, padding=padding, groups=groups))
    assert torch.autograd.gradcheck(ours, both)
    assert torch.autograd.gradgradcheck(ours, both)


def laid_out(x: Tensor, *, last: bool, dtype: torch.dtype = torch.float32) -> Tensor:
    """A leaf on the GPU."""
    layout = torch.channels_last if last else torch.contiguous_format
    return x.to("cuda", dtype).contiguous(memory_format=layout).requires_grad_()


def of_penalty(form: Form, x: Tensor, w: Tensor, how: dict[str, Any]) -> list[Tensor]:
    """R1's slope at the features, and its derivatives by both."""
    slope = gradient_by(x, form(x, w, **how).float().square())
    return [slope, *torch.autograd.grad(slope.float().square().sum(), (x, w))]


def of_path(form: Form, styles: Tensor, x: Tensor, w: Tensor, how: dict[str, Any]) -> list[Tensor]:
    """Path lengths' slope by styles (b, c, 1, 1) that scale features, and its derivatives by all."""
    y = form(x * styles, w, **how).float()
    slope = gradient_by(styles, y.square() * torch.linspace(-1, 1, y.shape[-1], device=y.device))
    return [slope, *torch.autograd.grad(slope.float().square().sum(1).sqrt().sum(), (styles, x, w))]


@pytest.mark.gpu
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 1e-2), (torch.bfloat16, 5e-2)])
@pytest.mark.parametrize(("ours", "theirs", "how"), CASES)
def test_penalties_on_a_gpu_have_pytorchs_derivatives_without_its_detours(
    ours: Form,
    theirs: Form,
    how: dict[str, Any],
    dtype: torch.dtype,
    tolerance: float,
    last: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = torch.Generator().manual_seed(0)
    x, styles = torch.randn(2, 4, 7, 6, generator=draw), torch.randn(2, 4, 1, 1, generator=draw)
    w = torch.randn(4, 4 // how.get("groups", 1), 3, 3, generator=draw) / 6
    computed: list[bool] = []
    forward = convolution._OfWeights.forward
    monkeypatch.setattr(convolution._OfWeights, "forward", lambda *args: (computed.append(True), forward(*args))[1])
    cast = [laid_out(one, last=last, dtype=dtype) for one in (x, w)]
    lines = laid_out(styles, last=False, dtype=dtype)
    # What both come to in the precision of a few more digits.
    exact = [laid_out(one.detach(), last=last) for one in cast]
    exact_lines = laid_out(lines.detach(), last=False)
    with twice_differentiable(), full_float32():
        slope = gradient_by(cast[0], ours(*cast, **how).float().square())
        assert slope.requires_grad
        assert not computed
        found = [*of_penalty(ours, *cast, how), *of_path(ours, lines, *cast, how)]
        assert computed
        computed.clear()
        expected = [*of_penalty(theirs, *exact, how), *of_path(theirs, exact_lines, *exact, how)]
        assert not computed
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        torch.testing.assert_close(a.float(), b, rtol=0, atol=tolerance * b.abs().max().item())


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_pytorchs_whichever_way_it_takes(bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=bias)
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=bias)
    assert list(layer.state_dict()) == list(theirs.state_dict())
    x = torch.randn(2, 4, 7, 7).contiguous(memory_format=torch.channels_last)
    expected = theirs(x)
    exact = torch.autograd.grad(expected.square().sum(), list(theirs.parameters()))
    assert torch.equal(layer(x), expected)
    monkeypatch.setattr(convolution, "is_chosen", lambda *_, **__: True)
    y = layer(x)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    found = torch.autograd.grad(y.square().sum(), list(layer.parameters()))
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_layer_compiles_into_one_graph() -> None:
    layer, x = Conv2d(4, 6, 3, padding=1), torch.randn(2, 4, 7, 7)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.parametrize("form", [conv2d, conv_transpose2d])
def test_a_bias_is_added_whichever_way_it_takes(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = given()
    bias = torch.arange(4.0)
    expected = form(x, w, stride=(2, 1)) + bias[:, None, None]
    torch.testing.assert_close(form(x, w, bias=bias, stride=(2, 1)), expected)
    monkeypatch.setattr(convolution, "is_chosen", lambda *_, **__: True)
    torch.testing.assert_close(form(x, w, bias=bias, stride=(2, 1)), expected)
