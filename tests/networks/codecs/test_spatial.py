"""Codecs whose latents are small pictures."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.networks.codecs.spatial import (
    LatentScale,
    SpatialCodecConfig,
    SpatialDecoderConfig,
    SpatialEncoderConfig,
)

ENCODER = SpatialEncoderConfig(size=(16, 8), channels=1, features=8)
DECODER = SpatialDecoderConfig(size=(16, 8), channels=1, features=8)


def test_latents_are_pictures_of_a_quarter_of_the_size() -> None:
    codec = SpatialCodecConfig(encoder=ENCODER, decoder=DECODER).build().eval()
    latent = codec.config.latent(MediaSpec(kind="image", channels=1, height=16, width=8))
    z = codec.encode(torch.rand(3, 1, 16, 8))
    assert z.shape == (3, *latent.shape) == (3, 4, 4, 2)
    assert codec.decode(z).shape == (3, 1, 16, 8)
    assert latent.dtype == "float32"


@pytest.mark.parametrize(("channels", "height"), [(3, 16), (1, 32)])
def test_other_pictures_than_it_is_made_for_are_refused(channels: int, height: int) -> None:
    config = SpatialCodecConfig(encoder=ENCODER, decoder=DECODER)
    with pytest.raises(ValueError, match="codec: is made for 1 channels of 16 x 8 pixels"):
        config.latent(MediaSpec(kind="image", channels=channels, height=height, width=8))


def test_the_scale_follows_the_latents_and_brings_them_to_unit_variance() -> None:
    torch.manual_seed(0)
    scale = LatentScale(2)
    draw = lambda n: torch.randn(n, 2, 4, 4) * torch.tensor([5.0, 0.1])[:, None, None] + 3  # noqa: E731
    for _ in range(800):
        scale.follow(draw(64))
    z = scale.normalize(draw(500))
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(2), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(2), atol=0.05, rtol=0)
    x = draw(4)
    torch.testing.assert_close(scale.restore(scale.normalize(x)), x, rtol=1e-4, atol=1e-4)


def test_sizes_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ValueError, match="18 x 8 cannot be halved 2 times"):
        SpatialEncoderConfig(size=(18, 8))
