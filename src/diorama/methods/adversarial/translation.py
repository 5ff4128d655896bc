"""What methods share that learn to draw pictures of one kind of pictures of another.

A batch holds the records under ``image``, and what stands beside them under ``target``: the partner of each record, or
a picture of a second set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, ConditionSpec, MediaSpec
from diorama.losses.adversarial import cross_entropy, squared_error
from diorama.losses.multi_scale import over_scales
from diorama.methods.base import MethodConfig
from diorama.networks.adversarial.base import Judgement
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PatchStack, PixelDiscriminatorConfig
from diorama.networks.adversarial.pix2pixhd import MultiScaleDiscriminator, MultiScaleDiscriminatorConfig
from diorama.networks.catalog import PictureNetwork

Direction = Literal["to_partner", "to_record"]
"""Which side of a pair is drawn: the partner of a record, or the record of a partner."""

TranslationDiscriminator = MultiScaleDiscriminatorConfig | PatchDiscriminatorConfig | PixelDiscriminatorConfig
"""Pictures (b, channels, h, w) to logits of patches."""

PatchLossName = Literal["cross_entropy", "least_squares"]
_SIDES: Mapping[PatchLossName, Callable[[Tensor, float], Tensor]] = {
    "cross_entropy": cross_entropy,
    "least_squares": squared_error,
}


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(MethodConfig):
    """Pictures of two kinds, each of which can be drawn of the other.

    Args:
        record: what the records of the data are.
        partner: what stands beside them as the side ``target``; of the same height and width.
        direction: what the trained model draws.
        generator: the network from records to partners; that of the other direction has its channels exchanged.
    """

    record: MediaSpec
    partner: MediaSpec
    direction: Direction = "to_partner"
    generator: PictureNetwork

    def __post_init__(self) -> None:
        if self.record.kind != "image" or self.partner.kind != "image":
            raise ValueError("record, partner: pictures are translated, and these are clips")
        size, other = (self.record.height, self.record.width), (self.partner.height, self.partner.width)
        if size != other:
            raise ValueError(
                f"partner: must be as large as the record, {size[1]} x {size[0]}, got {other[1]} x {other[0]}"
            )
        network = self.generator
        if network.scale != 1:
            raise ValueError(f"generator: must keep the size of pictures, and this one enlarges {network.scale} times")
        if (network.inputs, network.outputs) != (self.record.channels, self.partner.channels):
            raise ValueError(
                f"generator: takes {network.inputs} channels to {network.outputs}, and records have "
                f"{self.record.channels}, partners {self.partner.channels}; name it from record to partner, "
                "in either direction"
            )
        for side in size:
            if side % network.multiple or side < network.least:
                raise ValueError(
                    f"generator: takes sides that are multiples of {network.multiple} and at least {network.least}, "
                    f"and these pictures are {size[1]} x {size[0]}"
                )

    @property
    def of_partners(self) -> bool:
        """Of one direction."""
        return self.direction == "to_partner"

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of a batch under which stand what the model is given and what it draws."""
        return ("image", "target") if self.direction == "to_partner" else ("target", "image")

    @property
    def given(self) -> MediaSpec:
        """What the model is given."""
        return self.record if self.direction == "to_partner" else self.partner

    @property
    def drawn(self) -> MediaSpec:
        """What it draws."""
        return self.partner if self.direction == "to_partner" else self.record

    @property
    def condition(self) -> ConditionSpec:
        """What the model is given, as a condition: its key says which side of a pair that is."""
        return ConditionSpec(key=self.keys[0], shape=self.given.shape)

    def network(self, direction: Direction) -> PictureNetwork:
        """The generator of a direction."""
        return self.generator if direction == "to_partner" else exchanged(self.generator)


def exchanged(network: PictureNetwork) -> PictureNetwork:
    """The network of the other direction."""
    return replace(network, inputs=network.outputs, outputs=network.inputs)


def judged(discriminator: nn.Module, pictures: Tensor) -> tuple[Judgement, ...]:
    """What a discriminator says at each of its scales, the finest first; one of pixels tells no features."""
    if isinstance(discriminator, MultiScaleDiscriminator):
        return discriminator.judge_scales(pictures)
    if isinstance(discriminator, PatchStack):
        return (discriminator.judge(pictures),)
    return (Judgement(discriminator(pictures, NOTHING_GIVEN), ()),)


def held_to(judgements: Sequence[Judgement], loss: PatchLossName, target: float) -> Tensor:
    """How far logits are from a target, 1 for real and 0 for drawn: the mean over patches, summed over scales; ()."""
    return over_scales(lambda logits: _SIDES[loss](logits, target), [each.logits for each in judgements])


def told_apart(real: Sequence[Judgement], drawn: Sequence[Judgement], loss: PatchLossName) -> Tensor:
    """A discriminator's loss, half of both sides' sum, which slows it against the generator; ().

    Reference: Isola et al. 2017, arXiv 1611.07004, section 3.3.
    """
    return 0.5 * (held_to(real, loss, 1.0) + held_to(drawn, loss, 0.0))


def shares_right(reals: Sequence[Judgement], fakes: Sequence[Judgement], loss: PatchLossName) -> Mapping[str, Tensor]:
    """The shares of patches that the finest scale judges rightly, for the log."""
    middle = 0.0 if loss == "cross_entropy" else 0.5
    return {
        "real_right": (reals[0].logits > middle).float().mean(),
        "fake_right": (fakes[0].logits < middle).float().mean(),
    }
