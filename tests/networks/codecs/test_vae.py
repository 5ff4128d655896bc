"""The VAE's networks."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 16)])
def test_pictures_become_latents_and_back(size: tuple[int, int]) -> None:
    encoder = ConvEncoderConfig(size=size, channels=2, features=4, latent=6).build()
    decoder = ConvDecoderConfig(size=size, channels=2, features=4, latent=6).build()
    mean, log_variance = encoder(torch.randn(3, 2, *size))
    assert mean.shape == log_variance.shape == (3, 6)
    picture, log_scale = decoder(mean)
    assert picture.shape == (3, 2, *size)
    assert log_scale.shape == (1, 2, 1, 1)


def test_the_scale_can_fall_fast_but_not_without_end() -> None:
    decoder = ConvDecoderConfig(size=(8, 8), features=4, latent=2).build()
    assert torch.allclose(decoder(torch.zeros(1, 2))[1], torch.tensor(-1.0))
    with torch.no_grad():
        decoder.slow_log_scale.fill_(-5)
    assert torch.equal(decoder(torch.zeros(1, 2))[1].flatten(), torch.full((3,), -7.0))


def test_widths_that_eight_does_not_divide_are_normalised_too() -> None:
    assert ConvEncoderConfig(size=(8, 8), features=6, latent=2).build()(torch.randn(1, 3, 8, 8))[0].shape == (1, 2)
