"""Small models of pictures of 32 x 32 with random weights."""

from __future__ import annotations

import torch

from diorama.core.contracts import MediaSpec
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.synthesis.vae import VAESynthesizer, VAESynthesizerConfig

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


def small_vae() -> VAESynthesizer:
    torch.manual_seed(0)
    return (
        VAESynthesizerConfig(
            media=MEDIA,
            encoder=ConvEncoderConfig(size=(32, 32), channels=3, features=8, latent=3),
            decoder=ConvDecoderConfig(size=(32, 32), channels=3, features=8, latent=3),
        )
        .build()
        .eval()
    )
