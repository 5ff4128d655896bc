"""The loss of discrete flow matching."""

from __future__ import annotations

import torch

from diorama.losses.discrete_flow import generalized_kl
from diorama.processes.mixture_path import MixturePath

T = torch.tensor([0.5])


def test_the_truth_costs_nothing_and_all_else_does() -> None:
    data, tokens = torch.tensor([[2, 2, 1]]), torch.tensor([[0, 2, 1]])
    sure = 50.0 * torch.nn.functional.one_hot(data, 3).float()
    loss = generalized_kl(MixturePath(), sure, data, tokens, T)
    torch.testing.assert_close(loss, torch.zeros(1, 3), atol=1e-6, rtol=0)
    unsure = generalized_kl(MixturePath(), torch.zeros(1, 3, 3), data, tokens, T)
    assert bool((unsure > 0.1).all())


def test_the_posterior_is_where_its_mean_is_least() -> None:
    # Of a token that may have come from either of two, the logits of both shares are the best.
    torch.manual_seed(0)
    path, count = MixturePath(), 20_000
    data = (torch.rand(1, count) < 0.3).long()
    tokens = path.mixed(torch.full_like(data, 2), data, T, torch.rand(1, count))
    undecided = tokens == 2
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        loss = generalized_kl(path, logits.expand(1, count, 3), data, tokens, T)[undecided].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shares = logits.detach().softmax(0)
    torch.testing.assert_close(shares, torch.tensor([0.7, 0.3, 0.0]), atol=0.02, rtol=0)
