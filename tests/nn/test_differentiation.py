"""Layers whose fast kernels have one derivative step aside where two are asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from diorama.nn.attention import attend
from diorama.nn.differentiation import is_twice_differentiable, twice_differentiable
from diorama.nn.dropout import dropout
from diorama.nn.norm import GroupNormAct


def second_derivative(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Of a sum over the squared slope at x, with respect to x."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x).float().square().sum(), x, create_graph=True)
    # Only a whole backward pass, as training makes it, finds out what cannot be differentiated again.
    slope.float().square().sum().backward()
    assert x.grad is not None
    return x.grad


def test_the_block_ends_whatever_happens_in_it() -> None:
    def failing() -> None:
        with twice_differentiable():
            with twice_differentiable():
                assert is_twice_differentiable()
            assert is_twice_differentiable()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not is_twice_differentiable()


def test_other_threads_do_not_notice() -> None:
    with ThreadPoolExecutor(1) as other, twice_differentiable():
        assert not other.submit(is_twice_differentiable).result()


FAST: dict[str, Callable[[Tensor], Tensor]] = {
    "group norm": GroupNormAct(4, 16, act="silu"),
    "dropout": lambda x: dropout(x, 0.5, training=True),
}
"""Layers that take kernels of our own for bfloat16 pictures on a CPU."""


@pytest.mark.parametrize("name", FAST)
def test_fast_kernels_refuse_a_second_derivative_and_step_aside_where_it_is_announced(name: str) -> None:
    x = torch.randn(2, 16, 4, 4).bfloat16().to(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        second_derivative(FAST[name], x)
    with twice_differentiable():
        assert second_derivative(FAST[name], x).float().abs().sum() > 0


def test_attention_has_the_second_derivative_of_its_formula() -> None:
    torch.manual_seed(0)
    key, value, query = torch.randn(3, 1, 2, 5, 4, dtype=torch.float64)
    with twice_differentiable():
        found = second_derivative(lambda x: attend(x, key, value), query)
        with torch.no_grad():
            plain = attend(query, key, value)
    torch.testing.assert_close(plain, torch.nn.functional.scaled_dot_product_attention(query, key, value))
    exact = second_derivative(lambda x: (x @ key.mT / 2).softmax(-1) @ value, query)
    torch.testing.assert_close(found, exact)


@pytest.mark.slow
def test_layers_that_may_step_aside_compile_into_one_graph() -> None:
    layer, x = GroupNormAct(4, 16, act="silu"), torch.randn(2, 16, 4, 4)
    compiled = torch.compile(lambda y: dropout(layer(y), 0.5, training=False), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["group norm", "attention"])
def test_layers_on_a_gpu_have_the_second_derivatives_of_a_cpu(kind: str) -> None:
    torch.manual_seed(0)
    norm, key, value = GroupNormAct(4, 16, act="silu"), torch.randn(2, 4, 16, 16), torch.randn(2, 4, 16, 16)
    x = torch.randn(2, 16, 4, 4) if kind == "group norm" else torch.randn(2, 4, 16, 16)

    def layer(y: Tensor) -> Tensor:
        if kind == "group norm":
            return norm.to(y.device)(y)
        return attend(y, key.to(y.device), value.to(y.device))

    with twice_differentiable():
        expected = second_derivative(layer, x)
        # Channels last and bfloat16 are what the fused kernels would take.
        found = second_derivative(layer, x.cuda().contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(RuntimeError):
        second_derivative(layer, x.cuda().bfloat16().contiguous(memory_format=torch.channels_last))
