"""The leaky ReLU between filters: against its definition, in values and in derivatives of both orders."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from benchmarks.plain_stylegans import stuffed_filtered_lrelu
from torch import Tensor

from diorama.nn import filtered_lrelu as module
from diorama.nn.filtered_lrelu import filtered_lrelu
from diorama.nn.fir import Resampling


def _draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


CASES: list[tuple[tuple[int, ...] | None, tuple[int, ...] | None, dict[str, Any], dict[str, Any]]] = [
    ((6,), (6,), {"up": 2, "down": 2, "padding": (5, 4, 5, 4)}, {"clamp": 0.9}),
    ((8,), (4, 4), {"up": 4, "down": 2, "padding": (5, -1, 2, 4)}, {}),
    ((3, 4), (3, 4), {"up": 2, "down": 2, "padding": 4, "flip_filter": True}, {"slope": 0.0, "clamp": 1.0}),
    (None, (4,), {"padding": 3, "down": 2}, {"slope": -0.5, "clamp": 0.3}),
    (None, None, {"padding": 1}, {"gain": 0.5}),
    (None, None, {}, {"gain": 1.0, "slope": 1.0, "clamp": 0.8}),
]


@pytest.mark.parametrize(("up", "down", "how", "shape"), CASES)
@pytest.mark.parametrize("last", [False, True])
def test_it_is_what_its_definition_says(up: Any, down: Any, how: Any, shape: Any, last: bool) -> None:
    x, b = _draw(2, 3, 6, 5), _draw(3)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    fu, fd = (None if taps is None else _draw(*taps).float() for taps in (up, down))
    found = filtered_lrelu(x, fu, fd, b, Resampling(**how), **shape)
    torch.testing.assert_close(found, stuffed_filtered_lrelu(x, fu, fd, b, Resampling(**how), **shape))


@pytest.mark.parametrize(("up", "down", "how", "shape"), CASES)
def test_derivatives_are_those_of_its_definition(up: Any, down: Any, how: Any, shape: Any) -> None:
    fu, fd = (None if taps is None else _draw(*taps).float() for taps in (up, down))
    x, b = _draw(1, 2, 5, 4), _draw(2)
    derivatives = []
    for form in (filtered_lrelu, stuffed_filtered_lrelu):
        call = partial(form, fu=fu, fd=fd, how=Resampling(**how), **shape)
        at, bias = x.clone().requires_grad_(), b.clone().requires_grad_()
        y = call(at, b=bias).square().sum()
        first = torch.autograd.grad(y, (at, bias), create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), (at, bias))
        derivatives.append((*first, *second))
    for found, expected in zip(*derivatives, strict=True):
        torch.testing.assert_close(found, expected)


def test_parts_are_put_together_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    x, f = _draw(2, 37, 6, 6).float(), _draw(6).float()
    how = Resampling(up=2, down=2, padding=5)
    whole = filtered_lrelu(x, f, f, None, how)
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    torch.testing.assert_close(filtered_lrelu(x, f, f, None, how), whole)


def test_factors_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="gain must be above 0"):
        filtered_lrelu(torch.ones(1, 1, 4, 4), None, None, None, Resampling(), gain=0.0)


def test_nothing_of_the_higher_resolution_is_kept() -> None:
    x = torch.randn(1, 4, 16, 16, requires_grad=True)
    f = torch.ones(12) / 12
    y = filtered_lrelu(x, f, f, None, Resampling(up=2, down=2, padding=11))
    kept = [t for t in y.grad_fn.saved_tensors if t.numel() > x.numel()]  # type: ignore[union-attr]
    assert y.isfinite().all()
    assert not kept
    assert math.prod(y.shape) == y.numel()
