"""Likelihoods of whole samples are sums over their elements."""

from __future__ import annotations

import math

import torch

from diorama.losses.reconstruction import bernoulli, gaussian, logistic
from diorama.nn.distributions import logistic_log_prob

X = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_one_value_a_sample() -> None:
    scale = torch.zeros(1, 2, 1, 1)
    assert gaussian(X, X, scale).shape == bernoulli(X.abs(), X).shape == logistic(X, X, scale, 256).shape == (3,)


def test_gaussian_at_its_mean() -> None:
    assert torch.allclose(gaussian(X, X, torch.zeros(())), torch.full((3,), 32 * 0.5 * math.log(2 * math.pi)))


def test_logistic_sums_levels_and_densities() -> None:
    scale = torch.full((1, 2, 1, 1), -2.0)
    for levels in (256, None):
        expected = -logistic_log_prob(X, X * 0.5, scale, levels).flatten(1).sum(1)
        assert torch.allclose(logistic(X, X * 0.5, scale, levels), expected)


def test_bernoulli_of_even_odds() -> None:
    assert torch.allclose(bernoulli(X.abs(), torch.zeros_like(X)), torch.full((3,), 32 * math.log(2)))


def test_halves_are_summed_in_float32() -> None:
    mean, scale = (X * 0.5).bfloat16(), torch.full((1, 2, 1, 1), -2.0).bfloat16()
    for taken, wide in (
        (gaussian(X, mean, scale), gaussian(X, mean.float(), scale.float())),
        (logistic(X, mean, scale, 256), logistic(X, mean.float(), scale.float(), 256)),
        (bernoulli(X.abs().bfloat16(), mean), bernoulli(X.abs().bfloat16().float(), mean.float())),
    ):
        assert taken.dtype == torch.float32
        assert torch.equal(taken, wide)
