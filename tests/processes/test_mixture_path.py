"""Paths of tokens."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.processes.flow import FlowProcess
from diorama.processes.mixture_path import MixturePath
from diorama.processes.paths import PolynomialProcess

TOKENS = torch.randint(7, (3, 5), generator=torch.Generator().manual_seed(0))
PATHS = [MixturePath(), MixturePath(process=FlowProcess()), MixturePath(process=PolynomialProcess(power=0.5))]


@pytest.mark.parametrize("path", PATHS)
def test_the_ends_are_the_source_and_the_data(path: MixturePath) -> None:
    uniform = torch.rand(3, 5)
    data = TOKENS + 10
    assert torch.equal(path.mixed(TOKENS, data, torch.ones(3), uniform), TOKENS)
    assert torch.equal(path.mixed(TOKENS, data, torch.zeros(3), uniform), data)


@pytest.mark.parametrize("path", PATHS)
def test_as_many_tokens_have_turned_as_the_signal_is_strong(path: MixturePath) -> None:
    t = torch.tensor([0.3])
    many = torch.zeros(1, 100_000, dtype=torch.int64)
    uniform = torch.rand(many.shape, generator=torch.Generator().manual_seed(0))
    share = path.mixed(many, many + 1, t, uniform).double().mean().item()
    assert share == pytest.approx(path.process.at(t).alpha.item(), abs=0.01)


@pytest.mark.parametrize("path", PATHS)
@settings(deadline=None, max_examples=25)
@given(share=st.floats(0.05, 0.95), seed=st.integers(0, 100))
def test_velocities_are_rates_and_name_their_posterior(path: MixturePath, share: float, seed: int) -> None:
    logits = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    t = torch.full((3,), share, dtype=torch.float64)
    velocity = path.velocity(logits, TOKENS, t)
    torch.testing.assert_close(velocity.sum(-1), torch.zeros(3, 5, dtype=torch.float64))
    stays = torch.nn.functional.one_hot(TOKENS, 7).bool()
    assert bool((velocity[~stays] >= 0).all())
    torch.testing.assert_close(path.log_posterior(velocity, TOKENS, t).softmax(-1), logits.softmax(-1))
