"""The U-Net that beat GANs on ImageNet (ADM), and its way down, which noisy classifiers share.

Reference: P. Dhariwal, A. Nichol, "Diffusion models beat GANs on image synthesis", arXiv:2105.05233, section 3 and
appendices A and I. Against :mod:`diorama.networks.denoisers.ddpm` its time features may be narrower than the first
level, its heads are given by number too and may be fewer on the way up, and its resolutions may change without weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.beside import beside
from diorama.networks.denoisers.ddpm import AttentionStyle, DownLevel, Given, UpLevel
from diorama.networks.denoisers.embedding import EmbeddingConfig, LevelEmbedding
from diorama.nn.attention import SpatialAttention
from diorama.nn.norm import GroupNormAct
from diorama.nn.output import OutputConv2d
from diorama.nn.resample import ConvDown, ConvUp
from diorama.nn.residual import BlockStyle, Middle, ResidualBlock, initialize_residual_network

GROUPS, EPS = 32, 1e-5
"""Of all normalisations."""
Resampling = Literal["residual", "conv", "pool"]


@dataclass(frozen=True, kw_only=True)
class ADMShape:
    """What the U-Net and the classifier share. The default is the paper's U-Net of ImageNet at 64 x 64 (appendix I).

    Args:
        in_channels: of the noisy picture.
        channels: of the time features; the embedding has four times as many.
        widths: channels of each level, finest first, multiples of 32; each level halves the resolution.
        depth: residual blocks of a level on the way down.
        attention: for each level, attention after each residual block. The middle always has one.
        resample: between levels: residual blocks, convolutions, or nothing but means and repeated pixels.
        heads: of each attention, where ``head_channels`` does not say.
        head_channels: of every head, in place of a number of heads.
        heads_first: order of the projections' rows, see :class:`~diorama.nn.attention.SpatialAttention`.
        scale_shift: the embedding scales and shifts instead of being added.
        dropout: in residual blocks.
    """

    in_channels: int = 3
    channels: int = 192
    widths: tuple[int, ...] = (192, 384, 576, 768)
    depth: int = 3
    attention: tuple[bool, ...] = (False, True, True, True)
    resample: Resampling = "residual"
    heads: int = 1
    head_channels: int | None = 64
    heads_first: bool = True
    scale_shift: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("in_channels", 1), ("channels", 2), ("depth", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.widths or len(self.attention) != len(self.widths):
            raise ValueError(f"attention needs {len(self.widths)} entries for {len(self.widths)} widths, at least one")
        for width in self.widths:
            if width < 1 or width % GROUPS:
                raise ValueError(f"widths must be multiples of {GROUPS}, got {self.widths}")
        if self.head_channels is not None and self.heads != 1:
            raise ValueError("heads and head_channels both say how many heads there are; give one of them")
        _check_heads(self, self.heads, "heads")

    @property
    def attending(self) -> tuple[int, ...]:
        """Widths of the maps that have attention: of the levels, and last of the middle."""
        return (*(w for w, attends in zip(self.widths, self.attention, strict=True) if attends), self.widths[-1])


def _check_heads(shape: ADMShape, heads: int, field: str) -> None:
    for width in shape.attending:
        parts, name = (heads, field) if shape.head_channels is None else (shape.head_channels, "head_channels")
        if parts < 1 or width % parts:
            raise ValueError(f"{name}: {parts} does not divide the {width} channels of an attention")


@dataclass(frozen=True, kw_only=True)
class ADMUNetConfig(ADMShape, DenoiserConfig):
    """The network's shape. The default is the paper's for ImageNet at 64 x 64, without labels and variances.

    Args:
        out_channels: of the prediction; twice as many as those of the picture where it predicts variances too.
        up_heads: of each attention on the way up; ``None`` as ``heads``.
        classes: labels that it knows; 0 where it reads none.
        unconditional: there is one more, the null label ``classes``, which stands for any class.
        picture: channels of a picture of any size that is enlarged and put beside the noisy one; 0 for none.
    """

    out_channels: int = 3
    up_heads: int | None = None
    classes: int = 0
    unconditional: bool = False
    picture: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.up_heads is not None:
            if self.head_channels is not None:
                raise ValueError("up_heads and head_channels both say how many heads there are; give one of them")
            _check_heads(self, self.up_heads, "up_heads")
        if self.unconditional and not self.classes:
            raise ValueError("unconditional: a network without classes has no null label")

    @property
    def embedding(self) -> EmbeddingConfig:
        """Of time and label."""
        return _embedding(self.classes, self.unconditional)

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return 2 ** (len(self.widths) - 1)

    @property
    def reads(self) -> tuple[str, ...]:
        """``label`` and ``image``, as far as the network is made for them."""
        return (("label",) if self.classes else ()) + (("image",) if self.picture else ())

    @property
    def null_label(self) -> int | None:
        """See :class:`~diorama.networks.denoisers.base.DenoiserConfig`."""
        return self.embedding.null_label

    def build(self) -> ADMUNet:
        """The network, freshly initialised."""
        return ADMUNet(self)


def _embedding(classes: int = 0, unconditional: bool = False) -> EmbeddingConfig:
    return EmbeddingConfig(
        sine_first=False,
        shift=0.0,
        label="table" if classes else "none",
        classes=classes,
        unconditional=unconditional,
    )


class ADMTorso(nn.Module):
    """The way down and the middle, and the embedding of time and label that all blocks are told.

    Args:
        shape: of the network.
        embedding: of time and label.
        picture: channels of one that comes behind the noisy one.
    """

    def __init__(self, shape: ADMShape, embedding: EmbeddingConfig | None = None, picture: int = 0) -> None:
        super().__init__()
        widths = shape.widths
        self.embedding = LevelEmbedding(embedding or _embedding(), shape.channels)
        self.style = BlockStyle(
            embedding=self.embedding.width,
            groups=GROUPS,
            eps=EPS,
            dropout=shape.dropout,
            scale_shift=shape.scale_shift,
        )
        self.conv_in = nn.Conv2d(shape.in_channels + picture, widths[0], 3, padding=1)
        self.down = nn.ModuleList([_down_level(shape, self.style, level) for level in range(len(widths))])
        head_channels, heads_first = _head_channels(shape, widths[-1], shape.heads), shape.heads_first
        attention = SpatialAttention(widths[-1], head_channels, groups=GROUPS, eps=EPS, heads_first=heads_first)
        self.middle = Middle(widths[-1], self.style, attention)

    def forward(self, x: Tensor, t: Tensor, label: Tensor | None = None) -> tuple[list[Tensor], Tensor, Given]:
        """Walk down.

        Args:
            x: (b, c, h, w), with what comes behind the noisy picture.
            t: (b,) times, or one for all.
            label: (b,) int64, or ``None`` where there is none.

        Returns:
            The outputs of the way down, finest first; (b, c', h', w') what comes out of the middle; and what blocks
            further on are told.
        """
        embedded = F.silu(self.embedding(t.expand(x.shape[0]), label))
        given = Given(embedded, text=None, text_mask=None)
        outputs = [self.conv_in(x)]
        for down in self.down:
            outputs += down(outputs[-1], given)
        return outputs, self.middle(outputs[-1], embedded), given


class ADMUNet(nn.Module):
    """Predicts from a noisy picture, its time and perhaps a label or a small picture what noise is in it."""

    def __init__(self, config: ADMUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.torso = ADMTorso(config, config.embedding, config.picture)
        levels = reversed(range(len(widths)))
        self.up = nn.ModuleList([_up_level(config, self.torso.style, level) for level in levels])
        self.norm_out = GroupNormAct(GROUPS, widths[0], eps=EPS, act="silu")
        self.conv_out = OutputConv2d(widths[0], config.out_channels, 3, padding=1)
        initialize_residual_network(self, self.conv_out)

    def forward(self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) times, whole or fractional, or one for all.
            condition: what :attr:`ADMUNetConfig.reads` names: ``label`` (b,) int64, ``image`` (b, picture, h', w').

        Returns:
            (b, out_channels, h, w).

        Raises:
            ValueError: a label is missing or not wanted.
        """
        x = beside(x, condition["image"]) if self.config.picture else x
        skips, h, given = self.torso(x, t, condition.get("label"))
        for up in self.up:
            h = up(h, given, skips)
        return self.conv_out(self.norm_out(h))


def _attention_style(shape: ADMShape, level: int, heads: int) -> AttentionStyle | None:
    """Of one level; ``None`` where it has no attention."""
    if not shape.attention[level]:
        return None
    return AttentionStyle(_head_channels(shape, shape.widths[level], heads), heads_first=shape.heads_first)


def _head_channels(shape: ADMShape, width: int, heads: int) -> int:
    return shape.head_channels or width // heads


def _down_level(shape: ADMShape, style: BlockStyle, level: int) -> DownLevel:
    width, before = shape.widths[level], shape.widths[max(level - 1, 0)]
    channels = [(before if i == 0 else width, width) for i in range(shape.depth)]
    resample = _halving(shape.resample, width, style) if level < len(shape.widths) - 1 else None
    return DownLevel(channels, style, _attention_style(shape, level, shape.heads), resample)


def _up_level(config: ADMUNetConfig, style: BlockStyle, level: int) -> UpLevel:
    widths, depth = config.widths, config.depth
    width, below, above = widths[level], widths[min(level + 1, len(widths) - 1)], widths[max(level - 1, 0)]
    # The blocks take, in turn, this level's outputs and last what entered it on the way down.
    channels = [((below if i == 0 else width) + (above if i == depth else width), width) for i in range(depth + 1)]
    resample = _doubling(config.resample, width, style) if level > 0 else None
    return UpLevel(channels, style, _attention_style(config, level, config.up_heads or config.heads), resample)


def _halving(kind: Resampling, width: int, style: BlockStyle) -> nn.Module:
    if kind == "residual":
        return ResidualBlock(width, width, style, resample="down")
    return ConvDown(width) if kind == "conv" else nn.AvgPool2d(2)


def _doubling(kind: Resampling, width: int, style: BlockStyle) -> nn.Module:
    if kind == "residual":
        return ResidualBlock(width, width, style, resample="up")
    return ConvUp(width) if kind == "conv" else nn.Upsample(scale_factor=2)
