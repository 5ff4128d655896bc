"""A residual block with attention behind it, and what its normalisations need."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from diorama.nn.attention import SpatialAttention
from diorama.nn.residual import BlockStyle, Resample, ResidualBlock

_SMALLEST_GROUP, _MOST_GROUPS = 4, 32


def normalisation_groups(channels: int) -> int:
    """Groups of at least 4 channels, at most 32 of them.

    Raises:
        ValueError: there are fewer channels, or the groups do not divide them.
    """
    groups = min(channels // _SMALLEST_GROUP, _MOST_GROUPS)
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels cannot be normalised in equal groups, at most 32 and of at least 4")
    return groups


@dataclass(frozen=True, kw_only=True)
class UNetBlockConfig:
    """One block of the U-Nets of T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, figure 8.

    Args:
        in_channels: c.
        out_channels: c'.
        style: what the network's blocks share; the number of groups follows from the channels.
        resample: changes the resolution before the first convolution and on the shortcut.
        project: a 1x1 convolution on the shortcut even where the channels stay the same.
        heads: of the attention; 0 for none.
    """

    in_channels: int
    out_channels: int
    style: BlockStyle
    resample: Resample = "keep"
    project: bool = False
    heads: int = 0

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels"):
            try:
                normalisation_groups(getattr(self, name))
            except ValueError as problem:
                raise ValueError(f"{name}: {problem}") from problem
        if self.heads and self.out_channels % self.heads:
            raise ValueError(f"heads: {self.heads} cannot share {self.out_channels} channels")

    def build(self) -> UNetBlock:
        """The block, freshly initialised."""
        return UNetBlock(self)


class UNetBlock(nn.Module):
    """(b, c, h, w) -> (b, c', h, w), or half or twice the size."""

    def __init__(self, config: UNetBlockConfig) -> None:
        super().__init__()
        groups = normalisation_groups(config.in_channels), normalisation_groups(config.out_channels)
        self.residual = ResidualBlock(
            config.in_channels,
            config.out_channels,
            config.style,
            resample=config.resample,
            groups=groups,
            project=config.project,
        )
        self.attention = attention_of(config.out_channels, config.heads, config.style)

    def forward(self, x: Tensor, embedding: Tensor, skip: Tensor | None = None) -> Tensor:
        """Apply.

        Args:
            x: (b, c, h, w), or its first channels.
            embedding: (b, e), activated.
            skip: (b, c - c1, h, w), the other channels: what the way down handed over.
        """
        x = self.residual(x, embedding, skip)
        return x if self.attention is None else self.attention(x)


def attention_of(channels: int, heads: int, style: BlockStyle) -> SpatialAttention | None:
    """Attention of so many heads in the style of the blocks; ``None`` of none.

    Raises:
        ValueError: the heads do not divide the channels.
    """
    if heads == 0:
        return None
    head, groups = share_heads(heads, channels), normalisation_groups(channels)
    return SpatialAttention(channels, head, groups=groups, eps=style.eps, divide=style.divide)


def share_heads(heads: int, channels: int) -> int:
    """Channels of each of so many heads; all of them where there is none.

    Raises:
        ValueError: the heads do not divide the channels.
    """
    if heads and channels % heads:
        raise ValueError(f"{heads} heads of attention cannot share {channels} channels")
    return channels // max(heads, 1)
