"""Enlarging learned of pairs by their absolute difference: the first stage of ESRGAN, and all of SRResNet's training.

Reference: Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR
2017, arXiv 1609.04802; Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV workshops
2018, arXiv 1809.00219, section 4.1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Batch, ConditionSpec, Loss, MediaSpec, Moment
from diorama.losses.reconstruction import absolute_error
from diorama.methods.adversarial.crops import aligned_crops, turned_alike
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.catalog import PictureNetwork
from diorama.synthesis.picture import PictureSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class EnlargingConfig(MethodConfig):
    """A network that is given the records, which are small, and draws their larger partners (side ``target``).

    Args:
        small: what the records are.
        large: what their partners are.
        network: from the one to the other.
        crop: side of the squares that are cut out of small pictures at random, in pixels of these.
        turns: the squares are mirrored and turned at random.
    """

    small: MediaSpec
    large: MediaSpec
    network: PictureNetwork
    crop: int
    turns: bool = True

    def __post_init__(self) -> None:
        network, small, large = self.network, self.small, self.large
        if small.kind != "image" or large.kind != "image":
            raise ValueError("small, large: pictures are enlarged, and these are clips")
        if (network.inputs, network.outputs) != (small.channels, large.channels):
            raise ValueError(
                f"network: takes {network.inputs} channels to {network.outputs}, and small pictures have "
                f"{small.channels}, large ones {large.channels}"
            )
        enlarged = small.height * network.scale, small.width * network.scale
        if network.scale < 2 or enlarged != (large.height, large.width):
            raise ValueError(
                f"network: enlarges {network.scale} times, and of {small.width} x {small.height} pixels "
                f"{large.width} x {large.height} are to be made"
            )
        if self.crop % network.multiple or not network.least <= self.crop <= min(small.height, small.width):
            raise ValueError(
                f"crop: must be a multiple of {network.multiple}, from {network.least} to the "
                f"{min(small.height, small.width)} pixels of a small picture, got {self.crop}"
            )

    @property
    def of_partners(self) -> bool:
        """Always: the larger ones."""
        return True

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> Enlarging:
        """The method with a freshly initialised network."""
        return Enlarging(self, frozen)


class Enlarging(Method):
    """See :class:`EnlargingConfig`."""

    def __init__(self, config: EnlargingConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config: EnlargingConfig = config
        self.generator = config.network.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``generator``."""
        return {"generator": list(self.generator.parameters())}

    def phases(self) -> Sequence[Phase]:
        """One turn, on squares that are cut before it."""
        return [Phase("generator", "generator", self.generator_loss, recorded=True, prepare=self.cut)]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Both pictures of a pair."""
        return ("image", "target")

    def averaged(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"picture": self.generator}

    def synthesizer(self) -> PictureSynthesizerConfig:
        """The network alone."""
        config = self.config
        given = ConditionSpec(key="image", shape=config.small.shape)
        return PictureSynthesizerConfig(
            media=config.large, conditions=(given,), picture=config.network, given=config.small
        )

    def cut(self, batch: Batch) -> Batch:
        """A square of each record and of its partner at the same place, in the same of eight positions."""
        small, large = aligned_crops(batch["image"], batch["target"], self.config.crop)
        if self.config.turns:
            small, large = turned_alike(small, large)
        return {**batch, "image": small, "target": large}

    def draw(self, small: Tensor) -> Tensor:
        """Larger pictures of small ones, both with black at -1 and white at 1; what is drawn may lie beyond."""
        network = self.config.network
        return network.from_span(self.generator(network.to_span(small), NOTHING_GIVEN))

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """The mean absolute difference of pictures in [0, 1]."""
        return Loss(unit_error(self.draw(batch["image"]), batch["target"]), {})


def unit_error(drawn: Tensor, real: Tensor) -> Tensor:
    """The mean absolute difference of pictures in [-1, 1], as it is of the same ones in [0, 1]; ()."""
    return absolute_error(drawn, real) / 2
