"""Polyphase resampling against zeros between pixels, its gradients, and what it costs."""

from __future__ import annotations

import pytest
import torch
from benchmarks.plain_stylegans import stuffed_upfirdn2d
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.nn.fir import Resampling, downsample2d, fir_filter, upfirdn2d, upsample2d

FACTORS = st.tuples(st.integers(1, 4), st.integers(1, 4))
SIDES = st.tuples(*[st.integers(-3, 9)] * 4)


def _draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    taps=st.one_of(st.none(), st.tuples(st.integers(1, 9)), st.tuples(st.integers(1, 5), st.integers(1, 6))),
    up=FACTORS,
    down=FACTORS,
    padding=SIDES,
    flip=st.booleans(),
    last=st.booleans(),
)
def test_no_zero_is_needed(
    size: tuple[int, int],
    taps: tuple[int, ...] | None,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, ...],
    flip: bool,
    last: bool,
) -> None:
    x = _draw(2, 3, *size)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    f = None if taps is None else _draw(*taps)
    how = Resampling(up=up, down=down, padding=padding, flip_filter=flip)
    try:
        expected = stuffed_upfirdn2d(x, f, how, 2.5)
    except RuntimeError:  # nothing is left
        with pytest.raises(ValueError, match="nothing is left"):
            upfirdn2d(x, f, how, 2.5)
        return
    if not expected.numel():
        return
    found = upfirdn2d(x, f, how, 2.5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    if last and up == down == (1, 1) and f is not None:
        assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("taps", [(4,), (3, 2)])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (2, (3, 1)), ((3, 2), 2)])
def test_derivatives_of_first_and_second_order(taps: tuple[int, ...], up: int, down: int) -> None:
    f, how = _draw(*taps), Resampling(up=up, down=down, padding=(2, 1, -1, 3))
    x = _draw(1, 2, 5, 4).double().requires_grad_()

    def curved(x: Tensor) -> Tensor:
        return upfirdn2d(x, f, how).square()

    assert torch.autograd.gradcheck(curved, x)
    assert torch.autograd.gradgradcheck(curved, x)


def test_enlarging_and_thinning_keep_brightness() -> None:
    f = fir_filter([1, 3, 3, 1])
    x = torch.ones(1, 2, 12, 10)
    for y, size in ((upsample2d(x, f), (24, 20)), (downsample2d(x, f), (6, 5))):
        assert y.shape[2:] == size
        torch.testing.assert_close(y[:, :, 2:-2, 2:-2], torch.ones_like(y[:, :, 2:-2, 2:-2]))


def test_sixteen_bits_keep_their_type() -> None:
    f = fir_filter([1, 3, 3, 1])
    x = _draw(1, 3, 8, 8)
    y = upsample2d(x.bfloat16(), f)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), upsample2d(x, f), rtol=0.02, atol=0.02)


def test_filters_are_not_rounded_under_autocast() -> None:
    f = fir_filter([1, 3, 3, 1])
    x = _draw(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(downsample2d(x, f), downsample2d(x, f).float(), rtol=0, atol=0)
        y = downsample2d(x, f)
    assert torch.equal(y, downsample2d(x, f))


@pytest.mark.parametrize("up", [0, (1, 0)])
def test_impossible_factors_are_refused(up: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        upfirdn2d(torch.ones(1, 1, 4, 4), None, Resampling(up=up))


def test_it_exports() -> None:
    class Enlarge(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return upsample2d(x, fir_filter([1, 3, 3, 1]))

    x = _draw(1, 2, 6, 6)
    program = torch.export.export(Enlarge(), (x,))
    torch.testing.assert_close(program.module()(x), Enlarge()(x))
