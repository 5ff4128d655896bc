"""StyleGAN3's generator: features are signals without aliases, so that details move with what they belong to.

Reference: T. Karras, M. Aittala, S. Laine, E. Härkönen, J. Hellsten, J. Lehtinen, T. Aila, "Alias-free generative
adversarial networks", arXiv:2106.12423, section 3 and appendices C to E. Configuration T is the default; R has kernels
of one pixel, radial filters and twice the channels. ``interop.stylegan3`` reads published checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import GeneratorConfig, Truncation
from diorama.networks.adversarial.style_generator import StyleGenerator
from diorama.networks.adversarial.style_mapping import StyleMapping, StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import checked_size, checked_widths
from diorama.networks.adversarial.stylegan3_geometry import Bands, LayerGeometry, Sampling, layers, places
from diorama.nn.equalized import EqualizedLinear
from diorama.nn.filtered_lrelu import filtered_lrelu
from diorama.nn.fir import Resampling
from diorama.nn.half import own_precision
from diorama.nn.modulated_conv import normalized_modulated_conv2d

TWO_LAYERS = StyleMappingConfig(layers=2)
"""StyleGAN3's mapping."""
USUAL_BANDS = Bands()
"""Those of configuration T."""


@dataclass(frozen=True, kw_only=True)
class StyleGAN3GeneratorConfig(GeneratorConfig):
    """The generator. The default is configuration T for 256 x 256 pixels.

    Args:
        size: side of the pictures, a power of two, at least 16.
        channels: of the pictures.
        latent: length of the latent vector.
        style: width of styles.
        classes: labels 0 … classes - 1; 0 for none.
        mapping: from latent vectors to styles; ``embedding`` and ``hidden`` are as wide as styles.
        bands: layers and their frequencies.
        channel_base: channels of a layer, times twice its cutoff.
        channel_max: the most channels.
        output_scale: factor of the pictures.
        num_fp16_res: rates within so many octaves of the finest may be computed in half precision
            (:mod:`diorama.nn.half`).
        conv_clamp: limit of absolute values after a non-linearity; ``None`` for none.
        magnitude_ema_beta: what the running magnitudes of inputs keep of themselves with every batch.
    """

    size: int = 256
    channels: int = 3
    latent: int = 512
    style: int = 512
    classes: int = 0
    mapping: StyleMappingConfig = TWO_LAYERS
    bands: Bands = USUAL_BANDS
    channel_base: int = 32768
    channel_max: int = 512
    output_scale: float = 0.25
    num_fp16_res: int = 4
    conv_clamp: float | None = 256.0
    magnitude_ema_beta: float = 0.999

    def __post_init__(self) -> None:
        checked_size(self.size, 16)
        checked_widths(self.channel_base, self.channel_max, self.size)
        if min(self.channels, self.latent, self.style) < 1 or self.classes < 0:
            raise ValueError(f"channels, latent, style, classes: cannot be as in {self}")
        if self.bands.first_cutoff >= self.size / 2:
            raise ValueError(f"first_cutoff: {self.bands.first_cutoff} is too high for {self.size} pixels")

    @property
    def truncation(self) -> Truncation:
        """By styles."""
        return "styles"

    @property
    def style_layers(self) -> int:
        """One for the input, and one for each layer."""
        return len(self.layers) + 1

    @property
    def styled(self) -> bool:
        """Always."""
        return True

    @cached_property
    def places(self) -> tuple[Sampling, ...]:
        """What features are after each layer."""
        return places(self.bands, self.size, self.channels, self.channel_base, self.channel_max)

    @cached_property
    def layers(self) -> tuple[LayerGeometry, ...]:
        """Every layer; the last makes pictures."""
        return layers(self.bands, self.places)

    def half(self, rate: int) -> bool:
        """Whether a layer with that rate may be computed in half precision."""
        return rate * 2**self.num_fp16_res > self.size

    def build(self) -> StyleGAN3Generator:
        """A freshly initialised generator."""
        return StyleGAN3Generator(self)


