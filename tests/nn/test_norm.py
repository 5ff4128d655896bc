"""Group normalisation: which kernels it takes, and that all of them agree."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn import kernels
from diorama.nn.norm import GroupNormAct


@pytest.fixture
def unbuildable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with a GPU and Triton, and without a C compiler."""

    def build() -> None:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.\nMore lines.")

    module = ModuleType("diorama.nn.smallest_kernel")
    module.build = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    kernels._found_out.cache_clear()
    yield
    kernels._found_out.cache_clear()


def test_without_a_compiler_kernels_step_aside_with_one_line(
    unbuildable: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="diorama"):
        assert not kernels.can_build()
        assert not kernels.can_build()
    (line,) = [record.getMessage() for record in caplog.records]
    assert "Failed to find C compiler" in line
    assert "\n" not in line


def test_where_there_is_no_gpu_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    kernels._found_out.cache_clear()
    assert not kernels.can_build()
    assert not caplog.records
    kernels._found_out.cache_clear()


def _by_hand(layer: GroupNormAct, x: Tensor, scale: Tensor, shift: Tensor, offset: Tensor) -> Tensor:
    y = F.group_norm(x + offset[:, :, None, None], layer.num_groups, layer.weight, layer.bias, layer.eps)
    return F.silu(y * (1 + scale[:, :, None, None]) + shift[:, :, None, None])


def test_scale_shift_and_offset_mean_what_they_say() -> None:
    torch.manual_seed(0)
    layer = GroupNormAct(2, 8, act="silu")
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    x, (scale, shift, offset) = torch.randn(3, 8, 5, 4), torch.randn(3, 3, 8)
    torch.testing.assert_close(layer(x, scale, shift, offset), _by_hand(layer, x, scale, shift, offset))


@pytest.mark.parametrize("shape", [(2, 8), (2, 8, 5), (2, 8, 2, 3, 4)])
def test_other_than_pictures_are_normalised_too(shape: tuple[int, ...]) -> None:
    layer, x = GroupNormAct(2, 8), torch.randn(shape)
    torch.testing.assert_close(layer(x), F.group_norm(x, 2))


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(2, 8), (2, 8, 5), (2, 8, 2, 3, 4)])
def test_other_than_pictures_are_normalised_on_a_gpu(shape: tuple[int, ...]) -> None:
    layer, x = GroupNormAct(2, 8), torch.randn(shape)
    torch.testing.assert_close(layer.cuda()(x.cuda()).cpu(), F.group_norm(x, 2), rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
def test_float64_keeps_its_digits_on_a_gpu() -> None:
    torch.manual_seed(0)
    layer, x = GroupNormAct(2, 8, act="silu").double(), torch.randn(2, 8, 4, 4, dtype=torch.float64)
    expected = F.silu(F.group_norm(x, 2))
    torch.testing.assert_close(layer.cuda()(x.cuda()).cpu(), expected, rtol=1e-10, atol=1e-10)
