"""RRDBNet: the generator of ESRGAN and Real-ESRGAN, residual dense blocks inside residual blocks.

Reference: Wang, Yu, Wu, Gu, Liu, Dong, Loy, Qiao, Tang, "ESRGAN: Enhanced Super-Resolution Generative Adversarial
Networks", ECCV workshops 2018, arXiv 1809.00219, figures 3 and 4; Wang, Xie, Dong, Shan, "Real-ESRGAN", 2021, arXiv
2107.10833, figure 4 (pixels of 2 x 2 or 4 x 4 as channels). Further scales, pixel shuffling and norms are options of
the authors' code of 2018, whose checkpoints ``interop.esrgan`` reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.picture import UNIT_SPAN, PictureNetworkConfig, check_sizes
from diorama.nn.initialize import scaled_he_normal

Activation = Literal["leaky_relu", "relu", "prelu"]
Norm = Literal["batch", "instance"]

DENSE_BLOCKS, LAYERS = 3, 5
"""Of each block, and of each dense block; both are fixed by the paper."""
_SLOPE = 0.2
_RESIDUAL = 0.2
"""By which residuals are scaled, of dense blocks and of the blocks around them."""


@dataclass(frozen=True, kw_only=True)
class RRDBNetConfig(PictureNetworkConfig):
    """The generator.

    Args:
        inputs: channels of small pictures.
        outputs: channels of large ones.
        features: width.
        growth: maps that a layer of a dense block adds.
        blocks: of three dense blocks each.
        unshuffle: pixels of so many rows and columns become channels of one before the network: 2 and 4 let it be as
            fast for pictures that are enlarged less.
        stages: factor of each enlargement at its end.
        shuffle: stages lay channels side by side as pixels; else pixels are repeated.
        norm: behind the convolutions of the body; the paper has none.
        activation: slope 0.2 below 0 in the paper; ``prelu`` learns it, one for each layer.
    """

    span = UNIT_SPAN

    inputs: int = 3
    outputs: int = 3
    features: int = 64
    growth: int = 32
    blocks: int = 23
    unshuffle: Literal[1, 2, 4] = 1
    stages: tuple[int, ...] = (2, 2)
    shuffle: bool = False
    norm: Norm | None = None
    activation: Activation = "leaky_relu"

    def __post_init__(self) -> None:
        check_sizes(self, "features", "growth", "blocks")
        if self.stages and min(self.stages) < 1:
            raise ValueError(f"stages: must be factors of at least 1, got {list(self.stages)}")
        if math.prod(self.stages) % self.unshuffle:
            raise ValueError(f"stages: {list(self.stages)} enlarge less than unshuffle {self.unshuffle} shrinks")

    @property
    def scale(self) -> int:
        """All stages, less what was laid into channels."""
        return math.prod(self.stages) // self.unshuffle

    @property
    def multiple(self) -> int:
        """What is laid into channels is whole."""
        return self.unshuffle

    @property
    def reach(self) -> int:
        """Every layer of the body one pixel, and those behind the stages together less than three."""
        return self.unshuffle * (self.blocks * DENSE_BLOCKS * LAYERS + 2 + 3)

    def build(self) -> RRDBNet:
        """A freshly initialised network."""
        return RRDBNet(self)


def _activation(name: Activation) -> nn.Module:
    if name == "prelu":
        return nn.PReLU(init=_SLOPE)
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(_SLOPE)


class _Layer(nn.Sequential):
    """Convolution of 3 x 3, norm and activation."""

    def __init__(self, inputs: int, outputs: int, norm: Norm | None, activation: Activation | None) -> None:
        super().__init__()
        self.add_module("conv", nn.Conv2d(inputs, outputs, 3, padding=1))
        if norm is not None:
            self.add_module("norm", nn.BatchNorm2d(outputs) if norm == "batch" else nn.InstanceNorm2d(outputs))
        if activation is not None:
            self.add_module("activation", _activation(activation))


class _DenseBlock(nn.Module):
    """Five layers, each of which sees what all before it made."""

    def __init__(self, config: RRDBNetConfig) -> None:
        super().__init__()
        width, growth = config.features, config.growth
        self.layers = nn.ModuleList(
            _Layer(width + number * growth, growth, config.norm, config.activation) for number in range(LAYERS - 1)
        )
        # The sum of residuals is not bent.
        self.layers.append(_Layer(width + (LAYERS - 1) * growth, width, config.norm, None))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for layer in self.layers:
            seen.append(layer(torch.cat(seen, 1)))
        return seen[-1] * _RESIDUAL + x


class _Block(nn.Module):
    """Three dense blocks."""

    def __init__(self, config: RRDBNetConfig) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(_DenseBlock(config) for _ in range(DENSE_BLOCKS)))

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x) * _RESIDUAL + x


class _Stage(nn.Module):
    """An enlargement."""

    def __init__(self, config: RRDBNetConfig, factor: int) -> None:
        super().__init__()
        self.factor, self.shuffle = factor, config.shuffle
        outputs = config.features * (factor**2 if config.shuffle else 1)
        self.conv = nn.Conv2d(config.features, outputs, 3, padding=1)
        self.activation = _activation(config.activation)

    def forward(self, x: Tensor) -> Tensor:
        if self.shuffle:
            return self.activation(F.pixel_shuffle(self.conv(x), self.factor))
        return self.activation(self.conv(F.interpolate(x, scale_factor=float(self.factor), mode="nearest")))


class RRDBNet(nn.Module):
    """Pictures in [0, 1] to pictures ``scale`` times as large. See :class:`RRDBNetConfig`."""

    def __init__(self, config: RRDBNetConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(config.inputs * config.unshuffle**2, config.features, 3, padding=1)
        self.body = nn.Sequential(*(_Block(config) for _ in range(config.blocks)))
        self.trunk = _Layer(config.features, config.features, config.norm, None)
        self.stages = nn.Sequential(*(_Stage(config, factor) for factor in config.stages))
        self.high = _Layer(config.features, config.features, None, config.activation)
        self.last = nn.Conv2d(config.features, config.outputs, 3, padding=1)
        scaled_he_normal(self.body, 0.1)

    def forward(
        self, picture: Float[Tensor, "b i h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b o sh sw"]:
        """Enlarged pictures, which may leave [0, 1]. The condition is not read."""
        x = picture if self.config.unshuffle == 1 else F.pixel_unshuffle(picture, self.config.unshuffle)
        x = self.first(x)
        x = x + self.trunk(self.body(x))
        return self.last(self.high(self.stages(x)))
