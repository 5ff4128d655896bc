"""Bias and non-linearity: derivatives, limits, and one tensor kept."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn.bias_act import ActivationName, Pieces, bias_act


def _draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.parametrize("act", get_args(ActivationName))
@pytest.mark.parametrize("given", [{}, {"gain": 0.7, "clamp": 0.6}])
def test_derivatives_of_both_orders(act: ActivationName, given: dict[str, Any]) -> None:
    x, b = _draw(3, 4).requires_grad_(), _draw(4).requires_grad_()

    def curved(x: Tensor, b: Tensor) -> Tensor:
        return bias_act(x, b, act=act, **given).square()

    assert torch.autograd.gradcheck(curved, (x, b))
    assert torch.autograd.gradgradcheck(curved, (x, b))


def test_leaky_relu_keeps_the_magnitude_of_normal_numbers() -> None:
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(0))[:, None]
    assert bias_act(x, act="relu").square().mean().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("alpha", [0.35, -0.1])
def test_slopes_of_either_sign(alpha: float) -> None:
    x, b = _draw(5, 3), _draw(3)
    expected = (F.leaky_relu(x + b, alpha) * 2).clamp(-1, 1)
    torch.testing.assert_close(bias_act(x, b, act="lrelu", alpha=alpha, gain=2.0, clamp=1.0), expected)


def test_what_is_given_stays_as_it_was() -> None:
    x = _draw(2, 3)
    before = x.clone()
    bias_act(x, act="lrelu")
    bias_act(x, _draw(3), act="relu", clamp=0.1)
    assert torch.equal(x, before)
    assert math.isfinite(x.sum().item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("clamp", [0.3, 0.7, 181.02, 256.0])
def test_what_reaches_the_limit_has_no_slope_though_the_limit_is_rounded(dtype: torch.dtype, clamp: float) -> None:
    x = torch.tensor([1000.0, -2000.0, 0.1], dtype=dtype).requires_grad_()
    y = bias_act(x, act="lrelu", gain=1.0, clamp=clamp)
    assert Pieces(0.2, 1.0, clamp).limit(dtype) == torch.tensor(clamp, dtype=dtype).item() == y[0]
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert slope.tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(("shape", "biases"), [((2, 6), 5), ((2, 6), 1), ((2, 1), 6)])
def test_a_bias_of_another_length_is_refused(shape: tuple[int, int], biases: int) -> None:
    with pytest.raises(ValueError, match=f"b: {shape[1]} features .* got \\({biases},\\)"):
        bias_act(_draw(*shape), _draw(biases))
