"""Drawing, reconstruction and the bound of a VAE."""

from __future__ import annotations

import math

import pytest
import torch

from tests.synthesis.models import tiny_vae

X = torch.randint(256, (4, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float() / 127.5 - 1


def test_samples_and_reconstructions_are_pictures() -> None:
    model = tiny_vae()
    for pictures in (model.sample(4), model.reconstruct(X)):
        assert pictures.shape == (4, 1, 8, 8)
        assert pictures.abs().max() <= 1


def test_bits_do_not_depend_on_the_batch() -> None:
    model = tiny_vae()
    whole = model.bits_per_dim(X, seed=1)
    parts = torch.cat([model.bits_per_dim(X[:1], seed=1), model.bits_per_dim(X[1:], seed=1, first=1)])
    assert torch.allclose(whole, parts, atol=1e-5)
    assert not torch.equal(whole, model.bits_per_dim(X, seed=2))


def test_the_bound_holds_for_a_model_whose_likelihood_is_known() -> None:
    """A decoder that ignores its latents gives every level its own probability; the posterior costs nothing."""
    model = tiny_vae()
    with torch.no_grad():
        for part in (model.encoder.head, model.decoder.body[-1]):
            part.weight.zero_()
            part.bias.zero_()
        model.decoder.slow_log_scale.fill_(0.2)
    scale = math.exp(2.0)
    levels = X.double()
    upper = torch.where(levels > 0.999, 1.0, torch.sigmoid((levels + 1 / 255) / scale))
    lower = torch.where(levels < -0.999, 0.0, torch.sigmoid((levels - 1 / 255) / scale))
    exact = -(upper - lower).log2().flatten(1).mean(1)
    assert torch.allclose(model.bits_per_dim(X).double(), exact, rtol=1e-4)


def test_floating_point_data_have_a_density() -> None:
    assert torch.isfinite(tiny_vae("float32").bits_per_dim(X)).all()


def test_a_wrong_noise_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        tiny_vae().sample(2, noise=torch.zeros(2, 4))


def test_samples_come_from_a_learned_prior() -> None:
    plain, learned = tiny_vae(), tiny_vae(prior=True)
    assert learned.prior is not None
    learned.load_state_dict(plain.state_dict(), strict=False)
    noise = torch.randn(4, *learned.noise_shape)
    assert torch.equal(learned.sample(4, noise=noise), plain.sample(4, noise=noise))
    with torch.no_grad():
        learned.prior.mean.fill_(1.0)
    assert torch.equal(learned.sample(4, noise=noise), plain.sample(4, noise=noise + 1))


def test_the_bound_of_a_learned_prior_is_that_of_the_normal_one_where_they_are_equal() -> None:
    plain, learned = tiny_vae(), tiny_vae(prior=True)
    learned.load_state_dict(plain.state_dict(), strict=False)
    drawn = torch.stack([learned.bits_per_dim(X, seed=seed) for seed in range(200)])
    exact = torch.stack([plain.bits_per_dim(X, seed=seed) for seed in range(200)])
    assert torch.allclose(drawn.mean(0), exact.mean(0), atol=0.02)
