"""The CUDA kernels against PyTorch's group norm, on a GPU or in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

CASES = """
import torch, torch.nn.functional as F
from diorama.nn.group_norm_triton import group_norm_silu

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
cases = [
    (2, 24, 5, 7, 4, True, False, True),
    (2, 96, 8, 8, 32, False, True, True),
    (3, 16, 30, 20, 4, True, True, False),
    (2, 8, 4, 4, 8, False, False, False),
]
for b, c, h, w, groups, has_offset, per_sample, silu in cases:
    shape = (b, c) if per_sample else (c,)
    x = torch.randn(b, c, h, w, device=device).contiguous(memory_format=torch.channels_last).requires_grad_()
    offset = torch.randn(b, c, device=device, requires_grad=True) if has_offset else None
    weight, bias = (torch.randn(shape, device=device, requires_grad=True) for _ in range(2))
    y = group_norm_silu(x, weight, bias, groups=groups, eps=1e-5, silu=silu, offset=offset)
    expected = F.group_norm(x if offset is None else x + offset[:, :, None, None], groups, eps=1e-5)
    expected = expected * weight.expand(b, c)[:, :, None, None] + bias.expand(b, c)[:, :, None, None]
    expected = F.silu(expected) if silu else expected
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    inputs = [t for t in (x, offset, weight, bias) if t is not None]
    slope = torch.randn_like(y)
    ours = torch.autograd.grad(y, inputs, slope)
    theirs = torch.autograd.grad(expected, inputs, slope)
    for a, b_ in zip(ours, theirs):
        torch.testing.assert_close(a, b_, rtol=1e-4, atol=1e-4 * b_.abs().max().item())
print("equal")
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch's CUDA builds only")
def test_kernels_equal_pytorch_forwards_and_backwards() -> None:
    import torch

    interpret = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CASES], env={**os.environ, **interpret}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "equal", done.stderr
