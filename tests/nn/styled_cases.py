"""The kernels of StyleGANs against what they stand for in float64, on a GPU, or with ``TRITON_INTERPRET=1`` on a CPU.

``python -m tests.nn.styled_cases`` runs all cases where it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from diorama.nn import bias_act_triton, fir_triton
from diorama.nn.bias_act import Pieces, bias_act
from diorama.nn.filtered_lrelu import filtered_lrelu
from diorama.nn.fir import Bend, Resampling, resampled, upfirdn2d


class ResamplingCase(NamedTuple):
    """A resampling.

    Args:
        shape: of the pictures.
        taps: rows and columns of the kernel.
        how: the resampling.
        last: channels lie side by side.
    """

    shape: tuple[int, int, int, int]
    taps: tuple[int, int]
    how: Resampling
    last: bool = True


RESAMPLINGS = (
    ResamplingCase((2, 16, 9, 7), (4, 4), Resampling(padding=(2, 1, 2, 1))),
    ResamplingCase((2, 3, 8, 8), (4, 4), Resampling(up=2, padding=(2, 1, 2, 1))),
    ResamplingCase((2, 3, 8, 8), (4, 4), Resampling(up=2, padding=(2, 1, 2, 1)), last=False),
    ResamplingCase((1, 80, 12, 10), (4, 4), Resampling(down=2, padding=1)),
    ResamplingCase((1, 5, 12, 10), (4, 4), Resampling(down=2, padding=1), last=False),
    ResamplingCase((1, 8, 11, 13), (12, 1), Resampling(up=(1, 2), padding=(0, 0, 9, 8))),
    ResamplingCase((1, 8, 11, 13), (1, 12), Resampling(up=(4, 1), padding=(-3, 14, 0, 0))),
    ResamplingCase((2, 4, 30, 31), (12, 1), Resampling(down=(1, 2))),
    ResamplingCase((2, 2, 14, 14), (6, 5), Resampling(up=(3, 2), down=(2, 3), padding=(4, -2, 5, 3))),
    ResamplingCase((1, 2, 5, 5), (1, 1), Resampling(up=3, padding=1)),
    # Nothing but zeros lies under some results.
    ResamplingCase((1, 4, 3, 3), (2, 2), Resampling(padding=6)),
)
BENT = (Pieces(0.2, 2**0.5, None), Pieces(0.2, 1.0, 0.7), Pieces(1.0, 1.0, None), Pieces(0.0, 1.5, 2.0))
SHAPES: tuple[tuple[tuple[int, ...], bool], ...] = (
    ((3, 10), False),
    ((2, 6, 5, 7), False),
    ((2, 6, 5, 7), True),
    ((1, 300, 3, 3), True),
    ((2, 1, 4, 4), True),
)
"""Of features, and whether channels lie side by side."""


def check_resampling(case: ResamplingCase, dtype: torch.dtype, device: str) -> None:
    """The result, as it is and bent."""
    x = _features(case.shape, case.last, dtype, device)
    kernel, geometry = torch.randn(case.taps), case.how.geometry
    exact = resampled(x.cpu().double(), kernel.double(), geometry)
    size = (exact.shape[2], exact.shape[3])
    found = fir_triton.filtered(x, kernel.to(device), geometry, size, None)
    _compare(found, exact)
    assert found.is_contiguous(memory_format=_layout(case.last))
    at = _features((*case.shape[:2], *size), case.last, dtype, device, seed=1)
    for clamp in (math.inf, 0.5):
        bent = fir_triton.filtered(x, kernel.to(device), geometry, size, Bend(0.2, clamp))
        _compare(bent, Bend(0.2, clamp).after(exact.clone()))
        sloped = fir_triton.filtered(x, kernel.to(device), geometry, size, Bend(0.2, clamp, at))
        _compare(sloped, Bend(0.2, clamp, at.cpu().double()).after(exact.clone()))


def check_bias_act(shape: tuple[int, ...], last: bool, pieces: Pieces, dtype: torch.dtype, device: str) -> None:
    """The result, and what a gradient becomes."""
    x, grad = (_features(shape, last, dtype, device, seed) for seed in range(2))
    b = torch.randn(shape[1]).to(dtype)
    given, bias = x.cpu().double().requires_grad_(), b.double()
    exact = bias_act(given, bias, act="lrelu", alpha=pieces.slope, gain=pieces.gain, clamp=pieces.clamp)
    across = b.to(device).reshape([-1 if axis == 1 else 1 for axis in range(x.dim())])
    y = bias_act_triton.straight(x, across, pieces)
    _compare(y, exact)
    # A result that is rounded up to the limit has no slope: the plain one is asked at the same results.
    bent = torch.where(y > 0, 1.0, pieces.slope) * (y.abs() < (pieces.clamp or torch.inf)) * pieces.gain
    _compare(bias_act_triton.sloped(grad, y, pieces), grad.cpu().double() * bent.cpu().double())
    _compare(bias_act_triton.straight(x, None, Pieces(1.0, 2.0, None)), 2 * x.cpu().double())


def _blurred(x: Tensor, b: Tensor, f: Tensor) -> Tensor:
    return bias_act(upfirdn2d(x, f, Resampling(up=2, padding=2)), b, act="lrelu", clamp=2.0)


def _filtered(x: Tensor, b: Tensor, f: Tensor) -> Tensor:
    return filtered_lrelu(x, f[0], f[0], b, Resampling(up=2, down=2, padding=3), clamp=1.5)


LAYERS = (_blurred, _filtered)
"""Features (b, c, h, w), a bias (c,) and a square filter -> features."""


def check_twice(layer: Callable[[Tensor, Tensor, Tensor], Tensor], last: bool) -> None:
    """A layer's result, gradients, and gradients of these, on a GPU against a CPU."""
    found = []
    for device, dtype in (("cuda", torch.float32), ("cpu", torch.float64)):
        x = _features((2, 6, 8, 7), last, torch.float32, "cpu").to(device, dtype).requires_grad_()
        b = torch.linspace(-1, 1, 6).to(device, dtype).requires_grad_()
        f = torch.linspace(0.1, 1, 16).reshape(4, 4).to(device)
        y = layer(x, b, f)
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        found.append([y, first, *torch.autograd.grad(first.pow(3).sum(), (x, b))])
    for ours, exact in zip(*found, strict=True):
        error = (ours.cpu().double() - exact).abs().max() / exact.abs().max()
        assert error <= 1e-4, f"off by {error:.3g}"


