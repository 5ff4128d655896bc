"""The likelihood of feature maps under the variance that fits best."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.losses.perceptual import calibrated, maps_apart, perceived_distance
from diorama.losses.reconstruction import gaussian


def maps(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 4, 4, generator=draws), torch.randn(2, 3, 4, 4, generator=draws)


def test_it_is_the_normal_likelihood_at_its_best_variance_up_to_a_constant() -> None:
    first, second = maps(0)
    root = (first - second).square().mean().sqrt()
    nats = gaussian(first, second, root.log()).mean() / first[0].numel()
    assert float(calibrated(first, second)) == pytest.approx(float(nats) - 0.5 - 0.5 * math.log(2 * math.pi), abs=1e-4)


@given(st.floats(0.1, 100), st.integers(0, 1_000))
def test_the_scale_of_maps_moves_it_by_a_constant_alone(scale: float, seed: int) -> None:
    first, second = maps(seed)
    moved = calibrated(first * scale, second * scale) - calibrated(first, second)
    assert float(moved) == pytest.approx(math.log(scale), abs=1e-3)


def test_equal_maps_have_a_finite_cost_and_gradient() -> None:
    first = maps(0)[0].requires_grad_()
    calibrated(first, first.detach()).backward()
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


class _Looks:
    """Two maps of a picture: itself, and twice itself."""

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [1 * images, 2 * images]


def test_maps_are_apart_by_their_absolute_differences_and_the_second_is_taken_as_it_is() -> None:
    first, second = (x.requires_grad_() for x in maps(0))
    apart = maps_apart(_Looks(), first, second)
    assert float(apart.detach()) == pytest.approx(3 * float((first - second).detach().abs().mean()), rel=1e-5)
    apart.backward()
    assert first.grad is not None
    assert second.grad is None


def test_a_perceived_distance_is_the_mean_over_pairs() -> None:
    first, second = maps(0)
    apart = perceived_distance(lambda x, y: (x - y).square().mean((1, 2, 3)), first, second)
    assert float(apart) == pytest.approx(float((first - second).square().mean()), rel=1e-5)
