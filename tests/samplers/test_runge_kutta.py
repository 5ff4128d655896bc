"""The solver whose steps adapt takes the very steps of SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from torch import Tensor

from diorama.samplers.runge_kutta import rk45


def bending(t: float, y: Tensor) -> Tensor:
    """A slope whose solution mixes its values and bends now and then."""
    return -y * math.sin(3 * t) + 0.3 * y.cos() + (y.roll(1) - y) * t


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
