"""Classifiers of noisy pictures, whose gradients guide a diffusion model (ADM-G).

Reference: P. Dhariwal, A. Nichol, "Diffusion models beat GANs on image synthesis", arXiv:2105.05233, section 4 and
appendix I: the way down of the U-Net with attention pooling at the resolution of 8 x 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.networks.denoisers.adm import EPS, GROUPS, ADMShape, ADMTorso
from diorama.nn.attention import attend, split_heads
from diorama.nn.norm import GroupNormAct
from diorama.nn.residual import initialize_residual_network

Pooling = Literal["mean", "attention", "levels", "levels_normed"]
_HIDDEN = 2048
"""Width between the two layers of a head that reads all levels."""


@dataclass(frozen=True, kw_only=True)
class ADMClassifierConfig(ADMShape):
    """The classifier's shape. The default is the paper's for ImageNet at 64 x 64 (appendix I).

    Args:
        classes: that are told apart.
        pooling: how a map becomes a vector: the mean of its places; attention from that mean to them; or the means of
            all maps on the way down, through two layers with a ReLU, or a normalisation and a SiLU, between.
        side: of the pictures, which attention alone has to know: it has a vector for each place of the coarsest map.
    """

    channels: int = 128
    widths: tuple[int, ...] = (128, 256, 384, 512)
    depth: int = 4
    dropout: float = 0.0
    classes: int = 1000
    pooling: Pooling = "attention"
    side: int | None = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling == "attention":
            if self.head_channels is None:
                raise ValueError("head_channels: attention pooling needs them, not a number of heads")
            if self.side is None or self.coarsest_side < 1:
                raise ValueError(f"side: attention pooling needs it, {2 ** (len(self.widths) - 1)} pixels at least")

    @property
    def coarsest_side(self) -> int:
        """Side of the map that is pooled; 0 where that of the pictures is not said."""
        return (self.side or 0) >> (len(self.widths) - 1)

    def build(self) -> ADMClassifier:
        """The network, freshly initialised."""
        return ADMClassifier(self)


class MeanHead(nn.Module):
    """Logits of the mean over the places of the last map."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = GroupNormAct(GROUPS, channels, eps=EPS, act="silu")
        self.out = nn.Linear(channels, classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (b, c, h, w), finest first -> (b, classes)."""
        return self.out(self.norm(maps[-1]).mean(dim=(2, 3)))


class AttentionHead(nn.Module):
    """Logits of what the mean of the last map attends to, among itself and the map's places.

    Args:
        channels: of the map.
        classes: of the logits.
        head_channels: of a head of attention.
        side: of the map, in places.

    Reference: A. Radford et al., arXiv:2103.00020, section 2.3 (attention pooling).
    """

    def __init__(self, channels: int, classes: int, *, head_channels: int, side: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = GroupNormAct(GROUPS, channels, eps=EPS, act="silu")
        self.places = nn.Parameter(torch.randn(channels, side**2 + 1) * channels**-0.5)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (b, c, h, w), finest first -> (b, classes).

        Raises:
            ValueError: the last one has more or fewer places than the head knows.
        """
        tokens = self.norm(maps[-1]).flatten(2)  # (b, c, h w)
        if tokens.shape[2] + 1 != self.places.shape[1]:
            raise ValueError(f"pictures of another size: {tokens.shape[2]} places, not {self.places.shape[1] - 1}")
        tokens = torch.cat([tokens.mean(dim=2, keepdim=True), tokens], dim=2) + self.places
        query, key, value = split_heads(self.qkv(tokens.transpose(1, 2)), self.heads)  # (b, heads, 1 + h w, d)
        return self.out(attend(query[:, :, :1], key, value).flatten(1))


class LevelsHead(nn.Module):
    """Logits of the means of all maps, those of all levels and depths.

    Args:
        channels: of all maps together.
        classes: of the logits.
        normed: a normalisation and a SiLU between the layers, not a ReLU.
    """

    def __init__(self, channels: int, classes: int, *, normed: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(channels, _HIDDEN)
        self.norm = GroupNormAct(GROUPS, _HIDDEN, eps=EPS, act="silu") if normed else None
        self.out = nn.Linear(_HIDDEN, classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (b, c, h, w), finest first -> (b, classes)."""
        hidden = self.inner(torch.cat([features.mean(dim=(2, 3)) for features in maps], dim=1))
        return self.out(F.relu(hidden) if self.norm is None else self.norm(hidden))


class ADMClassifier(nn.Module):
    """Says what is in a noisy picture, given its time."""

    def __init__(self, config: ADMClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.torso = ADMTorso(config)
        self.head = _head(config)
        initialize_residual_network(self, self.head.out if isinstance(self.head, MeanHead) else None)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Classify.

        Args:
            x: (b, in_channels, h, w) in the process's own scale.
            t: (b,) times, or one for all.

        Returns:
            (b, classes) logits.

        Raises:
            ValueError: attention pooling meets pictures of another size than it was made for.
        """
        maps, middle, _ = self.torso(x, t)
        return self.head([*maps, middle])


def _head(config: ADMClassifierConfig) -> MeanHead | AttentionHead | LevelsHead:
    width, classes = config.widths[-1], config.classes
    if config.pooling == "mean":
        return MeanHead(width, classes)
    if config.pooling == "attention":
        assert config.head_channels is not None
        return AttentionHead(width, classes, head_channels=config.head_channels, side=config.coarsest_side)
    # What enters the first level, every block, every change of resolution (at the width before it), and the middle.
    maps = [config.widths[0], *(width for width in config.widths for _ in range(config.depth + 1))]
    return LevelsHead(sum(maps), classes, normed=config.pooling == "levels_normed")
