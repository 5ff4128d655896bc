"""Residual blocks."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.residual import BlockStyle, Middle, ResidualBlock


@pytest.mark.parametrize(("resample", "size"), [("keep", 4), ("up", 8), ("down", 2), ("fir_up", 8), ("fir_down", 2)])
@pytest.mark.parametrize("scale_shift", [False, True])
def test_shapes(resample: str, size: int, scale_shift: bool) -> None:
    style = BlockStyle(embedding=6, groups=2, dropout=0.1, scale_shift=scale_shift)
    block = ResidualBlock(4, 8, style, resample=resample)  # type: ignore[arg-type]
    assert block(torch.randn(2, 4, 4, 4), torch.randn(2, 6)).shape == (2, 8, size, size)


def test_only_the_projected_shortcut_is_left_when_the_residual_is_zero() -> None:
    style = BlockStyle(embedding=6, groups=2, divide=2.0)
    block = ResidualBlock(4, 4, style)
    torch.nn.init.zeros_(block.conv_out.weight)
    torch.nn.init.zeros_(block.conv_out.bias)
    x = torch.randn(1, 4, 4, 4)
    torch.testing.assert_close(block(x, torch.randn(1, 6)), x / 2)
    assert ResidualBlock(4, 4, style, project=True).shortcut is not None


def test_middle_goes_without_attention() -> None:
    style = BlockStyle(embedding=6, groups=2)
    assert Middle(4, style, None)(torch.randn(1, 4, 2, 2), torch.randn(1, 6)).shape == (1, 4, 2, 2)


def test_bfloat16_training_agrees_with_float32() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(8, 16, BlockStyle(embedding=6, groups=4)).to(memory_format=torch.channels_last)
    x, embedding = torch.randn(2, 8, 8, 8).to(memory_format=torch.channels_last), torch.randn(2, 6)
    exact = block(x, embedding)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast = block(x, embedding)
    assert (fast.float() - exact).norm() < 0.02 * exact.norm()
