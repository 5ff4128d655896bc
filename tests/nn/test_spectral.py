"""Weights over their largest singular value."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.nn.pooled_attention import PooledAttention
from diorama.nn.spectral import PowerIteration, SpectralConv2d, SpectralEmbedding, SpectralLinear, conv, linear

LAYERS = {
    "conv": (lambda power: SpectralConv2d(3, 5, 3, power), torch.randn(2, 3, 4, 4)),
    "linear": (lambda power: SpectralLinear(6, 4, power), torch.randn(2, 6)),
    "embedding": (lambda power: SpectralEmbedding(7, 3, power), torch.arange(7)),
}


def largest(weight: torch.Tensor) -> float:
    return float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2))


@pytest.mark.parametrize("name", LAYERS)
def test_after_some_passes_the_largest_singular_value_is_one(name: str) -> None:
    torch.manual_seed(0)
    make, x = LAYERS[name]
    layer = make(PowerIteration(iterations=2))
    for _ in range(200):
        layer(x)
    assert largest(layer.eval().unit_weight()) == pytest.approx(1, abs=1e-3)
    assert layer.sv0.item() == pytest.approx(largest(layer.weight), rel=1e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_in_evaluation_one_step_is_taken_and_forgotten(name: str) -> None:
    torch.manual_seed(0)
    make, x = LAYERS[name]
    layer = make(PowerIteration()).eval()
    u, rows = layer.u0.clone(), layer.weight.flatten(1)
    v = nn.functional.normalize(u @ rows)
    sigma = v @ rows.T @ nn.functional.normalize(v @ rows.T).T
    torch.testing.assert_close(layer.unit_weight(), layer.weight / sigma.squeeze())
    layer(x)
    assert torch.equal(layer.u0, u)
    assert layer.sv0.item() == 1
    layer.train()(x)
    assert not torch.equal(layer.u0, u)


def test_further_vectors_find_further_singular_values_and_change_no_output() -> None:
    torch.manual_seed(0)
    one, three = (SpectralLinear(6, 4, PowerIteration(vectors=n)) for n in (1, 3))
    three.load_state_dict({**three.state_dict(), **one.state_dict()})
    assert torch.equal(one.eval().unit_weight(), three.eval().unit_weight())
    three.train()
    for _ in range(300):
        three.unit_weight()
    found = torch.cat([three.sv0, three.sv1, three.sv2])
    torch.testing.assert_close(found, torch.linalg.svdvals(three.weight)[:3], rtol=1e-3, atol=1e-3)


def test_the_gradient_knows_that_the_weight_is_divided() -> None:
    """A weight's length costs nothing: the gradient has no part along the weight where the vectors have settled."""
    torch.manual_seed(0)
    layer = SpectralLinear(6, 4, PowerIteration(iterations=200), bias=False)
    layer(torch.randn(3, 6)).square().sum().backward()
    assert layer.weight.grad is not None
    assert abs((layer.weight.grad * layer.weight.detach()).sum().item()) < 1e-3


def test_half_precision_iterates_in_full() -> None:
    torch.manual_seed(0)
    layer = SpectralConv2d(3, 5, 3, PowerIteration()).eval()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer.unit_weight()
    assert torch.equal(found, layer.unit_weight())


def test_without_power_layers_are_plain() -> None:
    assert type(conv(3, 4, 3, None)) is nn.Conv2d
    assert type(linear(3, 4, None)) is nn.Linear
    with pytest.raises(ValueError, match="at least 1"):
        PowerIteration(vectors=0)


def test_attention_starts_as_nothing_and_sees_all_places() -> None:
    torch.manual_seed(0)
    attention, x = PooledAttention(8, None), torch.randn(1, 8, 4, 4)
    assert torch.equal(attention(x), x)
    nn.init.ones_(attention.gamma)
    other = x.clone()
    other[..., 0, 0] += 5
    assert (attention(other) - attention(x))[..., 3, 3].abs().max() > 0
    assert attention(torch.randn(1, 8, 5, 3)).shape == (1, 8, 5, 3)
    with pytest.raises(ValueError, match="at least 8"):
        PooledAttention(7, None)
