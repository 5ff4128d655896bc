"""Whether kernels of our own take features: on NVIDIA's CUDA devices, where they can be built."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from diorama.nn.differentiation import is_twice_differentiable

_TYPES = (torch.float32, torch.float16, torch.bfloat16)
_log = logging.getLogger(__name__)


def take(*features: Tensor | None) -> bool:
    """Whether all of them (b, c, h, w), ``None`` left out, need one derivative at most, and kernels can read them."""
    given = [x for x in features if x is not None]
    return _alike(given) and all(x.dim() == 4 for x in given) and not is_twice_differentiable() and can_build()


def read(*tensors: Tensor | None) -> bool:
    """Whether kernels can read all of them, ``None`` left out, where no derivative is recorded and nothing compiled.

    Callers write down their derivatives themselves, of every order.
    """
    # PyTorch has no public name for this question: its transforms hand over tensors that hold others.
    transformed = torch._C._are_functorch_transforms_active()
    given = [x for x in tensors if x is not None]
    return _alike(given) and not transformed and not torch.compiler.is_compiling() and can_build()


def _alike(given: Sequence[Tensor]) -> bool:
    """Whether they lie on the current CUDA device, where Triton starts all kernels, and are of one type.

    Kernels compute in float32 and leave float64 to PyTorch.
    """
    dtype = given[0].dtype
    if dtype not in _TYPES or not all(x.is_cuda and x.dtype == dtype for x in given):
        return False
    current = torch.cuda.current_device()
    return all(x.device.index == current for x in given)


def can_build() -> bool:
    """Whether Triton builds kernels for the current CUDA device; never where there is none.

    One small kernel is built to find that out, once, and the reason is logged: without it a missing C compiler would
    end the training at its first step.
    """
    return _found_out()


if torch.backends.cuda.is_built():
    # Loads the compiler, which takes seconds: without CUDA nothing asks.
    torch.compiler.assume_constant_result(can_build)


@cache
def _found_out() -> bool:
    # PyTorch calls AMD's devices CUDA too; the kernels hold instructions that they do not know.
    if not torch.cuda.is_available() or torch.version.hip is not None:
        return False
    try:
        from diorama.nn.smallest_kernel import build

        build()
    except Exception as problem:
        # What a compiler, a header or a driver that is missing raises differs from one version of Triton to the next.
        reason = (str(problem).splitlines() or [""])[0]
        _log.warning(
            "networks take PyTorch's own kernels, which are slower: Triton's cannot be built here (%s: %s)",
            type(problem).__name__,
            reason,
        )
        return False
    return True
