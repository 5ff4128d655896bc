"""ESRGAN: enlarging in whose second stage a discriminator tells which of two pictures is the more real one.

Reference: Wang, Yu, Wu, Gu, Liu, Dong, Loy, Qiao, Tang, "ESRGAN: Enhanced Super-Resolution Generative Adversarial
Networks", ECCV workshops 2018, arXiv 1809.00219, sections 3.2 to 4.1; Ledig et al. 2017, arXiv 1609.04802, equation 6
(SRGAN, whose discriminator judges each picture by itself).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Batch, Loss, Moment
from diorama.interop.lpips import load_vgg19
from diorama.losses.adversarial import ADVERSARIAL
from diorama.losses.perceptual import Features, maps_apart
from diorama.methods.adversarial.enlarging import Enlarging, EnlargingConfig, unit_error
from diorama.methods.base import NO_PARTS, Phase
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.features import lite

Looker = Literal["lite", "vgg19"]
EnlargingDiscriminator = UNetDiscriminatorConfig | VGGDiscriminatorConfig
"""Large pictures in [0, 1] to logits."""

_LOOKER = "features"
_HALVINGS = 8
"""Sides of squares that the U-Net, which adds maps of its way down, can judge are multiples of this."""


@dataclass(frozen=True, kw_only=True)
class ESRGANConfig(EnlargingConfig):
    """The second stage. Its network is taken from the first one: ``--from``.

    Args:
        discriminator: of large squares.
        loss: ``relativistic_average`` in ESRGAN, ``non_saturating`` in SRGAN.
        adversarial: weight of the generator's side of it.
        l1: weight of the mean absolute difference of pictures in [0, 1].
        perceptual: weight of the mean absolute difference of what ``looker`` sees.
        looker: ``vgg19`` looks as the paper does, at the last convolution before its activation, and needs
            torchvision's file; ``lite``, which comes with the package, at the maps of its four depths.

    Reference: arXiv 1809.00219, equations 1 to 3.
    """

    discriminator: EnlargingDiscriminator
    loss: Literal["relativistic_average", "non_saturating"] = "relativistic_average"
    adversarial: float = 5e-3
    l1: float = 1e-2
    perceptual: float = 1.0
    looker: Looker = "lite"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("adversarial", "l1", "perceptual"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        judge, side = self.discriminator, self.crop * self.network.scale
        if judge.channels != self.large.channels:
            raise ValueError(f"discriminator: large pictures have {self.large.channels} channels, got {judge.channels}")
        if isinstance(judge, VGGDiscriminatorConfig) and judge.side != side:
            raise ValueError(f"discriminator: judges {judge.side} x {judge.side} pixels, and squares have {side}")
        if isinstance(judge, UNetDiscriminatorConfig) and judge.skips and side % _HALVINGS:
            raise ValueError(f"discriminator: judges sides of multiples of {_HALVINGS}, and squares have {side}")
        if self.perceptual and self.looker == "vgg19" and self.large.channels not in (1, 3):
            raise ValueError(f"looker: vgg19 sees 1 or 3 channels, and large pictures have {self.large.channels}")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ESRGAN:
        """The method with freshly initialised networks.

        Raises:
            BadInput: the file of the network that looks is not at hand.
        """
        return ESRGAN(self, frozen)


class ESRGAN(Enlarging):
    """See :class:`ESRGANConfig`."""

    def __init__(self, config: ESRGANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        looker = _looker(config.looker) if config.perceptual else None
        super().__init__(config, frozen if looker is None else {**frozen, _LOOKER: looker})
        self.config: ESRGANConfig = config
        self.discriminator = config.discriminator.build()
        self._loss = ADVERSARIAL[config.loss]

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator`` and ``generator``."""
        return {"discriminator": list(self.discriminator.parameters()), **super().players()}

    def phases(self) -> Sequence[Phase]:
        """The generator and the discriminator, each on squares of its own."""
        player = "discriminator"
        return [*super().phases(), Phase(player, player, self.discriminator_loss, recorded=True, prepare=self.cut)]

    def judge(self, pictures: Tensor) -> Tensor:
        """Logits of pictures in [-1, 1]."""
        low, high = self.config.discriminator.span
        return self.discriminator((pictures + 1) * ((high - low) / 2) + low, NOTHING_GIVEN)

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell partners from what is drawn; logs the share of each that is judged rightly against the other's mean."""
        with torch.no_grad():
            drawn = self.draw(batch["image"])
        real, fake = self.judge(batch["target"]), self.judge(drawn)
        relative = self._loss.paired
        middles = (fake.mean(), real.mean()) if relative else (real.new_zeros(()), real.new_zeros(()))
        scalars = {
            "real_right": (real > middles[0]).float().mean(),
            "fake_right": (fake < middles[1]).float().mean(),
        }
        return Loss(self._loss.discriminator(real, fake), scalars)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look more real than the partner, and be like it in pixels and in what is seen; logs what each comes to."""
        config, real = self.config, batch["target"]
        drawn = self.draw(batch["image"])
        scalars = {"l1": unit_error(drawn, real)}
        value = config.l1 * scalars["l1"]
        if config.perceptual:
            network = cast(Features, self.frozen[_LOOKER])
            scalars["perceptual"] = maps_apart(network, drawn, real)
            value = value + config.perceptual * scalars["perceptual"]
        if config.adversarial:
            with torch.no_grad():
                wanted = self.judge(real) if self._loss.paired else None
            scalars["adversarial"] = self._loss.generator(self.judge(drawn), wanted)
            value = value + config.adversarial * scalars["adversarial"]
        return Loss(value, {name: scalar.detach() for name, scalar in scalars.items()})


def _looker(name: Looker) -> nn.Module:
    return lite.pretrained() if name == "lite" else load_vgg19()
