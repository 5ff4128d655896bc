"""Runge-Kutta methods by their tableaus, over a given grid of times; and log-densities along the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from diorama.samplers.runge_kutta import Slope

Method = Literal["euler", "midpoint", "heun2", "heun3", "rk4", "kutta38"]
"""Of the orders 1, 2, 2, 3, 4 and 4; ``rk4`` is the classical method, ``kutta38`` Kutta's 3/8 rule, which torchdiffeq
calls ``rk4``."""


class Tableau(NamedTuple):
    """A method.

    Attributes:
        nodes: where in a step the slope is taken, as shares of it.
        rows: weights of the earlier slopes, by which each of these places is reached.
        weights: of the slopes in the step itself.
    """

    nodes: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


TABLEAUS: Mapping[Method, Tableau] = {
    "euler": Tableau((0.0,), ((),), (1.0,)),
    "midpoint": Tableau((0.0, 0.5), ((), (0.5,)), (0.0, 1.0)),
    "heun2": Tableau((0.0, 1.0), ((), (1.0,)), (0.5, 0.5)),
    "heun3": Tableau((0.0, 1 / 3, 2 / 3), ((), (1 / 3,), (0.0, 2 / 3)), (1 / 4, 0.0, 3 / 4)),
    "rk4": Tableau((0.0, 0.5, 0.5, 1.0), ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
    "kutta38": Tableau(
        (0.0, 1 / 3, 2 / 3, 1.0),
        ((), (1 / 3,), (-1 / 3, 1.0), (1.0, -1.0, 1.0)),
        (1 / 8, 3 / 8, 3 / 8, 1 / 8),
    ),
}
"""By name. Reference: E. Hairer, S. P. Nørsett, G. Wanner, "Solving ordinary differential equations I", section II.1,
tables 1.1 and 1.2."""


def integrate(slope: Slope, x: Tensor, times: Sequence[float], method: Method) -> Iterator[Tensor]:
    """Follow a slope, one step from each time to the next.

    Args:
        slope: of the solution.
        x: the state at the first time, of any shape.
        times: rising or falling.
        method: of the steps.

    Yields:
        The state at each later time.
    """
    for t, end in pairwise(times):
        x = move(slope, t, x, end, method)
        yield x


def move(slope: Slope, t: float, x: Tensor, end: float, method: Method) -> Tensor:
    """One step of :func:`integrate`."""
    tableau, length = TABLEAUS[method], end - t
    slopes: list[Tensor] = []
    for node, row in zip(tableau.nodes, tableau.rows, strict=True):
        # The end itself, which t + length may miss by a rounding.
        place = end if node == 1 else t + node * length
        slopes.append(slope(place, _moved(x, row, slopes, length)))
    return _moved(x, tableau.weights, slopes, length)


def even_times(start: float, end: float, length: float) -> list[float]:
    """Times so far apart from start to end, in either direction; the last step may be shorter.

    Raises:
        ValueError: the length is not positive.
    """
    if not length > 0:
        raise ValueError(f"the length of a step must be positive, got {length}")
    count = max(math.ceil(abs(end - start) / length - 1e-6), 1)
    return [*(start + math.copysign(i * length, end - start) for i in range(count)), end]


def log_density(
    slope: Slope, x: Tensor, times: Sequence[float], method: Method, prior: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Log-density of samples by the change of variables along a slope, with its exact divergence.

    Args:
        slope: of the path; each sample's may look at that sample alone. It is differentiated.
        x: (b, ...) samples at the first time. The divergence takes a pass backwards for each value of a sample.
        times: from the samples to the prior.
        method: of the steps.
        prior: log-density in nats of states (b, ...) at the last time: (b,).

    Returns:
        (b,) in nats, and the states at the last time.

    Reference: R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, arXiv:1806.07366, theorem 1.
    """
    count, shape = len(x), x.shape

    def both(t: float, state: Tensor) -> Tensor:
        sample = state[:, :-1].reshape(shape)
        moving, divergence = _with_divergence(slope, t, sample)
        return torch.cat([moving.flatten(1), divergence[:, None]], dim=1)

    state = torch.cat([x.flatten(1), x.new_zeros(count, 1)], dim=1)
    for reached in integrate(both, state, times, method):
        state = reached
    latent = state[:, :-1].reshape(shape)
    return prior(latent) + state[:, -1], latent


def _with_divergence(slope: Slope, t: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """The slope at x (b, ...), and its divergence (b,)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        moving = slope(t, x)
        total = x.new_zeros(len(x))
        for i, column in enumerate(moving.flatten(1).unbind(1)):
            (bent,) = torch.autograd.grad(column.sum(), x, retain_graph=True)
            total = total + bent.flatten(1)[:, i]
    return moving.detach(), total


def _moved(x: Tensor, weights: tuple[float, ...], slopes: list[Tensor], length: float) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            x = x + weight * length * slope
    return x
