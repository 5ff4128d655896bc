"""The fused kernels against plain formulas in float64, on a GPU, or with ``TRITON_INTERPRET=1`` on a CPU.

``python -m tests.nn.fused_cases`` runs all cases where it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn import group_norm_triton
from diorama.nn.group_norm_triton import group_norm_silu
from diorama.nn.projected_sum import projected_sum
from diorama.nn.residual_sum import residual_sum


class NormCase(NamedTuple):
    """A call of the group norm.

    Args:
        shape: of x.
        skip: channels of the features joined to x; 0 for none.
        groups: of all channels.
        offset: whether one is added first.
        per_sample: whether each sample has weights of its own.
        silu: whether it is activated.
        mean: of x.
    """

    shape: tuple[int, int, int, int]
    skip: int
    groups: int
    offset: bool = False
    per_sample: bool = False
    silu: bool = False
    mean: float = 0.0


NORMS = (
    NormCase((2, 24, 5, 7), 0, 4, offset=True, silu=True),
    NormCase((2, 96, 8, 8), 0, 32, per_sample=True, silu=True),
    NormCase((3, 16, 30, 20), 0, 4, offset=True, per_sample=True),
    NormCase((2, 8, 4, 4), 0, 8),
    NormCase((2, 128, 3, 3), 0, 1, offset=True, silu=True),
    NormCase((2, 16, 5, 3), 8, 4, offset=True, per_sample=True, silu=True),
    NormCase((2, 64, 6, 6), 32, 32, silu=True),
    # A group that begins in x and ends in what is joined to it.
    NormCase((2, 20, 9, 9), 28, 12, offset=True),
    NormCase((1, 6, 1, 1), 6, 1, silu=True),
    NormCase((2, 8, 30, 30), 8, 4, offset=True, silu=True, mean=300.0),
    # No lane and no pixel is beyond the end; the border between x and what is joined is that of a program.
    NormCase((2, 64, 16, 16), 64, 32, offset=True, silu=True),
    # One group, wider than what a thread reads at once.
    NormCase((2, 640, 5, 5), 0, 1, per_sample=True, silu=True),
    NormCase((1, 128, 32, 32), 64, 16, silu=True, mean=-20.0),
    # More chunks than are added up at once.
    NormCase((1, 640, 9, 9), 0, 1, offset=True),
    # A channel a group; an odd number of groups; one sample.
    NormCase((1, 7, 5, 3), 0, 7, offset=True, silu=True),
    NormCase((1, 9, 6, 7), 6, 5, offset=True, per_sample=True, silu=True),
)
PROJECTIONS = (
    ((2, 24, 5, 7), 0, 40),
    ((3, 64, 6, 6), 32, 20),
    ((1, 3, 1, 1), 5, 3),
    ((2, 128, 9, 9), 136, 264),
    ((1, 1, 5, 1), 7, 1),
)
"""Shape of x, channels of what is joined to it (0 for none), and channels that both are projected to."""
SUMS = ((2, 24, 5, 7), (1, 3, 1, 1), (2, 300, 9, 5), (3, 128, 8, 8), (1, 1, 3, 2))
"""Shapes of residual sums."""


def check_norm(case: NormCase, dtype: torch.dtype, device: str, *, whole: bool) -> None:
    """Result and all gradients.

    Args:
        case: what is called.
        dtype: of the features.
        device: where.
        whole: whether programs see all pixels of their groups, where they can, or chunks of them.
    """
    before = group_norm_triton._MOST_WARPS
    group_norm_triton._MOST_WARPS = before if whole else 0
    try:
        _check_norm(case, dtype, device)
    finally:
        group_norm_triton._MOST_WARPS = before


def _check_norm(case: NormCase, dtype: torch.dtype, device: str) -> None:
    torch.manual_seed(0)
    b, c, height, width = case.shape
    channels = c + case.skip
    x = _features(case.shape, dtype, device, case.mean)
    skip = _features((b, case.skip, height, width), dtype, device, case.mean) if case.skip else None
    offset = torch.randn(b, channels, device=device, requires_grad=True) if case.offset else None
    size = (b, channels) if case.per_sample else (channels,)
    weight, bias = (torch.randn(size, device=device, requires_grad=True) for _ in range(2))
    how = {"groups": case.groups, "eps": 1e-5, "silu": case.silu, "offset": offset, "skip": skip}
    y = group_norm_silu(x, weight, bias, **how)  # type: ignore[arg-type]
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert torch.equal(y, group_norm_silu(x, weight, bias, **how))  # type: ignore[arg-type]
    joined = (x if skip is None else torch.cat([x, skip], 1)).double()
    joined = joined if offset is None else joined + offset[:, :, None, None]
    exact = F.group_norm(joined, case.groups, eps=1e-5)
    exact = exact * weight.expand(b, channels)[:, :, None, None] + bias.expand(b, channels)[:, :, None, None]
    exact = F.silu(exact) if case.silu else exact
    _compare(y, exact, [x, skip, offset, weight, bias], dtype)


def check_sum(shape: Sequence[int], dtype: torch.dtype, device: str) -> None:
    """Result and all gradients of a residual sum."""
    torch.manual_seed(0)
    x, h = (_features(shape, dtype, device) for _ in range(2))
    bias = torch.randn(shape[1], device=device, requires_grad=True)
    for scale in (1.0, 0.5**0.5):
        y = residual_sum(x, h, bias, scale=scale)
        assert y.dtype == dtype
        with torch.no_grad():
            assert torch.equal(y, residual_sum(x, h, bias, scale=scale))
        exact = (x.double() + h.double() + bias.double()[:, None, None]) * scale
        _compare(y, exact, [x, h, bias], dtype)
    _compare(residual_sum(None, h, bias), h.double() + bias.double()[:, None, None], [h, bias], dtype)


def check_projected_sum(
    shape: tuple[int, int, int, int], joined: int, outputs: int, dtype: torch.dtype, device: str
) -> None:
    """Result and all gradients of a projection and what it is added to."""
    torch.manual_seed(0)
    b, c, height, width = shape
    x, h = (_features((b, channels, height, width), dtype, device) for channels in (c, outputs))
    skip = _features((b, joined, height, width), dtype, device) if joined else None
    # Weights are rounded first: half precision is all that products see of them.
    weight = (torch.randn(outputs, c + joined) * (c + joined) ** -0.5).to(dtype).float().to(device).requires_grad_()
    bias = torch.randn(outputs, device=device, requires_grad=True)
    both = (x if skip is None else torch.cat([x, skip], 1)).double()
    for scale in (1.0, 0.5**0.5):
        y = projected_sum(weight, x, skip, h, bias, scale=scale)
        assert y.dtype == dtype
        assert y.is_contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            assert torch.equal(y, projected_sum(weight, x, skip, h, bias, scale=scale))
        exact = torch.einsum("oc,bchw->bohw", weight.double(), both) + h.double() + bias.double()[:, None, None]
        _compare(y, exact * scale, [weight, x, skip, h, bias], dtype)


def _features(shape: Sequence[int], dtype: torch.dtype, device: str, mean: float = 0.0) -> Tensor:
    x = (torch.randn(*shape) + mean).to(device, dtype).contiguous(memory_format=torch.channels_last)
    return x.requires_grad_()


def _compare(y: Tensor, exact: Tensor, inputs: Sequence[Tensor | None], dtype: torch.dtype) -> None:
    given = [t for t in inputs if t is not None]
    slope = torch.randn_like(y)
    pairs = [(y, exact)]
    pairs += zip(torch.autograd.grad(y, given, slope), torch.autograd.grad(exact, given, slope.double()), strict=True)
    rounding = 1e-4 if dtype == torch.float32 else 1e-2
    for ours, theirs in pairs:
        error = (ours.double() - theirs.double()).abs().max()
        assert error <= rounding * max(1.0, theirs.abs().max().item()), f"off by {error:.3g}"


def main() -> None:
    """All cases on a CPU, in Triton's interpreter."""
    for case in NORMS:
        for whole in (True, False):
            check_norm(case, torch.float32, "cpu", whole=whole)
    for shape in SUMS:
        check_sum(shape, torch.float32, "cpu")
    for projection in PROJECTIONS:
        check_projected_sum(*projection, torch.float16, "cpu")
    print("equal")


if __name__ == "__main__":
    main()
