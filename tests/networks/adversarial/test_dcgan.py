"""DCGAN's shapes and sizes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.core.errors import BadConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (28, 28), (64, 32), (48, 48)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_of_every_size_pass_both_ways(size: tuple[int, int], channels: int) -> None:
    generator = DCGANGeneratorConfig(size=size, channels=channels, features=4, latent=6).build()
    discriminator = DCGANDiscriminatorConfig(size=size, channels=channels, features=4).build()
    pictures = generator(torch.randn(2, 6))
    assert pictures.shape == (2, channels, *size)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (2,)


def test_the_papers_network_has_its_widths() -> None:
    generator = DCGANGeneratorConfig().build()
    widths = [m.out_channels for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert widths == [512, 256, 128, 64, 3]
    assert sum(p.numel() for p in generator.parameters()) == 3_576_704


def test_an_impossible_size_is_named() -> None:
    with pytest.raises(BadConfig, match="50 x 50"):
        DCGANGeneratorConfig(size=(50, 50))
    with pytest.raises(BadConfig, match="9 x 9"):
        DCGANDiscriminatorConfig(size=(9, 9))
