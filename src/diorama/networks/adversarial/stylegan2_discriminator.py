"""StyleGAN2's discriminator: residual blocks down to 4 x 4, how much the batch varies, and the label as a projection.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, arXiv:1912.04958, figure 7 and appendix
B; labels after T. Miyato, M. Koyama, arXiv:1802.05637, as T. Karras et al., arXiv:2006.06676, appendix C, do it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig
from diorama.networks.adversarial.style_mapping import USUAL_MAPPING, StyleMapping, StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import (
    COARSEST,
    Architecture,
    checked_size,
    checked_widths,
    finest_whole,
    resolutions,
)
from diorama.nn.bias_act import ActivationName
from diorama.nn.equalized import EqualizedConv2d, EqualizedLinear
from diorama.nn.fir import Resampling, downsample2d, fir_filter
from diorama.nn.half import own_precision
from diorama.nn.minibatch import with_deviation

_HALF = math.sqrt(0.5)


@dataclass(frozen=True, kw_only=True)
class StyleGAN2DiscriminatorConfig(DiscriminatorConfig):
    """The discriminator. The default is the paper's config F for 256 x 256 pixels.

    Args:
        size: side of the pictures, a power of two, at least 8.
        channels: of the pictures.
        classes: labels 0 … classes - 1; 0 for none.
        architecture: ``resnet`` has shortcuts, ``skip`` reads the picture at every resolution, ``orig`` neither.
        channel_base: channels of a resolution, times its side.
        channel_max: the most channels.
        resample_filter: the filter of everything that thins out.
        activation: of every layer but that of the last and of the mapping.
        conv_clamp: limit of absolute values after a convolution; ``None`` for none.
        num_fp16_res: so many resolutions, the finest, may be computed in half precision (:mod:`diorama.nn.half`).
        cmap_dim: width of a mapped label; ``None`` for the most channels that 4 x 4 has.
        mapping: of labels.
        mbstd_group_size: samples that the deviation is taken of; ``None`` for the whole batch.
        mbstd_num_channels: channels of the deviation; 0 for none.
        last_activation: of the layers at 4 x 4.
    """

    size: int = 256
    channels: int = 3
    classes: int = 0
    architecture: Architecture = "resnet"
    channel_base: int = 32768
    channel_max: int = 512
    resample_filter: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    activation: ActivationName = "lrelu"
    conv_clamp: float | None = 256.0
    num_fp16_res: int = 4
    cmap_dim: int | None = None
    mapping: StyleMappingConfig = USUAL_MAPPING
    mbstd_group_size: int | None = 4
    mbstd_num_channels: int = 1
    last_activation: ActivationName = "lrelu"

    def __post_init__(self) -> None:
        checked_size(self.size, 2 * COARSEST)
        checked_widths(self.channel_base, self.channel_max, self.size)
        if self.channels < 1 or min(self.classes, self.mbstd_num_channels) < 0:
            raise ValueError(f"channels, classes, mbstd_num_channels: cannot be as in {self}")
        if min(self.mbstd_group_size or 1, 1 if self.cmap_dim is None else self.cmap_dim) < 1:
            raise ValueError(f"mbstd_group_size, cmap_dim: must be at least 1, got {self}")

    def width(self, resolution: int) -> int:
        """Channels at a resolution."""
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def label_width(self) -> int:
        """Width of a mapped label; 0 where there are none."""
        return (self.cmap_dim or self.width(COARSEST)) if self.classes else 0

    def build(self) -> StyleGAN2Discriminator:
        """A freshly initialised discriminator."""
        return StyleGAN2Discriminator(self)


class DiscriminatorBlock(nn.Module):
    """One resolution, at the end of which it is halved."""

    def __init__(self, config: StyleGAN2DiscriminatorConfig, resolution: int) -> None:
        super().__init__()
        inner, outputs = config.width(resolution), config.width(resolution // 2)
        act, clamp, taps = config.activation, config.conv_clamp, config.resample_filter
        self.in_half = resolution >= finest_whole(config.size, config.num_fp16_res)
        self.fromrgb = self.skip = None
        # The picture goes in at the finest resolution, of the architecture "skip" at every one.
        if resolution == config.size or config.architecture == "skip":
            self.fromrgb = EqualizedConv2d(config.channels, inner, 1, act=act, clamp=clamp)
        self.conv0 = EqualizedConv2d(inner, inner, 3, act=act, clamp=clamp)
        down = Resampling(down=2)
        self.conv1 = EqualizedConv2d(inner, outputs, 3, act=act, how=down, taps=taps, clamp=clamp)
        if config.architecture == "resnet":
            self.skip = EqualizedConv2d(inner, outputs, 1, bias=False, how=down, taps=taps)
        self.goes_on = config.architecture == "skip"
        self.register_buffer("filter", fir_filter(taps), persistent=False)
        self.filter: Tensor

    def forward(self, x: Tensor | None, picture: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features (b, c, h, w), ``None`` at the finest resolution, and the picture while it is read -> both halved."""
        with own_precision(self.filter.device, half=self.in_half) as kind:
            return self._seen(x, picture, kind)

    def _seen(self, x: Tensor | None, picture: Tensor | None, kind: torch.dtype) -> tuple[Tensor, Tensor | None]:
        x = None if x is None else x.to(kind)
        if self.fromrgb is not None:
            assert picture is not None
            seen = self.fromrgb(picture.to(kind))
            x = seen if x is None else x + seen
            picture = downsample2d(picture, self.filter) if self.goes_on else None
        assert x is not None
        if self.skip is None:
            return self.conv1(self.conv0(x)), picture
        skipped = self.skip(x, gain=_HALF)
        return skipped + self.conv1(self.conv0(x), gain=_HALF), picture


