"""Errors over their learned variance."""

from __future__ import annotations

import pytest
import torch

from diorama.losses.uncertainty import uncertain


def test_it_is_least_where_the_variance_is_that_of_the_errors() -> None:
    error = torch.tensor([0.01, 4.0])
    log_variance = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_variance], max_iter=50)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = uncertain(error, log_variance).sum()
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    assert log_variance.exp().tolist() == pytest.approx(error.tolist(), rel=1e-2)
    # Every level then counts alike, up to a constant.
    assert (error / log_variance.exp()).tolist() == pytest.approx([1, 1], rel=1e-2)
