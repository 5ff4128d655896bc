"""The arithmetic that exponential integrators share."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from diorama.processes.flow import FlowProcess
from diorama.samplers.exponential import ExponentialStep, moments, weights_of


@given(rate=st.floats(-30, 30), k=st.integers(0, 4))
def test_moments_are_integrals(rate: float, k: int) -> None:
    found = moments(rate, k + 1)[k]
    expected, _ = quad(lambda v: math.exp(rate * (1 - v)) * v**k, 0, 1, epsabs=0, epsrel=1e-11)
    assert found == pytest.approx(expected, rel=1e-8)


@given(places=st.lists(st.integers(-40, 10), min_size=1, max_size=4, unique=True), seed=st.integers(0, 9))
def test_weights_integrate_polynomials_exactly(places: list[int], seed: int) -> None:
    points = [place / 10 for place in places]
    coefficients = np.random.default_rng(seed).normal(size=len(points))
    integrals = moments(-1.5, len(points))
    weights = weights_of(points, integrals)
    values = [sum(c * point**k for k, c in enumerate(coefficients)) for point in points]
    by_values = sum(weight * value for weight, value in zip(weights, values, strict=True))
    assert by_values == pytest.approx(float(np.dot(coefficients, integrals)), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("tau", [0.0, 0.6, 1.0])
def test_a_step_keeps_the_marginals_of_a_clean_sample_that_stays(tau: float) -> None:
    """alpha clean + sigma noise becomes alpha' clean + sigma' noise, part of which is fresh."""
    process = FlowProcess()
    start, end = (process.at(torch.tensor(t, dtype=torch.float64)) for t in (0.8, 0.5))
    step = ExponentialStep(start, end, tau=tau)
    clean, weights = torch.ones(1, dtype=torch.float64), step.moments(1)
    of_clean = step.moved(0.2 * clean, [clean], weights).item()
    of_noise = step.moved(0.8 * clean, [0 * clean], weights).item()
    assert of_clean == pytest.approx(0.5)
    assert math.hypot(of_noise, step.fresh) == pytest.approx(0.5)


def test_along_noise_a_step_is_the_same_but_for_rounding() -> None:
    process = FlowProcess()
    start, end = (process.at(torch.tensor(t, dtype=torch.float64)) for t in (0.8, 0.5))
    clean, noise = torch.randn(2, 5, dtype=torch.float64)
    x = 0.2 * clean + 0.8 * noise
    along_clean, along_noise = ExponentialStep(start, end), ExponentialStep(start, end, "noise")
    torch.testing.assert_close(
        along_clean.moved(x, [clean], along_clean.moments(1)), along_noise.moved(x, [noise], along_noise.moments(1))
    )