class DiscriminatorEnd(nn.Module):
    """Features (b, c, 4, 4) to logits, or to what is compared with the mapped label."""

    def __init__(self, config: StyleGAN2DiscriminatorConfig) -> None:
        super().__init__()
        width, act, clamp = config.width(COARSEST), config.last_activation, config.conv_clamp
        self.group, self.deviations = config.mbstd_group_size, config.mbstd_num_channels
        skip = config.architecture == "skip"
        self.fromrgb = EqualizedConv2d(config.channels, width, 1, act=act) if skip else None
        self.conv = EqualizedConv2d(width + self.deviations, width, 3, act=act, clamp=clamp)
        self.fc = EqualizedLinear(width * COARSEST**2, width, act=act)
        self.out = EqualizedLinear(width, config.label_width or 1)

    def forward(self, x: Tensor, picture: Tensor | None) -> Tensor:
        """(b, n)."""
        with own_precision(x.device, half=False) as kind:
            x = x.to(kind)
            if self.fromrgb is not None:
                assert picture is not None
                x = x + self.fromrgb(picture.to(kind))
            if self.deviations:
                x = with_deviation(x, self.group, self.deviations)
            return self.out(self.fc(self.conv(x).flatten(1)))


class StyleGAN2Discriminator(nn.Module):
    """Pictures to logits, positive where they look real. See :class:`StyleGAN2DiscriminatorConfig`."""

    def __init__(self, config: StyleGAN2DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        sides = reversed(resolutions(config.size)[1:])
        self.blocks = nn.ModuleList(DiscriminatorBlock(config, side) for side in sides)
        self.end = DiscriminatorEnd(config)
        self.mapping = (
            StyleMapping(config.mapping, latent=0, classes=config.classes, style=config.label_width, averaged=False)
            if config.classes
            else None
        )

    def features(self, picture: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor | None]:
        """Features (b, c, 4, 4), and the picture at 4 x 4 where it is read there."""
        if picture.device.type == "cpu":
            picture = picture.contiguous(memory_format=torch.channels_last)
        x: Tensor | None = None
        rest: Tensor | None = picture
        for block in self.blocks:
            x, rest = block(x, rest)
        assert x is not None
        return x, rest

    def judged(self, features: tuple[Tensor, Tensor | None], condition: Condition) -> Float[Tensor, " b"]:
        """Logits of :meth:`features`."""
        x = self.end(*features)
        if self.mapping is None:
            if "label" in condition:
                raise ValueError("this network takes no label")
            return x.flatten()
        label = self.mapping(x, condition)
        return (x * label).sum(dim=1) / math.sqrt(self.config.label_width)

    def forward(self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture.

        Args:
            picture: in [-1, 1].
            condition: ``label`` where there are classes.

        Raises:
            ValueError: a label is missing or not wanted.
        """
        return self.judged(self.features(picture), condition)
