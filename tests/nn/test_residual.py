"""Residual blocks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core import device as devices
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


def test_what_is_joined_to_the_input_counts_as_its_last_channels() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(10, 8, BlockStyle(embedding=6, groups=2))
    x, skip, embedding = torch.randn(2, 4, 4, 4), torch.randn(2, 6, 4, 4), torch.randn(2, 6)
    assert torch.equal(block(x, embedding, skip), block(torch.cat([x, skip], 1), embedding))


def _values(block: ResidualBlock, inputs: list[Tensor], slope: Tensor) -> list[Tensor]:
    """The block's result, and the gradients of its inputs and parameters, on the CPU."""
    given = [t.detach().to(slope.device).requires_grad_() for t in inputs]
    y = block.to(slope.device)(*given)
    gradients = torch.autograd.grad(y, [*given, *block.parameters()], slope)
    return [t.detach().cpu() for t in (y, *gradients)]


@pytest.mark.gpu
@pytest.mark.parametrize("resample", ["keep", "up", "down", "fir_up", "fir_down"])
@pytest.mark.parametrize("skip", [0, 8])
@pytest.mark.parametrize("scale_shift", [False, True])
def test_a_block_on_a_gpu_equals_itself_on_a_cpu(resample: str, skip: int, scale_shift: bool) -> None:
    torch.manual_seed(0)
    style = BlockStyle(embedding=6, groups=4, scale_shift=scale_shift, divide=2**0.5)
    for outputs in (16, 16 + skip):
        block = ResidualBlock(16 + skip, outputs, style, resample=resample)  # type: ignore[arg-type]
        inputs = [torch.randn(3, 16, 8, 8), torch.randn(3, 6)]
        inputs += [torch.randn(3, skip, 8, 8)] if skip else []
        inputs = [t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t for t in inputs]
        slope = torch.randn_like(block(*inputs))
        with devices.full_float32():
            ours, exact = _values(block, inputs, slope.cuda()), _values(block, inputs, slope)
        for found, expected in zip(ours, exact, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * max(1.0, expected.abs().max().item()))


@pytest.mark.gpu
@pytest.mark.parametrize("skip", [0, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_a_block_takes_features_of_any_type(skip: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(16 + skip, 16, BlockStyle(embedding=6, groups=4), project=True).cuda()
    inputs = [torch.randn(3, 16, 8, 8), torch.randn(3, 6), *([torch.randn(3, skip, 8, 8)] if skip else [])]
    given = [t.cuda() for t in inputs]
    exact = block(*given)
    with torch.autocast("cuda", torch.bfloat16):
        found = block(*(t.to(dtype) if t.dim() == 4 else t for t in given))
    assert (found.float() - exact).norm() < 0.02 * exact.norm()
