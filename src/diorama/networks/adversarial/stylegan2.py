"""StyleGAN2's generator: styles scale the weights of every convolution, and the picture is summed up over resolutions.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, "Analyzing and improving the image
quality of StyleGAN", arXiv:1912.04958, figures 2 and 7; half precision and limits as T. Karras et al.,
arXiv:2006.06676, appendix D. ``interop.stylegan2`` reads published checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import GeneratorConfig, Truncation
from diorama.networks.adversarial.style_generator import StyleGenerator
from diorama.networks.adversarial.style_mapping import USUAL_MAPPING, StyleMapping, StyleMappingConfig
from diorama.nn.bias_act import ActivationName, activation_gain, bias_act
from diorama.nn.equalized import EqualizedConv2d, EqualizedLinear
from diorama.nn.fir import Resampling, fir_filter, upsample2d
from diorama.nn.half import own_precision
from diorama.nn.modulated_conv import modulated_conv2d
from diorama.nn.normal import normal_like

Architecture = Literal["orig", "skip", "resnet"]
LayerNoise = Literal["const", "random", "none"] | Sequence[Tensor]
"""The noise of every convolution: as it is stored, the same for all pictures; drawn anew; none; or given, one
(b, 1, h, w) for each of :attr:`StyleGAN2GeneratorConfig.layer_noise`."""

COARSEST = 4
_HALF = math.sqrt(0.5)


def checked_size(size: int, least: int = COARSEST) -> int:
    """The same side of pictures.

    Raises:
        ValueError: it is no power of two, or too small.
    """
    if size < least or size & (size - 1):
        raise ValueError(f"size: must be a power of two and at least {least}, got {size}")
    return size


def checked_widths(channel_base: int, channel_max: int, size: int) -> None:
    """Refuse widths that leave a resolution without channels.

    Raises:
        ValueError: the message names the field.
    """
    if channel_max < 1 or channel_base < size:
        raise ValueError(f"channel_base, channel_max: {channel_base} and {channel_max} leave no channels at {size}")


def resolutions(size: int) -> tuple[int, ...]:
    """4, 8, … size."""
    return tuple(2**power for power in range(2, int(math.log2(size)) + 1))


@dataclass(frozen=True, kw_only=True)
class StyleGAN2GeneratorConfig(GeneratorConfig):
    """The generator. The default is the paper's config F for 256 x 256 pixels.

    Args:
        size: side of the pictures, a power of two.
        channels: of the pictures.
        latent: length of the latent vector.
        style: width of styles.
        classes: labels 0 … classes - 1; 0 for none.
        mapping: from latent vectors to styles.
        channel_base: channels of a resolution, times its side.
        channel_max: the most channels.
        architecture: ``skip`` sums pictures over resolutions, ``resnet`` features over layers, ``orig`` neither.
        resample_filter: the filter of everything that enlarges.
        kernel: side of the kernels, odd.
        use_noise: add noise after every convolution.
        activation: of every convolution.
        conv_clamp: limit of absolute values after a layer; ``None`` for none.
        num_fp16_res: so many resolutions, the finest, may be computed in half precision (:mod:`diorama.nn.half`).
    """

    size: int = 256
    channels: int = 3
    latent: int = 512
    style: int = 512
    classes: int = 0
    mapping: StyleMappingConfig = USUAL_MAPPING
    channel_base: int = 32768
    channel_max: int = 512
    architecture: Architecture = "skip"
    resample_filter: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    kernel: int = 3
    use_noise: bool = True
    activation: ActivationName = "lrelu"
    conv_clamp: float | None = 256.0
    num_fp16_res: int = 4

    def __post_init__(self) -> None:
        checked_size(self.size)
        checked_widths(self.channel_base, self.channel_max, self.size)
        if min(self.channels, self.latent, self.style) < 1 or self.classes < 0 or self.kernel % 2 != 1:
            raise ValueError(f"channels, latent, style, classes, kernel: cannot be as in {self}")

    @property
    def truncation(self) -> Truncation:
        """By styles."""
        return "styles"

    @property
    def style_layers(self) -> int:
        """One for each convolution, and one for the last picture."""
        return sum(1 if side == COARSEST else 2 for side in resolutions(self.size)) + 1

    @property
    def styled(self) -> bool:
        """Always."""
        return True

    @property
    def layer_noise(self) -> tuple[tuple[int, ...], ...]:
        """(1, h, w) for each convolution, in order; empty where the network adds none."""
        if not self.use_noise:
            return ()
        sides = resolutions(self.size)
        return tuple((1, side, side) for side in sides for _ in range(1 if side == COARSEST else 2))

    @property
    def stores_noise(self) -> bool:
        """Wherever it adds any."""
        return self.use_noise

    def width(self, resolution: int) -> int:
        """Channels at a resolution."""
        return min(self.channel_base // resolution, self.channel_max)

    def half(self, resolution: int) -> bool:
        """Whether a resolution may be computed in half precision."""
        return resolution >= finest_whole(self.size, self.num_fp16_res)

    def build(self) -> StyleGAN2Generator:
        """A freshly initialised generator."""
        return StyleGAN2Generator(self)


def finest_whole(size: int, halves: int) -> int:
    """The resolution from which on half precision serves, of which the coarsest two have none."""
    return max(2 ** (int(math.log2(size)) + 1 - halves), 8)


class StyleConv(nn.Module):
    """A modulated convolution, noise and a non-linearity.

    Args:
        config: of the network.
        inputs: channels.
        resolution: of what comes out.
        up: 2 where it enlarges.
    """

    def __init__(self, config: StyleGAN2GeneratorConfig, inputs: int, resolution: int, up: int = 1) -> None:
        super().__init__()
        outputs = config.width(resolution)
        self.act: ActivationName = config.activation
        self.clamp, self.how = config.conv_clamp, Resampling(up=up, padding=config.kernel // 2)
        self.affine = EqualizedLinear(config.style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, config.kernel, config.kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.shape = (1, resolution, resolution)
        self.strength = nn.Parameter(torch.zeros(())) if config.use_noise else None
        if config.use_noise:
            self.register_buffer("noise", torch.randn(resolution, resolution))
        self.register_buffer("filter", fir_filter(config.resample_filter), persistent=False)
        self.noise: Tensor
        self.filter: Tensor

    def forward(self, x: Tensor, style: Tensor, noise: str | Tensor, gain: float = 1.0) -> Tensor:
        """(b, c, h, w), (b, style) -> (b, d, h', w')."""
        y = modulated_conv2d(
            x,
            self.weight,
            self.affine(style),
            noise=self._scaled(noise, x),
            f=self.filter,
            how=self.how,
            flip_weight=self.how.up == 1,
        )
        clamp = None if self.clamp is None else self.clamp * gain
        return bias_act(y, self.bias, act=self.act, gain=activation_gain(self.act) * gain, clamp=clamp)

    def _scaled(self, noise: str | Tensor, x: Tensor) -> Tensor | None:
        if self.strength is None or (isinstance(noise, str) and noise == "none"):
            return None
        if isinstance(noise, Tensor):
            return noise * self.strength
        if noise == "const":
            return self.noise * self.strength
        return normal_like(x.new_empty(x.shape[0], *self.shape, dtype=torch.float32)) * self.strength


class StyleToPicture(nn.Module):
    """Features (b, c, h, w) and a style to the channels of pictures, in float32."""

    def __init__(self, config: StyleGAN2GeneratorConfig, inputs: int) -> None:
        super().__init__()
        self.clamp, self.scale = config.conv_clamp, 1 / math.sqrt(inputs)
        self.affine = EqualizedLinear(config.style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(config.channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = modulated_conv2d(x, self.weight, self.affine(style) * self.scale, demodulate=False)
        return bias_act(y, self.bias, clamp=self.clamp).float()


class SynthesisBlock(nn.Module):
    """One resolution: features of the one before (none at the coarsest) and the picture so far."""

    def __init__(self, config: StyleGAN2GeneratorConfig, resolution: int) -> None:
        super().__init__()
        width = config.width(resolution)
        self.in_half = config.half(resolution)
        self.const = self.conv0 = self.skip = self.torgb = None
        if resolution == COARSEST:
            self.const = nn.Parameter(torch.randn(width, resolution, resolution))
        else:
            inputs = config.width(resolution // 2)
            self.conv0 = StyleConv(config, inputs, resolution, up=2)
            if config.architecture == "resnet":
                taps, up = config.resample_filter, Resampling(up=2)
                self.skip = EqualizedConv2d(inputs, width, 1, bias=False, how=up, taps=taps)
        self.conv1 = StyleConv(config, width, resolution)
        if config.architecture == "skip" or resolution == config.size:
            self.torgb = StyleToPicture(config, width)
        self.register_buffer("filter", fir_filter(config.resample_filter), persistent=False)
        self.filter: Tensor

    @property
    def convs(self) -> int:
        """Convolutions that read a style and noise."""
        return 1 + (self.conv0 is not None)

    def readers(self) -> list[Tensor]:
        """Weights (outputs, style) of the affine map of each convolution, and of that for the picture if there is one,
        in the order of the styles."""
        reading = [conv.affine for conv in (self.conv0, self.conv1) if conv is not None]
        return [affine.weight * affine.scale for affine in (*reading, *([self.torgb.affine] if self.torgb else []))]

    def forward(
        self, x: Tensor | None, picture: Tensor | None, styles: Tensor, noise: Sequence[str | Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Features and picture.

        Args:
            x: (b, c, h/2, w/2), or ``None`` at the coarsest resolution.
            picture: (b, channels, h/2, w/2), where there is one.
            styles: (b, :attr:`convs` + 1, style); the last is for the picture.
            noise: for each convolution.
        """
        with own_precision(styles.device, half=self.in_half) as kind:
            return self._drawn(x, picture, styles, noise, kind)

    def _drawn(
        self, x: Tensor | None, picture: Tensor | None, styles: Tensor, noise: Sequence[str | Tensor], kind: torch.dtype
    ) -> tuple[Tensor, Tensor | None]:
        if self.const is not None:
            start = self.const[None].expand(styles.shape[0], -1, -1, -1)
            # Convolutions on CPUs are faster where the channels of a pixel lie side by side.
            x = start.contiguous(memory_format=torch.channels_last) if start.device.type == "cpu" else start
        assert x is not None
        x = x.to(kind)
        skipped = None if self.skip is None else self.skip(x, gain=_HALF)
        if self.conv0 is not None:
            x = self.conv0(x, styles[:, 0], noise[0])
        x = self.conv1(x, styles[:, self.convs - 1], noise[-1], 1.0 if skipped is None else _HALF)
        x = x if skipped is None else skipped + x
        if picture is not None:
            picture = upsample2d(picture, self.filter)
        if self.torgb is not None:
            drawn = self.torgb(x, styles[:, self.convs])
            picture = drawn if picture is None else picture + drawn
        return x, picture


