"""A learned prior of latent vectors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from diorama.networks.codecs.flow_prior import FlowPrior, FlowPriorConfig


def prior(seed: int, latent: int = 4, layers: int = 3) -> FlowPrior:
    """With weights as after training: at first every layer does nothing."""
    made, generator = FlowPriorConfig(latent=latent, layers=layers, features=8).build(), torch.Generator()
    generator.manual_seed(seed)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return made.double()


def log_prob_in_float64(made: FlowPrior, z: torch.Tensor) -> torch.Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", lambda x: x)
        return made.log_prob(z)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1_000), latent=st.integers(2, 5), layers=st.integers(1, 4))
def test_the_density_is_that_of_what_is_drawn(seed: int, latent: int, layers: int) -> None:
    """By the change of variables, with the Jacobian that differentiation gives."""
    made = prior(seed, latent, layers)
    noise = torch.randn(latent, generator=torch.Generator().manual_seed(seed)).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", lambda x: x)
        z = made(noise[None])
        jacobian = torch.func.jacrev(lambda e: made(e[None])[0])(noise)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum() - jacobian.slogdet().logabsdet
    assert torch.allclose(log_prob_in_float64(made, z)[0], expected, atol=1e-8)


def test_it_begins_as_a_standard_normal_distribution() -> None:
    made, noise = FlowPriorConfig(latent=6).build(), torch.randn(5, 6)
    assert torch.equal(made(noise), noise)
    assert torch.allclose(made.log_prob(noise), torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1))


def test_it_computes_in_float32_under_autocast() -> None:
    made, noise = prior(0).float(), torch.randn(5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(made(noise), made.float()(noise))
        assert made.log_prob(noise).dtype == torch.float32


def test_it_learns_what_latents_are_like() -> None:
    torch.manual_seed(0)
    made = FlowPriorConfig(latent=2, layers=4, features=32).build()
    draws = torch.randn(4_096, 2) * torch.tensor([3.0, 0.2])
    draws[:, 1] += draws[:, 0].square() / 9 - 1  # a banana, which no linear map straightens
    optimizer = torch.optim.Adam(made.parameters(), 3e-3)
    for step in range(400):
        loss = -made.log_prob(draws[(step * 256) % 4_096 :][:256]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = made(torch.randn(4_096, 2)).detach()
    bend = torch.corrcoef(torch.stack([drawn[:, 0].square(), drawn[:, 1]]))[0, 1]
    assert bend > 0.8
    assert drawn.std(0).tolist() == pytest.approx(draws.std(0).tolist(), rel=0.25)


@pytest.mark.parametrize("wrong", [{"latent": 1}, {"latent": 0}, {"layers": 0}, {"features": 0}])
def test_what_cannot_be_is_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FlowPriorConfig(**wrong)
