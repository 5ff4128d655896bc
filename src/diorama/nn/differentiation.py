"""Losses that differentiate a gradient, or forwards: layers whose fast kernels have neither step aside for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import torch
from torch import Tensor

_TWICE = ContextVar("twice", default=False)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Inside the block layers take operations that can be differentiated twice, whatever that costs.

    It holds for what is called in this thread (or task): the loss itself, and not what autograd calls later.
    """
    token = _TWICE.set(True)
    try:
        yield
    finally:
        _TWICE.reset(token)


def is_twice_differentiable() -> bool:
    """Whether the caller stands in such a block; what is compiled never does.

    Compiled graphs have one derivative themselves, so training runs networks uncompiled where two are needed.
    """
    return not torch.compiler.is_compiling() and _TWICE.get()


def gradient_by(x: Tensor, of: Tensor) -> Tensor:
    """The gradient of a sum, which can itself be differentiated by everything.

    Args:
        x: what the gradient is by.
        of: any shape, is summed.
    """
    (gradient,) = torch.autograd.grad(of.sum(), x, create_graph=True)
    return gradient


def is_asked_for(ctx: Any, place: int) -> bool:
    """Within the backward pass of a function of one's own: whether anybody asks for the gradient of an argument.

    ``ctx.needs_input_grad`` tells only that the argument could have one.

    Args:
        ctx: of the function.
        place: of the argument, among those that are tensors.
    """
    behind = ctx.next_functions[place][0]
    if behind is None:
        return False
    try:
        # PyTorch's own hooks on several gradients ask by this name; there is no public one.
        return bool(torch._C._will_engine_execute_node(behind))
    except RuntimeError:
        # It refuses to speak of a leaf that is itself what the gradient is by.
        return True


def with_derivative(
    function: Callable[..., Tensor], at: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """The value of a function, and its derivative forwards where its arguments move in a direction.

    Both have gradients.

    Args:
        function: whose layers take operations that have such derivatives.
        at: its arguments.
        along: the direction, a tensor of the shape of each.
    """
    _load_rules()
    # Compiled graphs have no derivative forwards: compiled networks run as they are.
    with twice_differentiable(), torch.compiler.set_stance("force_eager"):
        value, derivative = torch.func.jvp(function, at, along)[:2]
    return value, derivative


@cache
def _load_rules() -> None:
    """PyTorch loads its rules at the first derivative forwards, and warns of how it does so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.sin, (torch.zeros(()),), (torch.ones(()),))
