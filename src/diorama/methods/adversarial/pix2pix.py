"""Translation learned of pairs: pix2pix, and pix2pixHD, whose discriminators tell their features at several scales.

Reference: Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv
1611.07004; Wang, Liu, Zhu, Tao, Kautz, Catanzaro, "High-Resolution Image Synthesis and Semantic Manipulation with
Conditional GANs", CVPR 2018, arXiv 1711.11585.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Batch, Loss, Moment
from diorama.losses.multi_scale import feature_distance
from diorama.losses.reconstruction import absolute_error
from diorama.methods.adversarial.translation import (
    PatchLossName,
    TranslationConfig,
    TranslationDiscriminator,
    held_to,
    judged,
    shares_right,
    told_apart,
)
from diorama.methods.base import NO_PARTS, Method, Phase
from diorama.networks.adversarial.base import Judgement
from diorama.nn.initialize import zero_biases
from diorama.synthesis.picture import PictureSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class Pix2PixConfig(TranslationConfig):
    """A generator that is held to the other picture of each pair, and a discriminator that sees both pictures.

    The authors draw once for both turns. Here each turn draws anew, the second one with the weights that the first has
    moved, and with dropout of its own.

    Args:
        discriminator: of the given and of the drawn or real picture, one behind the other in the channels.
        loss: cross-entropy in pix2pix, squared distances in pix2pixHD.
        l1: weight of the mean absolute difference from the real picture; 100 in pix2pix.
        feature_matching: weight of the distance between the discriminator's features of both; 10 in pix2pixHD.
        generator_first: whether its turn comes first, as in pix2pixHD's program, or last, as in pix2pix's.
        zeroed: biases of convolutions start at 0, as in pix2pix's program, and not as PyTorch draws them.

    Reference: arXiv 1611.07004, equation 4; arXiv 1711.11585, equations 3 to 5.
    """

    discriminator: TranslationDiscriminator
    loss: PatchLossName = "cross_entropy"
    l1: float = 100.0
    feature_matching: float = 0.0
    generator_first: bool = False
    zeroed: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("l1", "feature_matching"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.feature_matching and not self.discriminator.tells_features:
            raise ValueError(f"feature_matching: a {type(self.discriminator).__name__} tells no features")
        both = self.record.channels + self.partner.channels
        if self.discriminator.channels != both:
            raise ValueError(f"discriminator: a pair has {both} channels, got {self.discriminator.channels}")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> Pix2Pix:
        """The method with freshly initialised networks."""
        return Pix2Pix(self, frozen)


class Pix2Pix(Method):
    """See :class:`Pix2PixConfig`."""

    def __init__(self, config: Pix2PixConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.generator = config.network(config.direction).build()
        self.discriminator = config.discriminator.build()
        if config.zeroed:
            zero_biases(self)

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator`` and ``generator``."""
        return {
            "discriminator": list(self.discriminator.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        """Discriminator and generator, in the order of the config."""
        turns = [
            Phase("discriminator", "discriminator", self.discriminator_loss, recorded=True),
            Phase("generator", "generator", self.generator_loss, recorded=True),
        ]
        return turns[::-1] if self.config.generator_first else turns

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Both pictures of a pair."""
        return ("image", "target")

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator."""
        return {"picture": self.generator}

    def synthesizer(self) -> PictureSynthesizerConfig:
        """The generator alone."""
        config = self.config
        return PictureSynthesizerConfig(
            media=config.drawn,
            conditions=(config.condition,),
            picture=config.network(config.direction),
            given=config.given,
        )

    def judge(self, given: Tensor, picture: Tensor) -> tuple[Judgement, ...]:
        """What the discriminator says of pairs, at each of its scales."""
        return judged(self.discriminator, torch.cat([given, picture], dim=1))

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell the real picture beside the given one from the drawn one; logs the share of each judged rightly."""
        given, real = (batch[key] for key in self.config.keys)
        with torch.no_grad():
            drawn = self.generator(given, NOTHING_GIVEN)
        fakes, reals = self.judge(given, drawn), self.judge(given, real)
        return Loss(told_apart(reals, fakes, self.config.loss), shares_right(reals, fakes, self.config.loss))

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real beside the given picture, and be like the real one; logs what both come to."""
        config = self.config
        given, real = (batch[key] for key in config.keys)
        drawn = self.generator(given, NOTHING_GIVEN)
        fakes = self.judge(given, drawn)
        value = held_to(fakes, config.loss, 1.0)
        scalars = {"adversarial": value.detach(), "l1": absolute_error(drawn, real)}
        if config.l1:
            value = value + config.l1 * scalars["l1"]
        if config.feature_matching:
            with torch.no_grad():
                reals = self.judge(given, real)
            features = [[each.features for each in side] for side in (reals, fakes)]
            scalars["feature_matching"] = feature_distance(*features)
            value = value + config.feature_matching * scalars["feature_matching"]
        return Loss(value, {name: scalar.detach() for name, scalar in scalars.items()})
