"""Losses that match distributions, against what is known of normal ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from diorama.losses.distribution_matching import matching_loss, scale_of, score_identity_loss

MEANS = st.floats(-2, 2)
DEVIATIONS = st.floats(0.2, 2)
# Both signs of a deviation have the first two moments of normal numbers, so that means of squares are exact.
LATENT = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]], dtype=torch.float64)
NOISE = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]], dtype=torch.float64)
ONE = torch.ones(4, 1, dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def found(x: Tensor, mean: Tensor, deviation: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """The mean of clean samples given noisy ones, where clean samples are normal."""
    gain = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
    return mean + gain * (x - alpha * mean)


@given(MEANS, DEVIATIONS, MEANS, DEVIATIONS, st.floats(0.1, 1), st.floats(0.1, 3))
def test_the_gradient_is_that_of_the_divergence_of_noisy_samples(
    mean: float, deviation: float, real_mean: float, real_deviation: float, alpha: float, sigma: float
) -> None:
    own = [number(value).requires_grad_() for value in (mean, deviation)]
    wanted, level = [number(value) for value in (real_mean, real_deviation)], (number(alpha), number(sigma))
    x = own[0] + own[1] * LATENT
    noisy = level[0] * x + level[1] * NOISE
    loss = matching_loss(x, found(noisy, wanted[0], wanted[1], *level), found(noisy, own[0], own[1], *level), ONE)
    gradients = torch.autograd.grad(loss, own)

    variance, real_variance = (level[0] ** 2 * d**2 + level[1] ** 2 for d in (own[1], wanted[1]))
    apart = level[0] * (own[0] - wanted[0])
    divergence = 0.5 * (variance / real_variance + apart**2 / real_variance - 1 - (variance / real_variance).log())
    expected = torch.autograd.grad(divergence, own)
    # Scores differ by alpha / sigma² times as much as clean samples, and noisy samples move alpha times as far.
    factor = (level[0] / level[1]) ** 2
    for gradient, right in zip(gradients, expected, strict=True):
        torch.testing.assert_close(factor * gradient, right, rtol=1e-9, atol=1e-9)


@given(MEANS, DEVIATIONS, MEANS, DEVIATIONS, st.floats(0.1, 3), st.floats(-1, 2))
def test_score_identity_is_a_share_of_the_fisher_divergence(
    mean: float, deviation: float, real_mean: float, real_deviation: float, sigma: float, alpha: float
) -> None:
    level = (number(1.0), number(sigma))
    x = mean + deviation * LATENT
    noisy = x + level[1] * NOISE
    real = found(noisy, number(real_mean), number(real_deviation), *level)
    fake = found(noisy, number(mean), number(deviation), *level)
    loss = score_identity_loss(x, real, fake, ONE, alpha)
    torch.testing.assert_close(loss, (1 - alpha) * (real - fake).square().mean(), rtol=1e-9, atol=1e-9)


def test_nothing_moves_where_both_scores_agree() -> None:
    x = torch.randn(3, 2, 4, 4, requires_grad=True)
    agreed = torch.randn(3, 2, 4, 4)
    for loss in (
        matching_loss(x, agreed, agreed, torch.ones(3, 1, 1, 1)),
        score_identity_loss(x, agreed, agreed, torch.ones(3, 1, 1, 1), 1.2),
    ):
        (gradient,) = torch.autograd.grad(loss, x)
        assert not gradient.any()


def test_the_scale_is_each_samples_mean_distance_and_never_nothing() -> None:
    x = torch.zeros(2, 1, 2, 2, requires_grad=True)
    real = torch.stack([torch.zeros(1, 2, 2), torch.tensor([[[1.0, -1.0], [3.0, -3.0]]])])
    scale = scale_of(x, real)
    assert scale.flatten().tolist() == pytest.approx([1e-5, 2.0])
    assert not scale.requires_grad
