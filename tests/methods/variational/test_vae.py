"""The evidence lower bound."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.core.config import encode
from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.variational.vae import VAE, VAEConfig
from diorama.networks.codecs.flow_prior import FlowPriorConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig


def vae(latent: int = 4, channels: int = 1, **changes: Any) -> VAE:
    torch.manual_seed(0)
    return VAEConfig(
        media=MediaSpec(kind="image", channels=channels, height=8, width=8),
        encoder=ConvEncoderConfig(size=(8, 8), channels=channels, features=8, latent=4),
        decoder=ConvDecoderConfig(size=(8, 8), channels=channels, features=8, latent=latent),
        **changes,
    ).build()


def batch(channels: int = 1) -> dict[str, torch.Tensor]:
    levels = torch.randint(256, (16, 1, 1, 1), generator=torch.Generator().manual_seed(0))
    return {"image": (levels.float() / 127.5 - 1).expand(-1, channels, 8, 8)}


def loss(method: VAE, images: int = 0) -> Any:
    torch.manual_seed(1)
    return method.elbo(batch(method.config.media.channels), Moment(0, images))


def test_one_player_owns_all() -> None:
    method = vae()
    assert {id(p) for p in method.players()["autoencoder"]} == {id(p) for p in method.parameters()}
    assert [p.name for p in method.phases()] == ["elbo"]


def test_the_loss_is_the_bound_when_beta_is_one() -> None:
    value, scalars = loss(vae())
    assert torch.allclose(value, scalars["bits_per_dim"])
    assert torch.allclose(scalars["reconstruction"] + scalars["divergence"], scalars["bits_per_dim"])


def test_beta_warms_up_with_images_seen() -> None:
    method = vae(beta=2.0, warmup=100)
    for images, weight in ((0, 0.0), (25, 0.5), (100, 2.0), (500, 2.0)):
        value, scalars = loss(method, images)
        assert torch.allclose(value, scalars["reconstruction"] + weight * scalars["divergence"])


def test_free_bits_are_a_floor() -> None:
    free, plain = loss(vae(free_bits=3.0)), loss(vae())
    assert torch.allclose(free.scalars["bits_per_dim"], plain.scalars["bits_per_dim"])
    assert free.value > plain.value


def test_the_bound_tightens_and_agrees_with_the_synthesizers() -> None:
    method = vae()
    optimizer = torch.optim.Adam(method.parameters(), 3e-3)
    first = loss(method).value.item()
    for _ in range(60):
        value = method.elbo(batch(), Moment(0, 0)).value
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    trained = loss(method).scalars["bits_per_dim"].item()
    assert trained < 0.8 * first
    model = method.synthesizer().build().eval()
    for name, part in method.averaged().items():
        getattr(model, name).load_state_dict(part.state_dict())
    assert model.bits_per_dim(batch()["image"]).mean().item() == pytest.approx(trained, rel=0.1)


def test_latents_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"latents of shape \(4,\) and \(5,\)"):
        vae(latent=5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_feature_maps_join_the_bound_with_their_weight(channels: int) -> None:
    method = vae(channels=channels, perceptual=0.5)
    value, scalars = loss(method)
    assert torch.allclose(value, scalars["bits_per_dim"] + 0.5 * scalars["features"])
    ours, plain = (
        torch.autograd.grad(loss(m).value, m.decoder.body[-1].weight)[0] for m in (method, vae(channels=channels))
    )
    assert not torch.allclose(ours, plain, rtol=0.1)


def test_the_network_of_feature_maps_is_neither_trained_nor_saved() -> None:
    method = vae(perceptual=1.0)
    trained = {id(p) for p in method.players()["autoencoder"]}
    assert not any(id(p) in trained or p.requires_grad for p in method.frozen.parameters())
    assert set(method.averaged()) == {"encoder", "decoder"}
    assert not method.train().frozen["features"].training


def test_a_model_trained_on_pixels_alone_reads_as_it_did() -> None:
    assert "perceptual" not in encode(vae().config)
    assert encode(vae(perceptual=1.0).config)["perceptual"] == 1.0


def test_a_learned_prior_is_trained_and_drawn_from() -> None:
    method = vae(prior=FlowPriorConfig(latent=4, features=8))
    assert {id(p) for p in method.players()["autoencoder"]} == {id(p) for p in method.parameters()}
    assert method.prior is not None
    value, scalars = loss(method)
    assert torch.allclose(value, scalars["bits_per_dim"])
    value.backward()
    # What the last layers of the networks say begins at nothing, and so do the gradients of what lies before them.
    assert method.prior.mean.grad is not None
    assert method.prior.mean.grad.abs().sum() > 0
    model = method.synthesizer().build()
    tensors = method.model_tensors()
    assert set(model.state_dict()) <= set(tensors)
    assert "prior.mean" in model.state_dict()


def test_a_new_prior_changes_nothing_but_the_noise_of_the_divergence() -> None:
    """It begins as a standard normal distribution, so on average the divergence is the exact one."""
    plain, learned = vae(), vae(prior=FlowPriorConfig(latent=4))
    learned.load_state_dict(plain.state_dict(), strict=False)
    exact = loss(plain).scalars["divergence"]
    drawn = []
    for seed in range(300):
        torch.manual_seed(seed)
        drawn.append(learned.elbo(batch(), Moment(0, 0)).scalars["divergence"])
    values = torch.stack(drawn)
    assert abs(values.mean() - exact) < 4 * values.std() / len(drawn) ** 0.5


def test_free_bits_beside_a_learned_prior_are_refused() -> None:
    with pytest.raises(ValueError, match="free_bits"):
        vae(prior=FlowPriorConfig(latent=4), free_bits=1.0)


def test_a_prior_of_other_latents_is_refused() -> None:
    with pytest.raises(ValueError, match="prior"):
        vae(prior=FlowPriorConfig(latent=6))
