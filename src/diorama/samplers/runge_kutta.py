"""A solver of ordinary differential equations ``dy / dt = slope(t, y)`` that chooses the lengths of its steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Slope = Callable[[float, Tensor], Tensor]
"""``(t, y) -> dy / dt``, of the shape and type of y."""


# J. R. Dormand, P. J. Prince, "A family of embedded Runge-Kutta formulae", 1980, table 2 (RK5(4)7M): the places of the
# stages in a step, what each is made of, the step itself, and its difference from the one of fourth order.
_PLACES = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1)
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
_STEP = (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
_ERROR = (-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40)
_ORDER = 4
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 10.0
"""Of the factors by which a step's length changes."""


class Reached(NamedTuple):
    """Where an adaptive solver has come to.

    Attributes:
        t: the time.
        y: the state there.
        calls: of the slope until now.
    """

    t: float
    y: Tensor
    calls: int


def rk45(
    slope: Slope, y: Tensor, start: float, end: float, *, relative: float = 1e-5, absolute: float = 1e-5
) -> Iterator[Reached]:
    """Dormand and Prince's method of fifth order, whose steps are as long as their estimated error allows.

    First length, acceptance and changes of length are those of SciPy's ``RK45``, so that both take the same steps: the
    error of a step, in units of ``absolute + relative * |y|``, must be below 1 in the root mean square of all values.

    Args:
        slope: of the solution.
        y: the state at ``start``, of any shape; kept in its own type, which should be float64.
        start: a time.
        end: another, before it or after it.
        relative: tolerated error as a share of the state.
        absolute: tolerated error added to it.

    Yields:
        Where each accepted step leads; last ``end``.

    Raises:
        ArithmeticError: no step is short enough: the slope is not finite, or jumps.
    """
    if not (relative > 0 and absolute > 0):
        raise ValueError(f"relative and absolute must be positive, got {relative:g} and {absolute:g}")
    direction = 1.0 if end > start else -1.0
    t, moving, calls = start, slope(start, y), 2
    length = _first_length(slope, (t, y, moving), end, (relative, absolute))
    while direction * (end - t) > 0:
        shortest = 10 * abs(math.nextafter(t, direction * math.inf) - t)
        length, rejected = max(length, shortest), False
        while True:
            reached = t + direction * length
            if direction * (reached - end) > 0:
                reached = end
            step = reached - t
            length = abs(step)
            there, stages = _dormand_prince(slope, t, y, moving, step)
            calls += 6
            scale = absolute + torch.maximum(y.abs(), there.abs()) * relative
            error = _size(step * _mixed(_ERROR, stages) / scale)
            if error < 1:
                change = _MOST if error == 0 else min(_MOST, _SAFETY * error ** (-1 / (_ORDER + 1)))
                length *= min(1.0, change) if rejected else change
                break
            # Of an error that is no number nothing follows but that the step was too long.
            change = _SAFETY * error ** (-1 / (_ORDER + 1)) if math.isfinite(error) else 0.0
            length, rejected = length * max(_LEAST, change), True
            if length < shortest:
                raise ArithmeticError(f"no step is short enough at t = {t:g}: the slope is not finite there, or jumps")
        t, y, moving = reached, there, stages[-1]
        yield Reached(t, y, calls)


def _dormand_prince(slope: Slope, t: float, y: Tensor, moving: Tensor, step: float) -> tuple[Tensor, list[Tensor]]:
    """The state after a step, and the seven slopes, the last of which is the one there."""
    stages = [moving]
    for place, weights in zip(_PLACES[1:], _STAGES[1:], strict=True):
        stages.append(slope(t + place * step, y + step * _mixed(weights, stages)))
    there = y + step * _mixed(_STEP, stages)
    stages.append(slope(t + step, there))
    return there, stages


def _mixed(weights: tuple[float, ...], stages: list[Tensor]) -> Tensor:
    total = torch.zeros_like(stages[0])
    for weight, stage in zip(weights, stages, strict=True):
        total = total + weight * stage if weight else total
    return total


def _first_length(
    slope: Slope, begin: tuple[float, Tensor, Tensor], end: float, tolerances: tuple[float, float]
) -> float:
    """How long the first step is; calls the slope once.

    Reference: E. Hairer, S. P. Nørsett, G. Wanner, "Solving ordinary differential equations I", section II.4.
    """
    (t, y, moving), (relative, absolute) = begin, tolerances
    span, direction = abs(end - t), 1.0 if end > t else -1.0
    scale = absolute + y.abs() * relative
    state, speed = _size(y / scale), _size(moving / scale)
    length = 1e-6 if state < 1e-5 or speed < 1e-5 else 0.01 * state / speed
    length = min(length, span)
    again = slope(t + length * direction, y + length * direction * moving)
    bend = _size((again - moving) / scale) / length
    if speed <= 1e-15 and bend <= 1e-15:
        other = max(1e-6, length * 1e-3)
    else:
        other = (0.01 / max(speed, bend)) ** (1 / (_ORDER + 1))
    return min(100 * length, other, span)


def _size(values: Tensor) -> float:
    """Root mean square."""
    return values.square().mean().sqrt().item()
