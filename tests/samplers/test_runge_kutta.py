"""Solvers of ordinary differential equations: orders, and the very steps of SciPy's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from torch import Tensor

from diorama.samplers.runge_kutta import Slope, euler_move, midpoint_move, rk4_move, rk45

Move = Callable[[Slope, float, Tensor, float], Tensor]


def bending(t: float, y: Tensor) -> Tensor:
    """A slope whose solution mixes its values and bends now and then."""
    return -y * math.sin(3 * t) + 0.3 * y.cos() + (y.roll(1) - y) * t


def _walked(move: Move, steps: int) -> Tensor:
    y, length = torch.linspace(-1, 2, 5, dtype=torch.float64), 1.5 / steps
    for i in range(steps):
        y = move(bending, i * length, y, length)
    return y


@pytest.mark.parametrize(("move", "order"), [(euler_move, 1), (midpoint_move, 2), (rk4_move, 4)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(move: Move, order: int) -> None:
    exact = _walked(rk4_move, 2_000)
    coarse, fine = ((_walked(move, steps) - exact).norm() for steps in (40, 80))
    assert float(torch.log2(coarse / fine)) == pytest.approx(order, abs=0.15)


@settings(deadline=None, max_examples=20)
@given(
    start=st.floats(-2, 2),
    span=st.floats(1e-3, 5),
    back=st.booleans(),
    relative=st.sampled_from([1e-3, 1e-5, 1e-8]),
    absolute=st.sampled_from([1e-3, 1e-6]),
    rate=st.floats(0.1, 30),
)
def test_adaptive_steps_are_those_of_scipy(
    start: float, span: float, back: bool, relative: float, absolute: float, rate: float
) -> None:
    y, end = torch.linspace(-1, 2, 7, dtype=torch.float64), start - span if back else start + span

    def slope(t: float, y: Tensor) -> Tensor:
        return math.cos(rate * t) * rate * y.sin() + 0.1 * y.roll(1)

    *_, reached = rk45(slope, y, start, end, relative=relative, absolute=absolute)
    wanted = solve_ivp(
        lambda t, y: slope(t, torch.from_numpy(y)).numpy(), (start, end), y.numpy(), rtol=relative, atol=absolute
    )
    assert (reached.calls, reached.t) == (wanted.nfev, end)
    np.testing.assert_allclose(reached.y.numpy(), wanted.y[:, -1], rtol=1e-9, atol=1e-9)


def test_a_slope_that_is_no_number_ends_the_walk() -> None:
    with pytest.raises(ArithmeticError, match="no step is short enough"):
        list(rk45(lambda t, y: y / (0.5 - t) ** 2, torch.ones(2, dtype=torch.float64), 0.0, 1.0))
    with pytest.raises(ValueError, match="must be positive"):
        next(rk45(bending, torch.ones(2), 0.0, 1.0, relative=0.0))
