"""Runge-Kutta methods of fixed steps."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from diorama.samplers.fixed_steps import TABLEAUS, Method, even_times, integrate, log_density

ORDERS = {"euler": 1, "midpoint": 2, "heun2": 2, "heun3": 3, "rk4": 4, "kutta38": 4}
START = torch.tensor([1.0, -0.5], dtype=torch.float64)


def _slope(t: float, x: Tensor) -> Tensor:
    return x.cos() * (1 + t)


def _end(method: Method, count: int) -> Tensor:
    return list(integrate(_slope, START, even_times(0.0, 1.0, 1 / count), method))[-1]


@pytest.mark.parametrize("method", get_args(Method))
def test_errors_shrink_with_the_order(method: Method) -> None:
    exact = _end("kutta38", 2_000)
    coarse, fine = ((_end(method, count) - exact).norm().item() for count in (20, 40))
    assert math.log2(coarse / fine) == pytest.approx(ORDERS[method], abs=0.25)


@pytest.mark.parametrize("method", get_args(Method))
def test_tableaus_are_consistent(method: Method) -> None:
    tableau = TABLEAUS[method]
    assert sum(tableau.weights) == pytest.approx(1)
    assert [sum(row) for row in tableau.rows] == pytest.approx(list(tableau.nodes))


def test_the_last_step_may_be_shorter_in_either_direction() -> None:
    assert even_times(0.0, 1.0, 0.4) == pytest.approx([0, 0.4, 0.8, 1])
    assert even_times(1.0, 0.0, 0.25) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert len(even_times(0.0, 1.0, 0.1)) == 11
    with pytest.raises(ValueError, match="positive"):
        even_times(0.0, 1.0, 0.0)


def test_the_density_of_a_scaled_normal_is_exact() -> None:
    # Along dx/dt = -x noise of deviation e becomes noise of deviation 1.
    x = torch.randn(6, 3, dtype=torch.float64)

    def prior(z: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)

    found, latent = log_density(lambda t, y: -y, x, even_times(0.0, 1.0, 0.01), "kutta38", prior)
    torch.testing.assert_close(latent, x / math.e, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found, torch.distributions.Normal(0.0, math.e).log_prob(x).sum(1), rtol=1e-6, atol=1e-6)