def check_more_than_32_bits(side: int, channels: int) -> None:
    """A picture of so many values, channels side by side, is doubled by a filter to its end, on a GPU."""
    x = torch.ones(1, side, side, channels, dtype=torch.bfloat16, device="cuda")  # (b, h, w, c)
    x[:, ::2] = -1
    y = resampled(x.permute(0, 3, 1, 2), torch.full((1, 1), 2.0, device="cuda"), Resampling().geometry)
    assert torch.equal(y.permute(0, 2, 3, 1).div_(2), x)


def _features(shape: tuple[int, ...], last: bool, dtype: torch.dtype, device: str, seed: int = 0) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape) + 1000 * seed)).to(device, dtype)
    return x.contiguous(memory_format=_layout(last))


def _layout(last: bool) -> torch.memory_format:
    return torch.channels_last if last else torch.contiguous_format


def _compare(found: Tensor, exact: Tensor) -> None:
    rounding = 1e-5 if found.dtype == torch.float32 else 1e-2
    assert found.shape == exact.shape
    error = (found.cpu().double() - exact.detach()).abs().max()
    assert error <= rounding * max(1.0, exact.abs().max().item()), f"off by {error:.3g}"


def main() -> None:
    """All cases on a CPU, in Triton's interpreter."""
    for dtype in (torch.float32, torch.float16):
        for case in RESAMPLINGS:
            check_resampling(case, dtype, "cpu")
        for shape, last in SHAPES:
            for pieces in BENT:
                check_bias_act(shape, last, pieces, dtype, "cpu")
    # Computed as for pictures of more values than 32 bits count.
    fir_triton._MOST = 0
    for case in (RESAMPLINGS[4], RESAMPLINGS[8]):
        check_resampling(case, torch.float32, "cpu")
    print("equal")


if __name__ == "__main__":
    main()
