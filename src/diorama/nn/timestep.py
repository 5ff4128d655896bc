"""How a network is told the time of its noise process."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TimeKind = Literal["sinusoidal", "fourier", "learned"]


def sinusoidal(t: Tensor, channels: int, *, sine_first: bool = True, shift: float = 1.0) -> Tensor:
    """Sines and cosines of the time at geometrically spaced frequencies, from 1 down to 1/10000.

    Args:
        t: (b,) times, whole or fractional.
        channels: of the embedding; an odd one ends with a zero.
        sine_first: sines before cosines.
        shift: the frequencies are ``10000 ** (-i / (channels // 2 - shift))``; with 1 the last is exactly 1/10000.

    Returns:
        (b, channels) float32.

    Reference: A. Vaswani et al., "Attention is all you need", 2017, section 3.5, as used by J. Ho, A. Jain,
    P. Abbeel, arXiv:2006.11239.
    """
    half = channels // 2
    exponent = torch.arange(half, dtype=torch.float32, device=t.device) * (-math.log(10_000) / (half - shift))
    angles = t.float()[:, None] * exponent.exp()
    pair = (angles.sin(), angles.cos()) if sine_first else (angles.cos(), angles.sin())
    return F.pad(torch.cat(pair, dim=1), (0, channels % 2))


def guidance_features(weight: Tensor, channels: int) -> Tensor:
    """How a network distilled from a guided one is told the guidance: waves of a thousand times its weight.

    Args:
        weight: (b,) the scale of the guidance minus 1.
        channels: of the embedding; an odd one ends with a zero.

    Returns:
        (b, channels) float32.

    Reference: :func:`sinusoidal`; S. Luo et al., arXiv:2310.04378, section 4.2, published code.
    """
    return sinusoidal(1000 * weight, channels)


class Sinusoidal(nn.Module):
    """:func:`sinusoidal` as a module: (b,) -> (b, channels)."""

    def __init__(self, channels: int, *, sine_first: bool = True, shift: float = 1.0) -> None:
        super().__init__()
        self.channels, self.sine_first, self.shift = channels, sine_first, shift

    def forward(self, t: Tensor) -> Tensor:
        return sinusoidal(t, self.channels, sine_first=self.sine_first, shift=self.shift)


class Fourier(nn.Module):
    """Sines and cosines of a noise level at random fixed frequencies: (b,) -> (b, 2 channels).

    Args:
        channels: frequencies.
        scale: their standard deviation, in waves.
        log: of the level's logarithm; otherwise of what is given, which may be negative.

    Reference: M. Tancik et al., arXiv:2006.10739; Y. Song et al., arXiv:2011.13456, appendix H.1.
    """

    def __init__(self, channels: int, *, scale: float = 16.0, log: bool = True) -> None:
        super().__init__()
        self.log = log
        self.register_buffer("frequencies", torch.randn(channels) * scale)
        self.frequencies: Tensor

    def forward(self, t: Tensor) -> Tensor:
        told = t.float().log() if self.log else t.float()
        angles = told[:, None] * self.frequencies * (2 * math.pi)
        return torch.cat([angles.sin(), angles.cos()], dim=1)


def time_features(
    kind: TimeKind, channels: int, *, sine_first: bool, shift: float, steps: int | None
) -> tuple[nn.Module, int]:
    """The module that turns times (b,) into features (b, width), and that width.

    Args:
        kind: fixed waves of the time, fixed random waves of its logarithm, or a learned table of ``steps`` rows.
        channels: the network's first width.
        sine_first: of ``sinusoidal``.
        shift: of ``sinusoidal``.
        steps: of ``learned``.
    """
    if kind == "sinusoidal":
        return Sinusoidal(channels, sine_first=sine_first, shift=shift), channels
    if kind == "fourier":
        return Fourier(channels), 2 * channels
    if steps is None:
        raise ValueError("a learned time embedding needs the number of steps")
    return nn.Embedding(steps, channels), channels


class TimeMLP(nn.Module):
    """Two linear layers with a SiLU between: (b, in_channels) -> (b, out_channels)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(in_channels, out_channels)
        self.outer = nn.Linear(out_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.outer(F.silu(self.inner(features)))
