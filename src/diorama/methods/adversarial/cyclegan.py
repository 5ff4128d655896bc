"""Translation learned of two sets of pictures without pairs: there and back again must give the same picture.

Reference: Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
ICCV 2017, arXiv 1703.10593.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Batch, Loss, MediaSpec, Moment
from diorama.losses.reconstruction import absolute_error
from diorama.methods.adversarial.history import PictureHistory
from diorama.methods.adversarial.translation import (
    Direction,
    PatchLossName,
    TranslationConfig,
    TranslationDiscriminator,
    held_to,
    judged,
    shares_right,
    told_apart,
)
from diorama.methods.base import NO_PARTS, Method, Phase
from diorama.nn.initialize import zero_biases
from diorama.synthesis.picture import PictureSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class CycleGANConfig(TranslationConfig):
    """Two generators, one of each direction, and a discriminator of what each draws.

    Models hold both generators; ``direction`` says which of them they draw with. The authors show the discriminators
    what the generators drew in their own turn; here they draw anew for it, with the weights that this turn has moved.

    Args:
        discriminator: of partners; that of records has as many channels as these.
        loss: squared distances in the paper.
        cycle: weight of the mean absolute difference between a picture and what becomes of it there and back.
        identity: weight, as a share of ``cycle``, of the mean absolute difference between a picture and what the
            generator that draws such pictures makes of it; 0 for none, and where the two kinds differ in channels.
        history: drawn pictures that are kept of each kind and shown to the discriminator among new ones; 0 for none.

    Reference: equation 3, sections 4 and 5.2 (identity).
    """

    unpaired: ClassVar[bool] = True

    discriminator: TranslationDiscriminator
    loss: PatchLossName = "least_squares"
    cycle: float = 10.0
    identity: float = 0.5
    history: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("cycle", "identity"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.history < 0:
            raise ValueError(f"history must be at least 0, got {self.history}")
        channels = self.record.channels, self.partner.channels
        if self.identity and channels[0] != channels[1]:
            raise ValueError(f"identity: must be 0 where the two kinds of picture differ in channels, here {channels}")
        if self.discriminator.channels != channels[1]:
            raise ValueError(f"discriminator: partners have {channels[1]} channels, got {self.discriminator.channels}")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> CycleGAN:
        """The method with freshly initialised networks."""
        return CycleGAN(self, frozen)


class CycleGAN(Method):
    """See :class:`CycleGANConfig`."""

    def __init__(self, config: CycleGANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.to_partner = config.network("to_partner").build()
        self.to_record = config.network("to_record").build()
        self.of_partners = config.discriminator.build()
        self.of_records = replace(config.discriminator, channels=config.record.channels).build()
        zero_biases(self)
        self.drawn_partners = PictureHistory(config.history, _shape(config.partner))
        self.drawn_records = PictureHistory(config.history, _shape(config.record))

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``generators`` and ``discriminators``: both networks of a kind share an optimizer."""
        return {
            "generators": [*self.to_partner.parameters(), *self.to_record.parameters()],
            "discriminators": [*self.of_partners.parameters(), *self.of_records.parameters()],
        }

    def phases(self) -> Sequence[Phase]:
        """The generators, then the discriminators."""
        return [
            Phase("generators", "generators", self.generators_loss, recorded=True),
            Phase("discriminators", "discriminators", self.discriminators_loss, recorded=True),
        ]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Records, and what stands beside them."""
        return ("image", "target")

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator of the config's direction, and the other one."""
        if self.config.direction == "to_partner":
            return {"picture": self.to_partner, "back": self.to_record}
        return {"picture": self.to_record, "back": self.to_partner}

    def synthesizer(self) -> PictureSynthesizerConfig:
        """Both generators."""
        config = self.config
        other: Direction = "to_record" if config.direction == "to_partner" else "to_partner"
        return PictureSynthesizerConfig(
            media=config.drawn,
            conditions=(config.condition,),
            picture=config.network(config.direction),
            given=config.given,
            back=config.network(other),
        )

    def generators_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real on both sides, come back to where one came from, leave as it is what is right already."""
        config, record, partner = self.config, batch["image"], batch["target"]
        drawn_partner = self.to_partner(record, NOTHING_GIVEN)
        drawn_record = self.to_record(partner, NOTHING_GIVEN)
        scalars = {
            "to_partner": held_to(judged(self.of_partners, drawn_partner), config.loss, 1.0),
            "to_record": held_to(judged(self.of_records, drawn_record), config.loss, 1.0),
            "cycle_record": absolute_error(self.to_record(drawn_partner, NOTHING_GIVEN), record),
            "cycle_partner": absolute_error(self.to_partner(drawn_record, NOTHING_GIVEN), partner),
        }
        value = scalars["to_partner"] + scalars["to_record"]
        value = value + config.cycle * (scalars["cycle_record"] + scalars["cycle_partner"])
        if config.identity:
            scalars["identity_partner"] = absolute_error(self.to_partner(partner, NOTHING_GIVEN), partner)
            scalars["identity_record"] = absolute_error(self.to_record(record, NOTHING_GIVEN), record)
            kept = scalars["identity_partner"] + scalars["identity_record"]
            value = value + config.cycle * config.identity * kept
        return Loss(value, {name: scalar.detach() for name, scalar in scalars.items()})

    def discriminators_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real pictures of both kinds from drawn ones, new and older; logs the share of each judged rightly."""
        record, partner = batch["image"], batch["target"]
        with torch.no_grad():
            partners = self.drawn_partners.exchange(self.to_partner(record, NOTHING_GIVEN))
            records = self.drawn_records.exchange(self.to_record(partner, NOTHING_GIVEN))
        of_partners, told_partners = self._told_apart(self.of_partners, partner, partners)
        of_records, told_records = self._told_apart(self.of_records, record, records)
        shares = {f"partner_{name}": share for name, share in told_partners.items()}
        return Loss(of_partners + of_records, shares | {f"record_{name}": s for name, s in told_records.items()})

    def _told_apart(self, network: nn.Module, real: Tensor, drawn: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        reals, fakes = judged(network, real), judged(network, drawn)
        return told_apart(reals, fakes, self.config.loss), shares_right(reals, fakes, self.config.loss)


def _shape(media: MediaSpec) -> tuple[int, int, int]:
    return media.channels, media.height, media.width
