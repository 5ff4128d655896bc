"""Whether kernels of our own take features: on NVIDIA's CUDA devices, where they can be built."""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import Tensor

from diorama.nn.differentiation import is_twice_differentiable

_log = logging.getLogger(__name__)


def take(*features: Tensor | None) -> bool:
    """Whether all of them (b, c, h, w), ``None`` left out, lie on a CUDA device, are of one type, and need one
    derivative at most, and kernels can be built there.

    They compute in float32: what is given in float64 is left to PyTorch.
    """
    given = [x for x in features if x is not None]
    dtype = given[0].dtype
    alike = dtype != torch.float64 and all(x.is_cuda and x.dim() == 4 and x.dtype == dtype for x in given)
    return alike and not is_twice_differentiable() and can_build()


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
