"""Adam whose second beta is read in memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.nn.adam import MovingAdam


def weights() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]


@pytest.mark.parametrize("in_memory", [False, True])
def test_it_moves_as_pytorchs_adam_whose_beta_is_set_anew(in_memory: bool) -> None:
    ours, theirs = weights(), weights()
    rate = torch.tensor(0.1) if in_memory else 0.1
    moving = MovingAdam(ours, lr=rate, betas=(0.5, 0.9), eps=1e-8)
    plain = torch.optim.Adam(theirs, 0.1, betas=(0.5, 0.9))
    for beta2 in (0.9, 0.95, 0.99):
        moving.beta2.fill_(beta2)
        plain.param_groups[0]["betas"] = (0.5, beta2)
        for parameters, optimizer in ((ours, moving), (theirs, plain)):
            optimizer.zero_grad()
            sum((p - 1).square().sum() for p in parameters).backward()  # type: ignore[union-attr]
            optimizer.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.detach(), other.detach())
    assert moving.state_dict()["state"][0].keys() == plain.state_dict()["state"][0].keys()
