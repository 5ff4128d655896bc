"""Networks that make a picture of a given one, the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.networks.catalog import PictureNetwork
from diorama.nn.tiles import in_tiles
from diorama.synthesis.base import Synthesizer, SynthesizerConfig

TILE = 256
"""Side of the squares that larger pictures are given to the network in."""
MOST_PIXELS = 1 << 23
"""Of a picture that a network has to be given whole: of 64 float32 maps, the first layer of most, they take 2 GiB."""
_GIVEN = (["image"], ["target"])
_MARGIN = 32
"""Most pixels around a square that the network is given too. Deep networks could see further, and hardly do."""


@dataclass(frozen=True, kw_only=True)
class PictureSynthesizerConfig(SynthesizerConfig):
    """A trained network from picture to picture.

    Args:
        media: what it makes of a picture of the usual size, and in which units; others may be given.
        conditions: the given picture, of the usual size, and nothing else. It is a record of the data (``image``), of
            which what stands beside it is drawn, or what stands beside a record (``target``), of which that is drawn.
        picture: the network.
        given: units of the given picture; ``None`` for those of what is drawn.
        back: the network of the other way, which was trained beside it; ``None`` where there is none.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...]
    picture: PictureNetwork
    given: MediaSpec | None = field(default=None, metadata={LATER: True})
    back: PictureNetwork | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        network, media, back = self.picture, self.media, self.back
        if media.kind != "image" or media.channels != network.outputs:
            raise ValueError(f"media: the network makes pictures of {network.outputs} channels")
        expected = (network.inputs, media.height // network.scale, media.width // network.scale)
        if [spec.key for spec in self.conditions] not in _GIVEN or self.conditions[0].shape != expected:
            raise ValueError(f"conditions: the network is given an image of the shape {expected}, and nothing else")
        if self.given is not None and self.given.shape != expected:
            raise ValueError(f"given: the network is given pictures of {expected}, not of {self.given.shape}")
        if back is not None and (back.inputs, back.outputs, back.scale) != (network.outputs, network.inputs, 1):
            raise ValueError("back: the network of the other way takes the channels of what is drawn to those given")

    @property
    def reads(self) -> MediaSpec:
        """What it is given, in which units."""
        spec = self.conditions[0]
        if self.given is not None:
            return self.given
        return replace(self.media, channels=spec.shape[0], height=spec.shape[1], width=spec.shape[2])

    def turned(self) -> PictureSynthesizerConfig:
        """The model of the other way.

        Raises:
            BadInput: there is none.
        """
        if self.back is None:
            raise BadInput("this model has no network of the other way; a CycleGAN's has one")
        key = "image" if self.conditions[0].key == "target" else "target"
        return PictureSynthesizerConfig(
            media=self.reads,
            conditions=(ConditionSpec(key=key, shape=self.media.shape),),
            picture=self.back,
            given=self.media,
            back=self.picture,
        )

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
        if config.back is not None:
            self.back = config.back.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """No noise at all."""
        return (0,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: what becomes of the given pictures."""
        yield Stage(x=self.of_picture(condition[self.config.conditions[0].key]))

    def turned(self) -> PictureSynthesizer:
        """The model of the other way, in evaluation mode, with the same tensors.

        Raises:
            BadInput: there is none.
        """
        config = self.config.turned()
        # Its initial weights are overwritten at once, and their draws must not move those of anybody else.
        with torch.random.fork_rng(devices=[]):
            model = PictureSynthesizer(config).to(self.device).eval().requires_grad_(False)
        model.picture, model.back = self.back, self.picture
        return model

    @torch.no_grad()
    def of_picture(self, picture: Float[Tensor, "b c h w"], *, tile: int | None = TILE) -> Float[Tensor, "b o sh sw"]:
        """What becomes of pictures of any size.

        Args:
            picture: in [-1, 1], on the model's device.
            tile: side of the squares that larger pictures are given to the network in, a multiple of what the network
                asks for; ``None`` for whole pictures, which a network whose ``reach`` is ``None`` is always given.

        Returns:
            In [-1, 1], ``scale`` times as high and wide.

        Raises:
            ValueError: the tile is no such multiple.
            BadInput: a picture that the network has to be given whole is too large.
        """
        network: PictureNetworkConfig = self.config.picture
        scale, multiple = network.scale, network.multiple
        reach, side = network.reach, tile
        if reach is not None and side is not None and (side < 1 or side % multiple):
            raise ValueError(f"tile: must be a multiple of {multiple}, got {side}")
        height, width = picture.shape[2:]
        given = _filled(network.to_span(picture), fitting_size(network, (height, width)))
        if reach is None or side is None:
            reach, side = 0, max(given.shape[2:])
        margin = -(-min(reach, _MARGIN) // multiple) * multiple
        drawn = in_tiles(lambda x: self.picture(x, {}), given, side=side, margin=margin, scale=scale)
        return network.from_span(drawn[..., : height * scale, : width * scale]).clamp(-1, 1)


def fitting_size(network: PictureNetworkConfig, size: tuple[int, int]) -> tuple[int, int]:
    """The smallest (height, width) that the network can be given and that is not below ``size``.

    Raises:
        BadInput: the network has to be given whole pictures, and this one has more pixels than ``MOST_PIXELS``.
    """
    multiple = network.multiple
    height, width = (max(network.least, -(-side // multiple) * multiple) for side in size)
    if network.reach is None and height * width > MOST_PIXELS:
        raise BadInput(
            f"{size[1]} x {size[0]} pixels, which this network is given whole and as {width} x {height}, are more than "
            f"the {MOST_PIXELS:,} pixels that are drawn at once; make the picture smaller"
        )
    return height, width


def _filled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture of a larger size: its pixels are mirrored at the lower and at the right rim, again and again where one
    picture is too small."""
    rows, columns = (_mirrored(*sides).to(picture.device) for sides in zip(picture.shape[2:], size, strict=True))
    return picture[..., rows[:, None], columns]


def _mirrored(side: int, count: int) -> Tensor:
    """Which of ``side`` pixels stand in a row of ``count``: to the last one, back to the first, and so on."""
    there_and_back = max(1, 2 * (side - 1))
    place = torch.arange(count) % there_and_back
    return torch.minimum(place, there_and_back - place)
