"""The divergence between posterior and prior."""

from __future__ import annotations

import torch

from diorama.losses.divergence import gaussian_kl


def test_the_prior_costs_nothing() -> None:
    assert gaussian_kl(torch.zeros(2, 5), torch.zeros(2, 5)).tolist() == [0, 0]


def test_free_nats_are_a_floor_for_each_dimension() -> None:
    mean = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]], requires_grad=True)
    cost = gaussian_kl(mean, torch.zeros(2, 3), free_nats=0.5)
    assert torch.allclose(cost, torch.tensor([3.0, 3.0]))
    cost.mean().backward()
    assert mean.grad is not None
    assert (mean.grad[:, 0] > 0).all()
    assert not mean.grad[:, 1:].any()


def test_halves_are_summed_in_float32() -> None:
    mean, log_variance = torch.full((1, 4096), 0.01).bfloat16(), torch.zeros(1, 4096).bfloat16()
    expected = gaussian_kl(mean.double(), log_variance.double())
    assert gaussian_kl(mean, log_variance).dtype == torch.float32
    assert torch.allclose(gaussian_kl(mean, log_variance).double(), expected, rtol=1e-2)
