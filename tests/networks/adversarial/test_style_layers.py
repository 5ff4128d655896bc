"""What generators with styles say of how many there are, which truncation counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.networks.adversarial.base import StyleGenerator
from diorama.networks.adversarial.stylegan1 import StyleGAN1GeneratorConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands

STYLED = StyleGAN2GeneratorConfig(size=16, latent=8, style=8, channel_base=64, channel_max=8)
ALIAS_FREE = StyleGAN3GeneratorConfig(
    size=16, latent=8, style=8, channel_base=64, channel_max=8, bands=Bands(num_layers=4, num_critical=1)
)


@pytest.mark.parametrize(
    "config",
    [
        StyleGAN1GeneratorConfig(latent=8, layers=2, widths=(8, 8, 4)),
        STYLED,
        replace(STYLED, size=4),
        replace(STYLED, size=8, architecture="resnet"),
        replace(STYLED, architecture="orig"),
        ALIAS_FREE,
        replace(ALIAS_FREE, bands=Bands(num_layers=6, num_critical=2)),
    ],
)
def test_as_many_styles_are_made_as_are_said(
    config: StyleGAN1GeneratorConfig | StyleGAN2GeneratorConfig | StyleGAN3GeneratorConfig,
) -> None:
    network = config.build().eval()
    assert isinstance(network, StyleGenerator)
    assert network.styles(torch.randn(2, 8)).shape == (2, config.style_layers, 8)
    assert len(network.readers()) == config.style_layers
