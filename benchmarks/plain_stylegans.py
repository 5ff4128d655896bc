"""StyleGAN's operators and networks as they are defined, with nothing done to make them fast: what ours are held to.

Zeros between pixels, whole two-dimensional filters, pixels thrown away, weights made for every sample, and each
operation apart. The networks have the weights of ours and draw the same pictures, in float32. Mappings, whose cost
does not count, are ours.

Reference: T. Karras et al., arXiv:1912.04958, equations 1 to 3 and appendix B; T. Karras et al., arXiv:2106.12423,
section 3.2 and appendix D.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.stylegan2 import (
    LayerNoise,
    StyleConv,
    StyleGAN2Generator,
    StyleToPicture,
    SynthesisBlock,
)
from diorama.networks.adversarial.stylegan2_discriminator import (
    DiscriminatorBlock,
    DiscriminatorEnd,
    StyleGAN2Discriminator,
)
from diorama.networks.adversarial.stylegan3 import AliasFreeLayer, StyleGAN3Generator
from diorama.nn.equalized import EqualizedConv2d
from diorama.nn.fir import Resampling, padded_down, padded_up
from diorama.nn.minibatch import with_deviation

_EPS = 1e-8
_HALF = math.sqrt(0.5)


def stuffed_upfirdn2d(x: Tensor, f: Tensor | None, how: Resampling, gain: float = 1.0) -> Tensor:
    """``upfirdn2d``."""
    (up, down, (left, right, top, bottom)), (b, c, h, w) = how.geometry, x.shape
    wide = x.new_zeros(b, c, h * up[1], w * up[0])
    wide[:, :, :: up[1], :: up[0]] = x
    wide = F.pad(wide, (left, right, top, bottom))
    f = x.new_ones(1, 1) if f is None else f
    kernel = (f if f.dim() == 2 else torch.outer(f.to(x.dtype), f.to(x.dtype))).to(x.dtype)
    if not how.flip_filter:
        kernel = kernel.flip(0, 1)
    weight = (kernel * gain).expand(c, 1, *kernel.shape)
    return F.conv2d(wide, weight, groups=c)[:, :, :: down[1], :: down[0]]


def stuffed_filtered_lrelu(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    how: Resampling,
    *,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """``filtered_lrelu``."""
    (ux, uy), down, sides = how.geometry
    x = x if b is None else x + b[:, None, None]
    up = Resampling(up=(ux, uy), padding=sides, flip_filter=how.flip_filter)
    fine = F.leaky_relu(stuffed_upfirdn2d(x, fu, up, ux * uy), slope) * gain
    fine = fine if clamp is None else fine.clamp(-clamp, clamp)
    return stuffed_upfirdn2d(fine, fd, Resampling(down=down, flip_filter=how.flip_filter))


def scaled_weights(weight: Tensor, styles: Tensor, *, demodulate: bool) -> Tensor:
    """Weights (b, o, c, kh, kw) of every sample, of weights (o, c, kh, kw) and styles (b, c)."""
    own = weight[None] * styles[:, None, :, None, None]
    return own * (own.square().sum(dim=(2, 3, 4), keepdim=True) + _EPS).rsqrt() if demodulate else own


def grouped_conv2d(x: Tensor, weights: Tensor, padding: int = 0) -> Tensor:
    """Each sample of (b, c, h, w) with its own weights (b, o, c, kh, kw)."""
    b, c, h, w = x.shape
    y = F.conv2d(x.reshape(1, b * c, h, w), weights.flatten(0, 1), padding=padding, groups=b)
    return y.unflatten(1, (b, -1)).squeeze(0)


def biased(x: Tensor, b: Tensor | None, act: str, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Bias, ``lrelu`` with its own gain or ``linear``, gain and limit."""
    x = x if b is None else x + b[:, None, None]
    if act == "lrelu":
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
    x = x * gain
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)