class StyleGAN2Generator(StyleGenerator):
    """Latent vectors to pictures. See :class:`StyleGAN2GeneratorConfig`."""

    def __init__(self, config: StyleGAN2GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = StyleMapping(
            config.mapping, latent=config.latent, classes=config.classes, style=config.style
        )  # fmt: skip
        self.blocks = nn.ModuleList(SynthesisBlock(config, side) for side in resolutions(config.size))

    def styles(
        self, z: Tensor, condition: Condition = NOTHING_GIVEN, *, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Styles (b, layers, style) of latent vectors, the same for every layer.

        Args:
            z: (b, latent) standard normal.
            condition: ``label`` where there are classes.
            psi: see :meth:`StyleMapping.truncated`.
            cutoff: likewise.
        """
        return self._spread(self.mapping(z, condition), psi, cutoff)

    def draw(self, styles: Tensor, noise: LayerNoise | None = None, *, track: bool = False) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of styles (b, layers, style).

        Args:
            styles: one for each layer.
            noise: ``None`` draws it in training and takes what is stored in evaluation.
            track: these layers have no running numbers.

        Raises:
            ValueError: noise was given for another number of convolutions.
        """
        if noise is None:
            noise = "random" if self.training else "const"
        wanted = len(self.config.layer_noise)
        if not isinstance(noise, str) and len(noise) != wanted:
            raise ValueError(f"noise: {len(noise)} given for {wanted} convolutions that add some")
        each = [noise] * (self.config.style_layers - 1) if isinstance(noise, str) or not noise else list(noise)
        x, picture, first = None, None, 0
        for block in self._blocks:
            last = first + block.convs
            x, picture = block(x, picture, styles[:, first : last + 1].float(), each[first:last])
            first = last
        assert picture is not None
        return picture

    def readers(self) -> list[Tensor]:
        """Weights (outputs, style) of what reads each style: a style that a picture is made with is also read by the
        first convolution of the next resolution."""
        read: list[list[Tensor]] = [[] for _ in range(self.config.style_layers)]
        first = 0
        for block in self._blocks:
            for place, weight in enumerate(block.readers(), first):
                read[place].append(weight)
            first += block.convs
        return [torch.cat(weights) for weights in read]

    def forward(
        self,
        z: Tensor,
        condition: Condition = NOTHING_GIVEN,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: LayerNoise | None = None,
        track: bool = False,
    ) -> Tensor:
        """Draw one picture for every latent vector; see :meth:`styles` and :meth:`draw`.

        Args:
            z: (b, latent) standard normal.
            condition: ``label`` where there are classes.
            psi: see :meth:`StyleMapping.truncated`.
            cutoff: likewise.
            noise: of the convolutions.
            track: move the running mean of styles towards that of this batch.
        """
        styles = self.mapping(z, condition)
        if track:
            self.mapping.track(styles)
        return self.draw(self._spread(styles, psi, cutoff), noise)

    def _spread(self, styles: Tensor, psi: float, cutoff: int | None) -> Tensor:
        """One style (b, style) for every layer."""
        return self.mapping.truncated(styles[:, None].expand(-1, self.config.style_layers, -1), psi, cutoff)

    @property
    def _blocks(self) -> list[SynthesisBlock]:
        return [block for block in self.blocks if isinstance(block, SynthesisBlock)]
