"""Networks that make a picture of a given one, the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import SRResNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.nn.tiles import in_tiles
from diorama.synthesis.base import Synthesizer, SynthesizerConfig

PictureNetwork = RRDBNetConfig | SRResNetConfig | SRVGGNetConfig
"""Pictures (b, i, h, w) and conditions to pictures (b, o, h · scale, w · scale)."""

TILE = 256
"""Side of the squares that larger pictures are given to the network in."""
_MARGIN = 32
"""Most pixels around a square that the network is given too. Deep networks could see further, and hardly do."""


@dataclass(frozen=True, kw_only=True)
class PictureSynthesizerConfig(SynthesizerConfig):
    """A trained network from picture to picture.

    Args:
        media: what it makes of a picture of the usual size, and in which units; others may be given.
        conditions: the given picture, of the usual size, and nothing else.
        picture: the network.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...]
    picture: PictureNetwork

    def __post_init__(self) -> None:
        network, media = self.picture, self.media
        if media.kind != "image" or media.channels != network.outputs:
            raise ValueError(f"media: the network makes pictures of {network.outputs} channels")
        expected = (network.inputs, media.height // network.scale, media.width // network.scale)
        if [spec.key for spec in self.conditions] != ["image"] or self.conditions[0].shape != expected:
            raise ValueError(f"conditions: the network is given an image of the shape {expected}, and nothing else")

    def build(self) -> PictureSynthesizer:
        """A synthesizer with a freshly initialised network."""
        return PictureSynthesizer(self)


def picture_config(network: PictureNetwork, size: tuple[int, int]) -> PictureSynthesizerConfig:
    """The model of a network, for pictures of 8 bits.

    Args:
        network: that it has.
        size: usual (height, width) of what it is given.
    """
    height, width = size
    media = MediaSpec(
        kind="image", channels=network.outputs, height=height * network.scale, width=width * network.scale
    )  # fmt: skip
    given = ConditionSpec(key="image", shape=(network.inputs, height, width))
    return PictureSynthesizerConfig(media=media, conditions=(given,), picture=network)


class PictureSynthesizer(Synthesizer):
    """``picture`` turns a given picture into another."""

    kind = "network from picture to picture"

    def __init__(self, config: PictureSynthesizerConfig) -> None:
        super().__init__()
        self.config: PictureSynthesizerConfig = config
        self.picture = config.picture.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """No noise at all."""
        return (0,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: what becomes of the given pictures."""
        yield Stage(x=self.of_picture(condition["image"]))

    @torch.no_grad()
    def of_picture(self, picture: Float[Tensor, "b c h w"], *, tile: int | None = TILE) -> Float[Tensor, "b o sh sw"]:
        """What becomes of pictures of any size.

        Args:
            picture: in [-1, 1], on the model's device.
            tile: side of the squares that larger pictures are given to the network in, a multiple of what the network
                asks for; ``None`` for whole pictures.

        Returns:
            In [-1, 1], ``scale`` times as high and wide.

        Raises:
            ValueError: the tile is no such multiple.
        """
        network: PictureNetworkConfig = self.config.picture
        scale, multiple = network.scale, network.multiple
        if tile is not None and (tile < 1 or tile % multiple):
            raise ValueError(f"tile: must be a multiple of {multiple}, got {tile}")
        height, width = picture.shape[2:]
        low, high = network.span
        given = _filled((picture + 1) * ((high - low) / 2) + low, multiple)
        margin = -(-min(network.reach, _MARGIN) // multiple) * multiple
        side = max(given.shape[2:]) if tile is None else tile
        drawn = in_tiles(lambda x: self.picture(x, {}), given, side=side, margin=margin, scale=scale)
        x = (drawn[..., : height * scale, : width * scale] - low) * (2 / (high - low)) - 1
        return x.clamp(-1, 1)


def _filled(picture: Tensor, multiple: int) -> Tensor:
    """A picture with as many of its pixels mirrored below and to the right as make its sides multiples."""
    below, aside = (-side % multiple for side in picture.shape[2:])
    if not below and not aside:
        return picture
    mirrored = below < picture.shape[2] and aside < picture.shape[3]
    return F.pad(picture, (0, aside, 0, below), mode="reflect" if mirrored else "replicate")
