"""Identities of Gaussian processes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Level
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import (
    Target,
    clean_of,
    discretized_log_likelihood,
    noise_of,
    noised,
    normal_kl,
    posterior,
    target_of,
)

TARGETS: list[Target] = ["noise", "clean", "velocity", "score", "flow"]
numbers = st.floats(-3, 3)


def _level(alpha: float, sigma: float) -> Level:
    return Level(*(torch.tensor(v, dtype=torch.float64) for v in (0.5, alpha, sigma)))


@settings(deadline=None)
@given(
    clean=numbers, noise=numbers, alpha=st.floats(0.01, 1), sigma=st.floats(0.01, 100), target=st.sampled_from(TARGETS)
)
def test_every_target_gives_the_clean_sample_back(
    clean: float, noise: float, alpha: float, sigma: float, target: Target
) -> None:
    level = _level(alpha, sigma)
    c, n = torch.tensor([clean], dtype=torch.float64), torch.tensor([noise], dtype=torch.float64)
    x = noised(c, n, level)
    found = clean_of(target, target_of(target, c, n, level), x, level)
    torch.testing.assert_close(found, c, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(noise_of(x, c, level), n, rtol=1e-6, atol=1e-6)


def test_pure_noise_says_nothing_but_clean_and_velocity_do() -> None:
    level = _level(0.0, 1.0)
    clean, noise = torch.randn(2, 4, dtype=torch.float64)
    for target in ("clean", "velocity"):
        found = clean_of(target, target_of(target, clean, noise, level), noise, level)  # type: ignore[arg-type]
        torch.testing.assert_close(found, clean)


@settings(deadline=None)
@given(t=st.integers(1, 999), gap=st.integers(1, 999))
def test_posterior_is_bayes_rule(t: int, gap: int) -> None:
    process = DiscreteProcess()
    level, below = (process.at(torch.tensor(v + 1.0, dtype=torch.float64)) for v in (t, max(t - gap, 0)))
    step = posterior(level, below)
    # Joint normal of (x_below, x) given the clean sample: covariance is ratio * sigma_below².
    ratio = level.alpha / below.alpha
    gain = ratio * below.sigma**2 / level.sigma**2
    torch.testing.assert_close(step.of_x, gain)
    torch.testing.assert_close(step.of_clean, below.alpha - gain * level.alpha, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(step.variance, below.sigma**2 * (1 - gain * ratio), rtol=1e-6, atol=1e-12)


def test_step_variance_of_neighbours_is_beta() -> None:
    process, times = DiscreteProcess(), torch.arange(1001, dtype=torch.float64)
    found = posterior(process.at(times[1:]), process.at(times[:-1])).step_variance
    torch.testing.assert_close(found, process.variances, rtol=1e-8, atol=1e-12)


@settings(deadline=None)
@given(mean=numbers, other=numbers, variance=st.floats(0.01, 9), other_variance=st.floats(0.01, 9))
def test_divergence_is_that_of_torch(mean: float, other: float, variance: float, other_variance: float) -> None:
    values = [torch.tensor(v, dtype=torch.float64) for v in (mean, variance, other, other_variance)]
    p = torch.distributions.Normal(values[0], values[1].sqrt())
    q = torch.distributions.Normal(values[2], values[3].sqrt())
    found = normal_kl(values[0], values[1].log(), values[2], values[3].log())
    torch.testing.assert_close(found, torch.distributions.kl_divergence(p, q), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("deviation", [0.003, 0.05, 2.0])
@pytest.mark.parametrize("mean", [-1.0, -0.2, 0.999, 1.5])
def test_probabilities_of_all_values_sum_to_one(mean: float, deviation: float) -> None:
    values = torch.linspace(-1, 1, 256, dtype=torch.float64)
    log = discretized_log_likelihood(
        values, torch.tensor(mean, dtype=torch.float64), torch.tensor(deviation, dtype=torch.float64)
    )
    assert log.exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_far_tails_stay_finite_in_float32() -> None:
    log = discretized_log_likelihood(torch.tensor([-1.0, 0.0, 1.0]), torch.tensor(-1.0), torch.tensor(0.01))
    assert log.isfinite().all()
    assert log[0] > log[1] > log[2]