class FourierInput(nn.Module):
    """Waves of random frequencies within a circle, turned and moved by the style: (b, style) -> (b, c, h, w).

    Reference: appendix D, "Input features".
    """

    def __init__(self, style: int, start: Sampling) -> None:
        super().__init__()
        self.start, channels = start, start.channels
        frequencies = torch.randn(channels, 2)
        radii = frequencies.square().sum(dim=1, keepdim=True).sqrt()
        self.affine = EqualizedLinear(style, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        self.weight = nn.Parameter(torch.randn(channels, channels))
        # Normal numbers become evenly spread over the disc.
        spread = frequencies / (radii * radii.square().exp().pow(0.25))
        self.register_buffer("frequencies", spread * start.cutoff)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.frequencies: Tensor
        self.phases: Tensor
        self.transform: Tensor

    def forward(self, style: Tensor) -> Tensor:
        t = self.affine(style)
        moved = _turned_and_moved(t / t[:, :2].norm(dim=1, keepdim=True)) @ self.transform  # (b, 3, 3)
        frequencies = self.frequencies @ moved[:, :2, :2]  # (b, c, 2)
        phases = self.phases + (self.frequencies @ moved[:, :2, 2:]).squeeze(2)  # (b, c)
        # What the rate cannot hold fades out.
        band, nyquist = self.start.cutoff, self.start.rate / 2
        heights = (1 - (frequencies.norm(dim=2) - band) / (nyquist - band)).clamp(0, 1)
        waves = self._grid(style) @ frequencies.transpose(1, 2) + phases[:, None]  # (b, h w, c)
        waves = (waves * (2 * math.pi)).sin() * heights[:, None]
        mixed = waves @ (self.weight / math.sqrt(self.start.channels)).T
        x = mixed.unflatten(1, (self.start.size, self.start.size)).permute(0, 3, 1, 2)
        # Convolutions on CPUs are faster where the channels of a pixel lie side by side, as they do.
        return x if x.device.type == "cpu" else x.contiguous()

    def _grid(self, like: Tensor) -> Tensor:
        """(h w, 2): the middle of every pixel (x, y), where the picture's sides are 1 long and its middle is 0."""
        size = self.start.size
        row = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5 - size / 2) / self.start.rate
        return torch.stack([row.repeat(size), row.repeat_interleave(size)], dim=1)


def _turned_and_moved(t: Tensor) -> Tensor:
    """(b, 3, 3) of the cosine and sine of a turn, and a move (x, y), (b, 4): moved first, then turned."""
    cos, sin, x, y = t.unbind(1)
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = (cos, -sin, sin * y - cos * x, sin, cos, -sin * x - cos * y, zero, zero, one)
    return torch.stack(rows, dim=1).unflatten(1, (3, 3))


