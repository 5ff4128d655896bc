"""The residual block of diffusion U-Nets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn import kernels
from diorama.nn.activations import ActivationName
from diorama.nn.attention import SpatialAttention
from diorama.nn.cross_attention import CrossAttention
from diorama.nn.dropout import dropout
from diorama.nn.norm import GroupNormAct
from diorama.nn.projection import add_pointwise
from diorama.nn.resample import BINOMIAL, Taps, double, fir_double, fir_halve, halve

Resample = Literal["keep", "up", "down", "fir_up", "fir_down"]


def _resampling(kind: Resample, taps: Taps) -> Callable[[Tensor], Tensor] | None:
    if kind in ("fir_up", "fir_down") and taps != (1, 1):
        return partial(fir_double if kind == "fir_up" else fir_halve, taps=taps)
    # Two equal taps repeat pixels, and take means of four.
    return {"keep": None, "up": double, "fir_up": double, "down": halve, "fir_down": halve}[kind]


@dataclass(frozen=True, kw_only=True)
class BlockStyle:
    """What all residual blocks of a network share.

    Args:
        embedding: channels of the (activated) time embedding.
        groups: of the normalisations.
        eps: of the normalisations.
        dropout: share of features set to zero before the second convolution.
        act: activation after the normalisations.
        scale_shift: the embedding scales and shifts the second normalisation instead of being added before it.
        divide: the sum of input and residual is divided by it.
        taps: the filter of ``fir_up`` and ``fir_down``.
    """

    embedding: int
    groups: int = 32
    eps: float = 1e-6
    dropout: float = 0.0
    act: ActivationName = "silu"
    scale_shift: bool = False
    divide: float = 1.0
    taps: Taps = BINOMIAL


class ResidualBlock(nn.Module):
    """Normalise, activate, convolve, twice, with the time embedding between: (b, c, h, w) -> (b, c', h', w').

    Args:
        in_channels: c.
        out_channels: c'.
        style: what the network's blocks share.
        resample: changes the resolution before the first convolution and on the shortcut.
        groups: of the first and the second normalisation, where they differ from the style's.
        project: a 1x1 convolution on the shortcut even where the channels stay the same.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, appendix B; scale and shift, and resampling inside:
    P. Dhariwal, A. Nichol, arXiv:2105.05233, section 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        style: BlockStyle,
        *,
        resample: Resample = "keep",
        groups: tuple[int, int] | None = None,
        project: bool = False,
    ) -> None:
        super().__init__()
        first, second = groups or (style.groups, style.groups)
        self.scale_shift, self.divide, self.dropout = style.scale_shift, style.divide, style.dropout
        self.resample = _resampling(resample, style.taps)
        self.norm_in = GroupNormAct(first, in_channels, eps=style.eps, act=style.act)
        self.conv_in = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(style.embedding, out_channels * (2 if style.scale_shift else 1))
        self.norm_out = GroupNormAct(second, out_channels, eps=style.eps, act=style.act)
        self.conv_out = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        needs_project = project or in_channels != out_channels
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1) if needs_project else None

    def forward(self, x: Tensor, embedding: Tensor, skip: Tensor | None = None) -> Tensor:
        """Apply.

        Args:
            x: (b, c, h, w), or its first c1 channels.
            embedding: (b, e), activated.
            skip: (b, c - c1, h, w), the other channels: what the way down handed over.
        """
        # Concatenate, unless our kernels can read both in place; a shortcut without a convolution needs it anyway.
        apart = self.resample is None and self.shortcut is not None and kernels.take(x, skip)
        if skip is not None and not apart:
            x, skip = torch.cat([x, skip], dim=1), None
        h = self.norm_in(x, skip=skip)
        if self.resample is not None:
            x, h = self.resample(x), self.resample(h)
        # The normalisation adds the bias, in the pass over memory that it makes anyway.
        h = F.conv2d(h, self.conv_in.weight, padding=1)
        assert self.conv_in.bias is not None
        bias = self.conv_in.bias
        time = self.time(embedding)
        if self.scale_shift:
            scale, shift = time.chunk(2, dim=1)
            h = self.norm_out(h, scale, shift, offset=bias.expand_as(shift))
        else:
            h = self.norm_out(h, offset=time + bias)
        h = dropout(h, self.dropout, self.training)
        if kernels.take(x, skip, h):
            return self._sum_on_cuda(x, skip, h)
        # Under autocast features in float32 meet results in half precision: no kernel of ours adds these.
        x = x if skip is None else torch.cat([x, skip], dim=1)
        x = (x if self.shortcut is None else self.shortcut(x)) + self.conv_out(h)
        return x if self.divide == 1 else x / self.divide

    def _sum_on_cuda(self, x: Tensor, skip: Tensor | None, h: Tensor) -> Tensor:
        """Second convolution, shortcut and both biases; the sum in one pass over memory."""
        # Imported here, since Triton comes with PyTorch's CUDA builds only.
        from diorama.nn.residual_sum import residual_sum

        h = F.conv2d(h, self.conv_out.weight, padding=1)
        bias = self.conv_out.bias
        assert bias is not None
        if self.shortcut is None:
            return residual_sum(x, h, bias, scale=1 / self.divide)
        assert self.shortcut.bias is not None
        bias = bias + self.shortcut.bias
        return add_pointwise(self.shortcut.weight.flatten(1), x, skip, h, bias, scale=1 / self.divide)


class Middle(nn.Module):
    """The coarsest resolution: residual block, attention, residual block; (b, c, h, w) -> the same shape."""

    def __init__(self, width: int, style: BlockStyle, attention: SpatialAttention | None) -> None:
        super().__init__()
        self.first = ResidualBlock(width, width, style)
        self.attention = attention
        self.second = ResidualBlock(width, width, style)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        x = self.first(x, embedding)
        x = x if self.attention is None else self.attention(x)
        return self.second(x, embedding)


def initialize_residual_network(network: nn.Module, last: nn.Conv2d | nn.Linear | None) -> None:
    """Fan-averaged uniform weights; zero for biases, for the last layer of every residual and for ``last``, if any.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, published code; its scale of 1e-10 is zero here.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    silence_residuals(network, last)


def silence_residuals(network: nn.Module, last: nn.Conv2d | nn.Linear | None) -> None:
    """Zero weights and biases for the last layer of every residual and for ``last``, if any."""
    silent: list[nn.Conv2d | nn.Linear] = [] if last is None else [last]
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            silent.append(module.conv_out)
        elif isinstance(module, SpatialAttention | CrossAttention):
            silent.append(module.out)
    for layer in silent:
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
