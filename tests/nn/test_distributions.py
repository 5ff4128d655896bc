"""Log-probabilities add up to one, and agree with PyTorch's distributions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributions as d

from diorama.nn.distributions import bernoulli_log_prob, gaussian_log_prob, kl_to_standard_normal, logistic_log_prob

locations, log_scales = st.floats(-2, 2), st.floats(-5, 1)


def wide(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def level_values(levels: int) -> torch.Tensor:
    return torch.linspace(-1, 1, levels, dtype=torch.float64)


@settings(deadline=None)
@given(mean=locations, log_scale=log_scales, levels=st.sampled_from([2, 3, 16, 256]))
def test_masses_of_all_levels_add_up_to_one(mean: float, log_scale: float, levels: int) -> None:
    x = level_values(levels)
    log_prob = logistic_log_prob(x, wide(mean), wide(log_scale), levels)
    assert math.isclose(log_prob.exp().sum().item(), 1, rel_tol=1e-9)


@settings(deadline=None)
@given(mean=locations, log_scale=log_scales)
def test_masses_are_differences_of_the_distribution(mean: float, log_scale: float) -> None:
    x, scale = level_values(256), math.exp(log_scale)
    upper = torch.sigmoid((x[1:-1] + 1 / 255 - mean) / scale)
    lower = torch.sigmoid((x[1:-1] - 1 / 255 - mean) / scale)
    found = logistic_log_prob(x, wide(mean), wide(log_scale), 256)[1:-1].exp()
    assert torch.allclose(found, upper - lower, rtol=1e-6, atol=1e-12)


def test_far_tails_keep_a_gradient_in_float32() -> None:
    mean = torch.tensor(50.0, requires_grad=True)
    log_prob = logistic_log_prob(torch.tensor(-0.5), mean, torch.tensor(-4.0), 256)
    log_prob.backward()
    assert torch.isfinite(log_prob)
    assert mean.grad is not None
    assert mean.grad < 0


@pytest.mark.parametrize(("mean", "log_scale"), [(0.0, 0.0), (-1.5, -3.0), (0.7, 1.0)])
def test_the_density_integrates_to_one(mean: float, log_scale: float) -> None:
    x = torch.linspace(-80, 80, 100_001, dtype=torch.float64)
    density = logistic_log_prob(x, wide(mean), wide(log_scale)).exp()
    assert math.isclose(torch.trapezoid(density, x).item(), 1, rel_tol=1e-4)


@settings(deadline=None)
@given(x=st.floats(-3, 3), mean=locations, log_std=log_scales)
def test_gaussian_agrees_with_pytorch(x: float, mean: float, log_std: float) -> None:
    found = gaussian_log_prob(torch.tensor(x), torch.tensor(mean), torch.tensor(log_std))
    assert torch.allclose(found, d.Normal(mean, math.exp(log_std)).log_prob(torch.tensor(x)), rtol=1e-4, atol=1e-5)


def test_bernoulli_agrees_with_pytorch() -> None:
    logits, x = torch.randn(50, generator=torch.Generator().manual_seed(0)), torch.arange(50.0) % 2
    assert torch.allclose(bernoulli_log_prob(x, logits), d.Bernoulli(logits=logits).log_prob(x), atol=1e-6)


@settings(deadline=None)
@given(mean=locations, log_variance=st.floats(-8, 4))
def test_divergence_agrees_with_pytorch_and_is_never_negative(mean: float, log_variance: float) -> None:
    found = kl_to_standard_normal(wide(mean), wide(log_variance)).item()
    theirs = d.kl_divergence(d.Normal(wide(mean), math.exp(log_variance / 2)), d.Normal(0.0, 1.0))
    assert found >= -1e-12
    assert math.isclose(found, theirs.item(), rel_tol=1e-6, abs_tol=1e-9)
