"""A feature network and its decoder as a Synthesizer: features drawn from one Gaussian become pictures.

Reference: P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black, B. Schölkopf, "From variational to deterministic
autoencoders", ICLR 2020, arXiv:1903.12436 (density estimation after training, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.features.decoder import FeatureDecoderConfig
from diorama.networks.features.lite import LiteConfig
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class RepresentationConfig(SynthesizerConfig):
    """A feature network, its decoder, and the media that they were trained on.

    Args:
        media: what is drawn; colour pictures.
        conditions: empty, since nothing is read but noise.
        encoder: the feature network.
        decoder: draws a small picture, which is then scaled to the media's size.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    encoder: LiteConfig
    decoder: FeatureDecoderConfig

    def build(self) -> RepresentationSynthesizer:
        return RepresentationSynthesizer(self)


class RepresentationSynthesizer(Synthesizer):
    """Standard normal features, since the encoder's are standardised, decoded and scaled to the media's size."""

    kind = "network of features"

    def __init__(self, config: RepresentationConfig) -> None:
        super().__init__()
        self.config: RepresentationConfig = config
        self.encoder = config.encoder.build()
        self.decoder = config.decoder.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.config.encoder.features,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        yield Stage(x=self._decode(noise))

    def reconstruct(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """What the features keep of pictures (b, 3, h, w) in [-1, 1]: their low-resolution look."""
        return self._decode(self.encoder(x))

    def _decode(self, features: Tensor) -> Tensor:
        size = (self.config.media.height, self.config.media.width)
        return F.interpolate(self.decoder(features), size=size, mode="bilinear", align_corners=False)
