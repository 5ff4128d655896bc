"""pix2pix's generator: a U-Net that halves a picture down to a point and enlarges it with all maps on the way.

Reference: Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv
1611.07004, section 3.2.1 and appendix 6.1.1. Biases, and which levels have norms and dropout, follow the authors'
PyTorch code, whose checkpoints ``interop.cyclegan_generators`` reads. Its discriminators are in ``patchgan``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.patchgan import Norm, norm_of
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.nn.initialize import dcgan_normal

LEAST_HALVINGS = 5
"""The published class has no fewer."""
_MOST = 8
"""How many times as wide as the first map others are at most."""
_DROPPED = 0.5


@dataclass(frozen=True, kw_only=True)
class Pix2PixGeneratorConfig(PictureNetworkConfig):
    """The generator.

    The paper draws with dropout and with batch statistics also when training is over: dropout stands for the noise that
    a generator of pictures from noise is given. In evaluation mode this network does neither; with the norm
    ``affine_instance`` it has the statistics of the picture itself, as the paper's has in batches of one.

    Args:
        inputs: channels of the pictures that are given.
        outputs: channels of the pictures that are drawn.
        width: of the first map; each halving doubles it, up to eight times the first one's.
        halvings: 8 take 256 pixels to one.
        norm: behind every convolution but those of the first and the last level.
        dropout: half of the values are dropped in training, behind the enlarging layers between those eight times as
            wide as the first map.
    """

    inputs: int = 3
    outputs: int = 3
    width: int = 64
    halvings: int = 8
    norm: Norm = "batch"
    dropout: bool = True

    def __post_init__(self) -> None:
        if min(self.inputs, self.outputs, self.width) < 1:
            raise ValueError(f"inputs, outputs and width must be at least 1, got {self}")
        if self.halvings < LEAST_HALVINGS:
            raise ValueError(f"halvings must be at least {LEAST_HALVINGS}, got {self.halvings}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the maps behind each halving."""
        return tuple(self.width * min(1 << level, _MOST) for level in range(self.halvings))

    @property
    def multiple(self) -> int:
        """Of as many pixels as become one."""
        return 1 << self.halvings

    def dropped(self, level: int) -> float:
        """The share that is dropped behind the layer which enlarges the map of a level."""
        return _DROPPED if self.dropout and LEAST_HALVINGS <= level + 1 < self.halvings else 0.0

    def build(self) -> Pix2PixGenerator:
        """A freshly initialised generator."""
        return Pix2PixGenerator(self)


class _Level(nn.Module):
    """A convolution that halves or enlarges, behind its activation, with its norm."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, norm: Norm, dropped: float = 0.0) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm_of(norm, conv.out_channels)
        self.dropped = dropped

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.norm(self.conv(x)), self.dropped, self.training)


class Pix2PixGenerator(nn.Module):
    """Pictures to pictures. See :class:`Pix2PixGeneratorConfig`."""

    def __init__(self, config: Pix2PixGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths, biases, last = config.widths, config.norm == "instance", config.halvings - 1
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[level - 1] if level else config.inputs
            bare = level in (0, last)  # pixels and the smallest map have no norm
            down = nn.Conv2d(before, width, 4, 2, 1, bias=biases)
            self.downs.append(_Level(down, "none" if bare else config.norm))
            # Every level but the innermost is handed its own map beside the one that was enlarged.
            inputs, outputs = width if level == last else 2 * width, before if level else config.outputs
            up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=biases or not level)
            self.ups.append(_Level(up, config.norm if level else "none", config.dropped(level)))
        dcgan_normal(self)

    def forward(
        self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b outputs h w"]:
        """Draw what each picture becomes, in [-1, 1]. The condition is not read.

        Raises:
            ValueError: height or width is no multiple of ``config.multiple``.
        """
        multiple = self.config.multiple
        if picture.shape[2] % multiple or picture.shape[3] % multiple:
            raise ValueError(f"pictures must have sides that are multiples of {multiple}, got {tuple(picture.shape)}")
        maps = [self.downs[0](picture)]
        for down in list(self.downs)[1:]:
            maps.append(down(F.leaky_relu(maps[-1], 0.2)))
        x = self.ups[-1](F.relu(maps.pop()))
        for up in list(self.ups)[-2::-1]:
            x = up(F.relu(torch.cat([maps.pop(), x], dim=1)))
        return x.tanh()
