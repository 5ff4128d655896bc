"""Penalties on critics whose gradients are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from diorama.losses.adversarial import Reduction
from diorama.losses.penalties import between, gradient_penalty, input_gradients, r1, r2, slope_penalty, squared_slope

X = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))


def linear(slope: float) -> nn.Module:
    """A critic whose gradient has the norm ``slope`` everywhere."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 1, bias=False))
    with torch.no_grad():
        network[1].weight.fill_(slope / 6**0.5)
    return network


def square(x: Tensor) -> Tensor:
    return 0.5 * x.square().flatten(1).sum(1)


def test_a_slope_of_one_costs_nothing() -> None:
    assert gradient_penalty(linear(1), X, X.flip(0)) < 1e-10
    assert torch.allclose(gradient_penalty(linear(3), X, X.flip(0)), torch.tensor(4.0))


def test_r1_is_the_squared_norm_at_real_samples() -> None:
    assert torch.allclose(r1(square, X), X.square().flatten(1).sum(1).mean())
    assert torch.allclose(input_gradients(square, X), X.flatten(1))


def test_the_slope_is_taken_between_real_and_generated_samples() -> None:
    mix = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0, 0.5])
    between = mix[:, None, None] * X + (1 - mix)[:, None, None] * X.flip(0)
    expected = (between.flatten(1).norm(dim=1) - 1).square().mean()
    assert torch.allclose(gradient_penalty(square, X, X.flip(0), mix), expected)


def test_penalties_reach_the_weights_and_not_the_samples() -> None:
    critic, real, fake = linear(2), X.clone().requires_grad_(), X.flip(0).clone().requires_grad_()
    (gradient_penalty(critic, real, fake) + r1(critic, real)).backward()
    assert critic[1].weight.grad is not None  # type: ignore[union-attr]
    assert critic[1].weight.grad.abs().sum() > 0  # type: ignore[union-attr]
    assert real.grad is None
    assert fake.grad is None


def test_norms_of_half_precision_gradients_are_counted_in_float32() -> None:
    x = X.bfloat16()
    value = r1(lambda half: half.sum(dim=(1, 2)) * 3, x)
    assert value.dtype == torch.float32
    assert value.item() == 54.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_target_and_the_sum_are_named(reduction: Reduction) -> None:
    times = 6 if reduction == "sum" else 1
    found = gradient_penalty(linear(3), X, X.flip(0), target=1.5, reduction=reduction)
    assert torch.allclose(found, torch.tensor(1.5**2 * times))
    assert torch.allclose(squared_slope(linear(3), X, reduction=reduction), torch.tensor(9.0 * times))


def test_an_epsilon_keeps_the_derivative_finite_where_the_slope_is_zero() -> None:
    def slope(eps: float) -> Tensor:
        critic = linear(0)
        slope_penalty(critic, X, eps=eps).backward()
        return critic[1].weight.grad  # type: ignore[union-attr, return-value]

    assert slope(1e-16).abs().sum() > 0
    assert slope(1e-16).isfinite().all()


def test_r2_and_the_zero_centred_penalty_are_slopes_elsewhere() -> None:
    fake, mix = X.flip(0), torch.full((6,), 0.25)
    assert torch.allclose(r2(square, fake), fake.square().flatten(1).sum(1).mean())
    place = between(X, fake, mix)
    assert torch.allclose(squared_slope(square, place), (0.25 * X + 0.75 * fake).square().flatten(1).sum(1).mean())
