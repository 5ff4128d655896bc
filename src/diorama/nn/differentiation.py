"""Losses that differentiate a gradient: layers whose fast kernels have one derivative only step aside for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

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