class AliasFreeLayer(nn.Module):
    """A modulated convolution and a filtered non-linearity: (b, c, h, w), (b, style) -> (b, d, h', w')."""

    def __init__(self, config: StyleGAN3GeneratorConfig, geometry: LayerGeometry) -> None:
        super().__init__()
        inputs, outputs, kernel = geometry.before.channels, geometry.after.channels, geometry.kernel
        self.geometry, self.clamp, self.beta = geometry, config.conv_clamp, config.magnitude_ema_beta
        self.in_half = config.half(geometry.after.rate)
        self.how = Resampling(up=geometry.up, down=geometry.down, padding=geometry.padding)
        self.affine = EqualizedLinear(config.style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("magnitude", torch.ones(()))
        self.register_buffer("up_filter", geometry.up_filter, persistent=False)
        self.register_buffer("down_filter", geometry.down_filter, persistent=False)
        self.magnitude: Tensor
        self.up_filter: Tensor | None
        self.down_filter: Tensor | None

    def forward(self, x: Tensor, style: Tensor, track: bool) -> Tensor:
        """(b, c, h, w), (b, style) -> (b, d, h', w')."""
        with own_precision(x.device, half=self.in_half) as kind:
            return self._drawn(x, style, track, kind)

    def _drawn(self, x: Tensor, style: Tensor, track: bool, kind: torch.dtype) -> Tensor:
        if track:
            with torch.no_grad():
                self.magnitude.copy_(x.float().square().mean().lerp(self.magnitude, self.beta))
        last = self.geometry.last
        styles = self.affine(style)
        if last:
            styles = styles / math.sqrt(self.weight[0].numel())
        y = normalized_modulated_conv2d(
            x.to(kind),
            self.weight,
            styles,
            padding=self.geometry.kernel - 1,
            demodulate=not last,
            input_gain=self.magnitude.rsqrt(),
            b=self.bias,
        )
        gain, slope = (1.0, 1.0) if last else (math.sqrt(2.0), 0.2)
        fu, fd = self.up_filter, self.down_filter
        return filtered_lrelu(y, fu, fd, None, self.how, gain=gain, slope=slope, clamp=self.clamp)


class StyleGAN3Generator(StyleGenerator):
    """Latent vectors to pictures. See :class:`StyleGAN3GeneratorConfig`."""

    def __init__(self, config: StyleGAN3GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = StyleMapping(
            config.mapping, latent=config.latent, classes=config.classes, style=config.style
        )  # fmt: skip
        self.input = FourierInput(config.style, config.places[0])
        self.layers = nn.ModuleList(AliasFreeLayer(config, geometry) for geometry in config.layers)

    def styles(
        self, z: Tensor, condition: Condition = NOTHING_GIVEN, *, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Styles (b, layers + 1, style) of latent vectors: the input's, then each layer's; all the same.

        Args:
            z: (b, latent) standard normal.
            condition: ``label`` where there are classes.
            psi: see :meth:`StyleMapping.truncated`.
            cutoff: likewise.
        """
        return self._spread(self.mapping(z, condition), psi, cutoff)

    def draw(self, styles: Tensor, *, track: bool = False) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of styles.

        Args:
            styles: (b, layers + 1, style), see :meth:`styles`.
            track: move the running magnitudes of inputs towards those of this batch.
        """
        first, *others = styles.float().unbind(1)
        with own_precision(first.device, half=False):
            x = self.input(first)
        for layer, style in zip(self.layers, others, strict=True):
            x = layer(x, style, track)
        return x.float() * self.config.output_scale

    def readers(self) -> list[Tensor]:
        """Weights (outputs, style) of the affine map of the input, then of each layer."""
        layers = [layer for layer in self.layers if isinstance(layer, AliasFreeLayer)]
        return [affine.weight * affine.scale for affine in (self.input.affine, *(layer.affine for layer in layers))]

    def forward(
        self,
        z: Tensor,
        condition: Condition = NOTHING_GIVEN,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        track: bool = False,
    ) -> Tensor:
        """Draw one picture for every latent vector; see :meth:`styles` and :meth:`draw`.

        Args:
            z: (b, latent) standard normal.
            condition: ``label`` where there are classes.
            psi: see :meth:`StyleMapping.truncated`.
            cutoff: likewise.
            track: move the running mean of styles and the running magnitudes towards those of this batch.
        """
        styles = self.mapping(z, condition)
        if track:
            self.mapping.track(styles)
        return self.draw(self._spread(styles, psi, cutoff), track=track)

    def running(self) -> list[Tensor]:
        """The mean style, and the magnitudes of what each layer is given."""
        layers = [layer for layer in self.layers if isinstance(layer, AliasFreeLayer)]
        return [self.mapping.average, *(layer.magnitude for layer in layers)]

    def _spread(self, styles: Tensor, psi: float, cutoff: int | None) -> Tensor:
        """One style (b, style) for the input and every layer."""
        return self.mapping.truncated(styles[:, None].expand(-1, self.config.style_layers, -1), psi, cutoff)