class PlainStyleGAN2(StyleGAN2Generator):
    """The generator, of the architecture ``skip`` with leaky ReLUs."""

    def draw(self, styles: Tensor, noise: LayerNoise | None = None, *, track: bool = False) -> Tensor:
        """As of the parent, with drawn noise in training and the stored one in evaluation."""
        x, picture, first = None, None, 0
        for block in cast("list[SynthesisBlock]", list(self.blocks)):
            last = first + block.convs
            x, drawn = self._block(block, x, styles[:, first : last + 1])
            up = Resampling(up=2, padding=padded_up(block.filter, (2, 2), (0, 0, 0, 0)))
            picture = drawn if picture is None else stuffed_upfirdn2d(picture, block.filter, up, 4) + drawn
            first = last
        assert picture is not None
        return picture

    def _block(self, block: SynthesisBlock, x: Tensor | None, styles: Tensor) -> tuple[Tensor, Tensor]:
        if block.const is not None:
            x = block.const[None].expand(len(styles), -1, -1, -1)
        assert x is not None
        assert block.torgb is not None
        if block.conv0 is not None:
            x = self._conv(block.conv0, x, styles[:, 0])
        x = self._conv(block.conv1, x, styles[:, block.convs - 1])
        return x, _picture(block.torgb, x, styles[:, block.convs])

    def _conv(self, layer: StyleConv, x: Tensor, style: Tensor) -> Tensor:
        up, _, sides = layer.how.geometry
        weights = scaled_weights(layer.weight, layer.affine(style), demodulate=True)
        if up == (1, 1):
            y = grouped_conv2d(x, weights, sides[0])
        else:
            wide = Resampling(up=up, padding=padded_up(layer.filter, up, sides))
            y = grouped_conv2d(stuffed_upfirdn2d(x, layer.filter, wide, 4), weights.flip(3, 4))
        if layer.strength is not None:
            noise = torch.randn(len(x), *layer.shape, device=x.device) if self.training else layer.noise
            y = y + noise * layer.strength
        return biased(y, layer.bias, layer.act, clamp=layer.clamp)


def _picture(layer: StyleToPicture, x: Tensor, style: Tensor) -> Tensor:
    weights = scaled_weights(layer.weight, layer.affine(style) * layer.scale, demodulate=False)
    return biased(grouped_conv2d(x, weights), layer.bias, "linear", clamp=layer.clamp)


class PlainDiscriminator(StyleGAN2Discriminator):
    """The discriminator, of the architecture ``resnet`` with leaky ReLUs and without labels."""

    def forward(self, picture: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """As of the parent."""
        x = picture
        for block in cast("list[DiscriminatorBlock]", list(self.blocks)):
            x = x if block.fromrgb is None else _conv(block.fromrgb, x)
            assert block.skip is not None
            x = _conv(block.skip, x, _HALF) + _conv(block.conv1, _conv(block.conv0, x), _HALF)
        end: DiscriminatorEnd = self.end
        x = with_deviation(x, end.group, end.deviations)
        logits: Tensor = end.out(end.fc(_conv(end.conv, x).flatten(1)))
        return logits.flatten()


def _conv(layer: EqualizedConv2d, x: Tensor, gain: float = 1.0) -> Tensor:
    weight, (_, down, sides) = layer.weight * layer.scale, layer.how.geometry
    if down == (1, 1):
        y = F.conv2d(x, weight, padding=sides[0])
    else:
        smooth = Resampling(padding=padded_down(layer.filter, down, sides))
        y = F.conv2d(stuffed_upfirdn2d(x, layer.filter, smooth), weight, stride=down[0])
    return biased(y, layer.bias, layer.act, gain, layer.clamp)


class PlainStyleGAN3(StyleGAN3Generator):
    """The generator, of both configurations."""

    def draw(self, styles: Tensor, *, track: bool = False) -> Tensor:
        """As of the parent."""
        first, *others = styles.unbind(1)
        x = self.input(first).contiguous()
        for layer, style in zip(cast("list[AliasFreeLayer]", list(self.layers)), others, strict=True):
            x = _alias_free(layer, x, style, track)
        return x * self.config.output_scale


def _alias_free(layer: AliasFreeLayer, x: Tensor, style: Tensor, track: bool) -> Tensor:
    if track:
        with torch.no_grad():
            layer.magnitude.copy_(x.square().mean().lerp(layer.magnitude, layer.beta))
    weight, styles, last = layer.weight, layer.affine(style), layer.geometry.last
    if last:
        styles = styles / math.sqrt(weight[0].numel())
    else:
        weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        styles = styles * styles.square().mean().rsqrt()
    weights = scaled_weights(weight, styles, demodulate=not last) * layer.magnitude.rsqrt()
    y = grouped_conv2d(x, weights, layer.geometry.kernel - 1)
    gain, slope = (1.0, 1.0) if last else (math.sqrt(2), 0.2)
    return stuffed_filtered_lrelu(
        y, layer.up_filter, layer.down_filter, layer.bias, layer.how, gain=gain, slope=slope, clamp=layer.clamp
    )


def plain(network: StyleGAN2Generator | StyleGAN3Generator | StyleGAN2Discriminator) -> torch.nn.Module:
    """The plain network with the weights of one of ours, in the same mode and on the same device."""
    made: torch.nn.Module
    if isinstance(network, StyleGAN2Generator):
        made = PlainStyleGAN2(network.config)
    elif isinstance(network, StyleGAN3Generator):
        made = PlainStyleGAN3(network.config)
    else:
        made = PlainDiscriminator(network.config)
    made.load_state_dict(network.state_dict())
    return made.to(next(network.parameters()).device).train(network.training)
