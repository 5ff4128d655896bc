"""The U-Net of EDM2, which keeps the magnitude of its features.

Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, "Analyzing and improving the training
dynamics of diffusion models", arXiv:2312.02696, figure 21 and table 6 (config G).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.beside import beside
from diorama.networks.denoisers.edm_embedding import SoftLabel
from diorama.nn.attention import attend
from diorama.nn.dropout import dropout
from diorama.nn.magnitude import (
    MagnitudeConv2d,
    MagnitudeLinear,
    Waves,
    balanced_cat,
    balanced_sum,
    normalized,
    scaled_silu,
)
from diorama.nn.resample import Taps, checked_taps, fir_double, fir_halve

Resample = Literal["keep", "down", "up"]


@dataclass(frozen=True, kw_only=True)
class EDM2UNetConfig(DenoiserConfig):
    """The network. The default is the paper's smallest, XS, for latents of ImageNet at 512 pixels without labels.

    Args:
        size: side of the pictures that the network was made for, after which its published tensors are named; it takes
            others too.
        in_channels: of the noisy picture.
        out_channels: of the prediction.
        patch: places of the finest level are squares of so many pixels a side; the published networks have 1.
        width: channels are multiples of it.
        growth: channels of each level, finest first, in multiples of ``width``; each level halves the resolution.
        depth: residual blocks of a level on the way down; there is one more on the way up.
        attention: for each level, whether there is attention after its blocks.
        head: channels of an attention head; features of fewer have no attention.
        features: waves that tell the noise level, in multiples of ``width``; ``None`` for the finest level's channels.
        vector: width of the vector of noise level and label, in multiples of ``width``; ``None`` for the most channels
            that a level has.
        classes: labels 0 … classes - 1; 0 for none.
        label_dropout: share of labels that are left out in training, so that the network learns to go without.
        dropout: in residual blocks.
        label_share: of the label in its sum with the noise level.
        skip_share: of what the way down hands over, in the features of the way up.
        residual_share: of the residual branch in its sum.
        attention_share: of attention in its sum.
        clip: features are kept within this distance of 0; ``None`` for no limit.
        taps: the filter of everything that changes the resolution, (1, 1) for repeated pixels and plain means.
        picture: channels of a picture of any size that is enlarged and put beside the noisy one; 0 for none.
        picture_deviation: of that picture's values, which are divided by it: like the noisy picture it has unit
            magnitude then. Recipes set the deviation that they take the data to have.
    """

    size: int = 64
    in_channels: int = 4
    out_channels: int = 4
    patch: int = 1
    width: int = 128
    growth: tuple[int, ...] = (1, 2, 3, 4)
    depth: int = 3
    attention: tuple[bool, ...] = (False, False, True, True)
    head: int = 64
    features: int | None = None
    vector: int | None = None
    classes: int = 0
    label_dropout: float = 0.0
    dropout: float = 0.0
    label_share: float = 0.5
    skip_share: float = 0.5
    residual_share: float = 0.3
    attention_share: float = 0.3
    clip: float | None = 256.0
    taps: Taps = (1.0, 1.0)
    picture: int = field(default=0, metadata={LATER: True})
    picture_deviation: float = field(default=1.0, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 < len(self.growth) == len(self.attention):
            raise ValueError(f"growth, attention: got {len(self.growth)} and {len(self.attention)} entries")
        ones = (
            "size",
            "in_channels",
            "out_channels",
            "patch",
            "width",
            "growth",
            "depth",
            "head",
            "features",
            "vector",
        )
        for name in ones:
            value = getattr(self, name)
            if value is not None and (min(value) if isinstance(value, tuple) else value) < 1:
                raise ValueError(f"{name}: must be at least 1, got {value}")
        for name in ("classes", "picture"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: must be at least 0, got {getattr(self, name)}")
        for name in ("dropout", "label_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: must be in [0, 1), got {getattr(self, name)}")
        for name in ("label_share", "skip_share", "residual_share", "attention_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: must be in [0, 1], got {getattr(self, name)}")
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"clip: must be positive and finite, got {self.clip}")
        if not 0 < self.picture_deviation < math.inf:
            raise ValueError(f"picture_deviation: must be positive and finite, got {self.picture_deviation}")
        if self.size % self.multiple:
            raise ValueError(f"size: {self.size} pixels must be a multiple of {self.multiple}")
        checked_taps(self.taps)
        for level, channels in enumerate(self.widths):
            if self._attends(level) and (heads := self.heads(channels)) and channels % heads:
                raise ValueError(f"width, head: {channels} channels cannot be shared among {heads} heads")

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return int(self.patch * 2 ** (len(self.growth) - 1))

    @property
    def reads(self) -> tuple[str, ...]:
        """``label``, where there are classes, and ``image``, where there is a picture."""
        return (("label",) if self.classes else ()) + (("image",) if self.picture else ())

    @property
    def null_label(self) -> int | None:
        """``classes``, where labels are left out in training."""
        return self.classes if self.classes and self.label_dropout > 0 else None

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * times for times in self.growth)

    @property
    def waves(self) -> int:
        """Channels of the waves that tell the noise level."""
        return self.widths[0] if self.features is None else self.width * self.features

    @property
    def embedding(self) -> int:
        """Width of the vector of noise level and label."""
        return max(self.widths) if self.vector is None else self.width * self.vector

    def heads(self, channels: int) -> int:
        """Heads of attention over so many channels."""
        return channels // self.head

    def _attends(self, level: int) -> bool:
        """Whether a level has attention, which the first block of the way up always has."""
        return self.attention[level] or level == len(self.growth) - 1

    def build(self) -> EDM2UNet:
        """The network, freshly initialised; it predicts zeros."""
        return EDM2UNet(self)


class EDM2Embedding(nn.Module):
    """Noise level (b,) and label -> (b, embedding)."""

    def __init__(self, config: EDM2UNetConfig) -> None:
        super().__init__()
        self.classes, self.share = config.classes, config.label_share
        self.features = Waves(config.waves)
        self.level = MagnitudeLinear(config.waves, config.embedding)
        self.rows = SoftLabel(config.classes, config.label_dropout)
        self.label = MagnitudeLinear(config.classes, config.embedding) if config.classes else None

    def forward(self, level: Tensor, label: Tensor | None) -> Tensor:
        """Embed."""
        embedded = self.level(self.features(level))
        rows = self.rows(label, level)
        if self.label is not None and rows is not None:
            # A class's number has unit magnitude then.
            named = self.label(rows.to(embedded) * math.sqrt(self.classes))
            embedded = balanced_sum(embedded, named, self.share)
        return scaled_silu(embedded)


class EDM2Attention(nn.Module):
    """Self-attention with queries, keys and values of unit magnitude: (b, c, h, w) -> the same shape."""

    def __init__(self, channels: int, heads: int, share: float) -> None:
        super().__init__()
        self.heads, self.share = heads, share
        self.qkv = MagnitudeConv2d(channels, 3 * channels, 1)
        self.out = MagnitudeConv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        split = self.qkv(x).reshape(b, 3, self.heads, c // self.heads, h * w)
        query, key, value = normalized(split, 3).transpose(3, 4).unbind(1)  # (b, heads, h w, d) each
        mixed = attend(query, key, value).transpose(2, 3).reshape(b, c, h, w)
        return balanced_sum(x, self.out(mixed), self.share)


class EDM2Block(nn.Module):
    """Two convolutions beside a shortcut, and attention: features (b, c, h, w), embedding (b, e) -> (b, d, h', w').

    Args:
        config: of the network.
        before: c.
        after: d.
        down: it lies on the way down, where the shortcut is brought to d channels and normalised before it branches.
        resample: first of all.
        attends: whether attention follows.
        joins: it is given what the way down hands over, beside the features.
    """

    def __init__(
        self,
        config: EDM2UNetConfig,
        before: int,
        after: int,
        *,
        down: bool,
        resample: Resample = "keep",
        attends: bool = False,
        joins: bool = False,
    ) -> None:
        super().__init__()
        self.down, self.joins, self.resample, self.taps = down, joins, resample, config.taps
        self.dropout, self.share, self.clip = config.dropout, config.residual_share, config.clip
        self.gain = nn.Parameter(torch.zeros(()))
        self.inner = MagnitudeConv2d(after if down else before, after, 3)
        self.embedding = MagnitudeLinear(config.embedding, after)
        self.outer = MagnitudeConv2d(after, after, 3)
        self.shortcut = MagnitudeConv2d(before, after, 1) if before != after else None
        heads = config.heads(after) if attends else 0
        self.attention = EDM2Attention(after, heads, config.attention_share) if heads else None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        if self.resample != "keep":
            x = (fir_halve if self.resample == "down" else fir_double)(x, self.taps)
        if self.down:
            x = normalized(self._shortened(x), 1)
        y = self.inner(scaled_silu(x))
        scale = self.embedding(embedding, self.gain) + 1
        y = scaled_silu(y * scale.to(y.dtype)[:, :, None, None])
        y = self.outer(dropout(y, self.dropout, self.training))
        x = balanced_sum(x if self.down else self._shortened(x), y, self.share)
        if self.attention is not None:
            x = self.attention(x)
        return x if self.clip is None else x.clamp(-self.clip, self.clip)

    def _shortened(self, x: Tensor) -> Tensor:
        return x if self.shortcut is None else self.shortcut(x)


class EDM2UNet(nn.Module):
    """Predicts what its preconditioning asks for from a noisy picture and its level."""

    def __init__(self, config: EDM2UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = EDM2Embedding(config)
        # A channel of ones stands in for biases, of which there are none.
        seen = (config.in_channels + config.picture) * config.patch**2
        self.conv_in = MagnitudeConv2d(seen + 1, config.widths[0], 3)
        levels = range(len(config.widths))
        self.down = nn.ModuleList([block for level in levels for block in _way_down(config, level)])
        self.up = nn.ModuleList([block for level in reversed(levels) for block in _way_up(config, level)])
        self.conv_out = MagnitudeConv2d(config.widths[0], config.out_channels * config.patch**2, 3)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) what the preconditioning tells of the levels, or one for all.
            condition: ``label``, (b,) int64 or (b, classes) shares of each class; ``image`` (b, picture, h', w').

        Returns:
            (b, out_channels, h, w).
        """
        x = beside(x, condition["image"] / self.config.picture_deviation) if self.config.picture else x
        embedding = self.embedding(t.expand(x.shape[0]), condition.get("label"))
        h = F.pixel_unshuffle(x, self.config.patch)
        h = self.conv_in(torch.cat([h, torch.ones_like(h[:, :1])], dim=1))
        skips = [h]
        for block in self.down:
            h = block(h, embedding)
            skips.append(h)
        for block in self.up:
            if block.joins:
                h = balanced_cat(h, skips.pop(), self.config.skip_share)
            h = block(h, embedding)
        return F.pixel_shuffle(self.conv_out(h, self.gain), self.config.patch)


def _way_down(config: EDM2UNetConfig, level: int) -> Iterator[EDM2Block]:
    width, before = config.widths[level], config.widths[max(level - 1, 0)]
    if level:
        yield EDM2Block(config, before, before, down=True, resample="down")
    for i in range(config.depth):
        yield EDM2Block(config, width if i else before, width, down=True, attends=config.attention[level])


def _way_up(config: EDM2UNetConfig, level: int) -> Iterator[EDM2Block]:
    width, finest = config.widths[level], level == 0
    if level == len(config.widths) - 1:
        below = width
        yield EDM2Block(config, width, width, down=False, attends=True)
        yield EDM2Block(config, width, width, down=False)
    else:
        below = config.widths[level + 1]
        yield EDM2Block(config, below, below, down=False, resample="up")
    # What the way down hands over, last first; the last of a level is what came into it.
    skips = [width] * config.depth + [config.widths[0] if finest else config.widths[level - 1]]
    for i, skip in enumerate(skips):
        before = (width if i else below) + skip
        yield EDM2Block(config, before, width, down=False, attends=config.attention[level], joins=True)
