"""The bfloat16 group normalisation of CPUs against PyTorch's in float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.nn import norm_cpu
from diorama.nn.norm import GroupNormAct


def _run(norm: GroupNormAct, x: Tensor, grad: Tensor, extras: list[Tensor]) -> list[Tensor]:
    leaves = [t.clone().requires_grad_() for t in (x, *extras)]
    norm.zero_grad()
    y = norm(*leaves)
    y.backward(grad.to(y.dtype))
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    return [y, *[t.grad for t in leaves if t.grad is not None], norm.weight.grad.clone(), norm.bias.grad.clone()]


@pytest.mark.parametrize("act", ["silu", None])
@pytest.mark.parametrize("shape", [(3, 16, 8, 8), (2, 24, 5, 3), (1, 8, 2, 2), (2, 8, 16, 16)])
@pytest.mark.parametrize("extras", [0, 3])
def test_agrees_with_float32_forward_and_backward(act: str | None, shape: tuple[int, ...], extras: int) -> None:
    torch.manual_seed(0)
    norm = GroupNormAct(4, shape[1], eps=1e-5, act=act)  # type: ignore[arg-type]
    torch.nn.init.normal_(norm.weight, 1, 0.3)
    torch.nn.init.normal_(norm.bias, 0, 0.5)
    x = (torch.randn(shape) * 2 + torch.randn(1, shape[1], 1, 1)).bfloat16()
    x = x.to(memory_format=torch.channels_last)
    grad = torch.randn(shape).bfloat16().to(memory_format=torch.channels_last)
    more = [torch.randn(shape[:2]) * 0.5 for _ in range(extras)]
    assert norm_cpu.fits(x, 4)
    assert not norm_cpu.fits(x.float(), 4)
    fast, exact = _run(norm, x, grad, more), _run(norm, x.float(), grad.float(), more)
    for ours, theirs in zip(fast, exact, strict=True):
        assert (ours.float() - theirs).norm() <= 0.01 * theirs.norm() + 1e-3


def test_result_keeps_type_and_layout() -> None:
    x = torch.randn(2, 8, 4, 6).bfloat16().to(memory_format=torch.channels_last)
    y = GroupNormAct(2, 8, act="silu")(x)
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_other_activations_follow_the_normalisation() -> None:
    x = torch.randn(2, 8, 4, 4).bfloat16().to(memory_format=torch.channels_last)
    assert (GroupNormAct(2, 8, act="relu")(x) >= 0).all()


def test_values_far_from_zero_are_normalised_as_well() -> None:
    torch.manual_seed(0)
    x = (torch.randn(2, 16, 8, 8) + 100 * torch.randn(2, 16, 1, 1).sign()[:, ::8].repeat_interleave(8, 1)).bfloat16()
    x = x.to(memory_format=torch.channels_last)
    norm = GroupNormAct(2, 16)
    exact = norm(x.float())
    assert (norm(x).float() - exact).norm() < 0.01 * exact.norm()
