"""The U-Nets of EDM: DDPM++ and NCSN++ (``SongUNet``) and ADM (``DhariwalUNet``), rebuilt of one kind of block.

Reference: T. Karras, M. Aittala, T. Aila, S. Laine, "Elucidating the design space of diffusion-based generative
models", arXiv:2206.00364, appendix F.2 and table 7; the networks were those of Y. Song et al., arXiv:2011.13456, and of
P. Dhariwal, A. Nichol, arXiv:2105.05233.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig, OutputAndFeatures
from diorama.networks.denoisers.beside import beside
from diorama.networks.denoisers.edm_embedding import EarlyLabelEmbedding, LateLabelEmbedding, SoftLabel
from diorama.networks.denoisers.edm_levels import DownLevel, UpLevel
from diorama.networks.denoisers.edm_pictures import PictureOut, PictureResidual, PictureSkip
from diorama.nn.attention import SpatialAttention
from diorama.nn.norm import GroupNormAct
from diorama.nn.output import OutputConv2d
from diorama.nn.resample import Taps, checked_taps
from diorama.nn.residual import BlockStyle, Middle, initialize_residual_network, silence_residuals
from diorama.nn.timestep import Fourier, Sinusoidal
from diorama.nn.unet_block import attention_of, normalisation_groups, share_heads

_HEAD = 64
"""Channels of an attention head of ADM; features of fewer channels have no attention."""


@dataclass(frozen=True, kw_only=True)
class EDMUNetConfig(DenoiserConfig):
    """What the networks have in common.

    Args:
        size: side of the pictures that the network was made for, after which its published tensors are named; it takes
            others too.
        in_channels: of the noisy picture.
        out_channels: of the prediction.
        width: channels after the first convolution.
        growth: channels of each level, finest first, in multiples of ``width``; each level halves the resolution.
        depth: residual blocks of a level on the way down; there is one more on the way up.
        attention: for each level, whether there is attention.
        vector: width of the vector of noise level, label and augmentation, in multiples of ``width``.
        classes: labels 0 … classes - 1; 0 for none.
        label_dropout: share of labels that are left out in training, so that the network learns to go without.
        augment: numbers that tell how a picture was augmented (appendix F.2); 0 for none.
        dropout: in residual blocks.
        picture: channels of a picture of any size that is enlarged and put beside the noisy one, also where the noisy
            one is shown to coarser levels; 0 for none.
    """

    size: int
    in_channels: int = 3
    out_channels: int = 3
    width: int
    growth: tuple[int, ...]
    depth: int
    attention: tuple[bool, ...]
    vector: int = 4
    classes: int = 0
    label_dropout: float = 0.0
    augment: int = 0
    dropout: float = 0.1
    picture: int = field(default=0, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 < len(self.growth) == len(self.attention):
            raise ValueError(f"growth, attention: got {len(self.growth)} and {len(self.attention)} entries")
        least = {"size": 1, "in_channels": 1, "out_channels": 1, "width": 1, "growth": 1, "depth": 1, "vector": 1}
        for name, smallest in (least | {"classes": 0, "augment": 0, "picture": 0}).items():
            value = getattr(self, name)
            if (min(value) if isinstance(value, tuple) else value) < smallest:
                raise ValueError(f"{name}: must be at least {smallest}, got {value}")
        for name in ("dropout", "label_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: must be in [0, 1), got {getattr(self, name)}")
        if self.size % self.multiple:
            raise ValueError(f"size: {self.size} pixels cannot be halved {len(self.growth) - 1} times")
        self._check_channels()

    def _check_channels(self) -> None:
        try:
            for level, attends in enumerate(self.attention):
                for channels in (self.entering(level), self.widths[level], *self.joined(level)):
                    normalisation_groups(channels)
                if attends or level == len(self.attention) - 1:
                    share_heads(self.heads(self.widths[level]), self.widths[level])
        except ValueError as problem:
            raise ValueError(f"width, growth: {problem}") from problem

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return 2 ** (len(self.growth) - 1)

    @property
    def reads(self) -> tuple[str, ...]:
        """``label``, where there are classes, and ``image``, where there is a picture; the network can do without
        ``augment``."""
        return (("label",) if self.classes else ()) + (("image",) if self.picture else ())

    @property
    def gives_features(self) -> bool:
        """Those that leave the middle."""
        return True

    @property
    def seen(self) -> int:
        """Channels of the noisy picture with the one beside it."""
        return self.in_channels + self.picture

    @property
    def null_label(self) -> int | None:
        """``classes``, where labels are left out in training."""
        return self.classes if self.classes and self.label_dropout > 0 else None

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * times for times in self.growth)

    def entering(self, level: int) -> int:
        """Channels with which the way down comes to a level."""
        return self.widths[level - 1] if level else self.width

    def joined(self, level: int) -> list[int]:
        """Channels that go into each block of a level on the way up, with those that the way down hands over."""
        width, below = self.widths[level], self.widths[min(level + 1, len(self.widths) - 1)]
        befores, skips = [below] + [width] * self.depth, [width] * self.depth + [self.entering(level)]
        return [before + skip for before, skip in zip(befores, skips, strict=True)]

    @property
    @abstractmethod
    def style(self) -> BlockStyle:
        """What the blocks share."""

    @property
    @abstractmethod
    def project(self) -> bool:
        """Whether the shortcut of a block that resamples has a convolution where the channels stay the same."""

    @abstractmethod
    def heads(self, channels: int) -> int:
        """Heads of attention over so many channels."""

    @abstractmethod
    def attends_up(self, level: int, block: int) -> bool:
        """Whether attention follows a block on the way up."""

    @abstractmethod
    def build_embedding(self) -> EarlyLabelEmbedding | LateLabelEmbedding:
        """The module that embeds level, label and augmentation."""

    def build_picture_in(self, level: int) -> PictureSkip | PictureResidual | None:
        """How the noisy picture is shown again to a level, but the finest; ``None`` for not at all."""
        return None

    @property
    def growing(self) -> bool:
        """Whether every level on the way up adds to the prediction, and not the finest alone."""
        return False

    @abstractmethod
    def initialize(self, network: EDMUNet) -> None:
        """Draw the weights of a new network; it predicts zeros."""

    def build(self) -> EDMUNet:
        """The network, freshly initialised."""
        return EDMUNet(self)


@dataclass(frozen=True, kw_only=True)
class SongUNetConfig(EDMUNetConfig):
    """DDPM++ and NCSN++. The default is DDPM++ for CIFAR-10; the paper's NCSN++ has ``time="fourier"``, ``features=2``,
    ``encoder="residual"`` and ``taps=(1, 3, 3, 1)``.

    Args:
        time: waves of what the network is told of the level, in a geometric row of frequencies or in random ones.
        features: of the level, in multiples of ``width``.
        encoder: how the noisy picture is shown to coarser levels: not at all; halved by the filter, and added to the
            features; or as a network of convolutions of its own, whose sums with the features go on.
        decoder: whether the prediction comes from the finest level, or is the enlarged sum of all levels'.
        taps: the filter of everything that changes its resolution, (1, 1) for repeated pixels and plain means.
    """

    size: int = 32
    width: int = 128
    growth: tuple[int, ...] = (2, 2, 2)
    depth: int = 4
    attention: tuple[bool, ...] = (False, True, False)
    time: Literal["sinusoidal", "fourier"] = "sinusoidal"
    features: int = 1
    encoder: Literal["standard", "skip", "residual"] = "standard"
    decoder: Literal["standard", "skip"] = "standard"
    taps: Taps = (1.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_taps(self.taps)
        if self.features < 1 or self._waves % 2 or self._waves < 4:
            raise ValueError(f"width, features: {self._waves} features of the level must be an even number, at least 4")

    @property
    def _waves(self) -> int:
        return self.width * self.features

    @property
    def style(self) -> BlockStyle:
        """Sums keep the variance of what is added; the embedding is added before the second normalisation."""
        return BlockStyle(embedding=self.width * self.vector, dropout=self.dropout, divide=math.sqrt(2), taps=self.taps)

    @property
    def project(self) -> bool:
        """Yes."""
        return True

    def heads(self, channels: int) -> int:
        """1."""
        return 1

    def attends_up(self, level: int, block: int) -> bool:
        """After a level's last block."""
        return self.attention[level] and block == self.depth

    @property
    def growing(self) -> bool:
        """Of ``decoder="skip"``."""
        return self.decoder == "skip"

    def build_embedding(self) -> EarlyLabelEmbedding:
        """The label joins the features."""
        waves = Fourier(self._waves // 2, log=False) if self.time == "fourier" else Sinusoidal(self._waves)
        labels = SoftLabel(self.classes, self.label_dropout)
        return EarlyLabelEmbedding(waves, self._waves, self.width * self.vector, labels, self.augment)

    def build_picture_in(self, level: int) -> PictureSkip | PictureResidual | None:
        """As ``encoder`` says."""
        if self.encoder == "skip":
            return PictureSkip(self.seen, self.entering(level), self.taps)
        if self.encoder == "residual":
            before = self.entering(level - 1) if level > 1 else self.seen
            return PictureResidual(before, self.entering(level), self.taps)
        return None

    def initialize(self, network: EDMUNet) -> None:
        """Fan-averaged uniform weights, smaller ones for queries, keys and values; zero biases."""
        initialize_residual_network(network, network.conv_out)
        for module in network.modules():
            if isinstance(module, SpatialAttention):
                nn.init.xavier_uniform_(module.qkv.weight, math.sqrt(0.2))
            elif isinstance(module, PictureOut):
                nn.init.zeros_(module.conv.weight)


@dataclass(frozen=True, kw_only=True)
class DhariwalUNetConfig(EDMUNetConfig):
    """ADM. The default is the paper's for ImageNet at 64 pixels, without its labels."""

    size: int = 64
    width: int = 192
    growth: tuple[int, ...] = (1, 2, 3, 4)
    depth: int = 3
    attention: tuple[bool, ...] = (False, True, True, True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2:
            raise ValueError(f"width: {self.width} features of the level must be an even number")

    @property
    def style(self) -> BlockStyle:
        """The embedding scales and shifts what is normalised."""
        return BlockStyle(
            embedding=self.width * self.vector, eps=1e-5, dropout=self.dropout, scale_shift=True, taps=(1.0, 1.0)
        )

    @property
    def project(self) -> bool:
        """No."""
        return False

    def heads(self, channels: int) -> int:
        """Of 64 channels or more."""
        return channels // _HEAD

    def attends_up(self, level: int, block: int) -> bool:
        """After each block, as on the way down."""
        return self.attention[level]

    def build_embedding(self) -> LateLabelEmbedding:
        """The label joins the vector."""
        waves = Sinusoidal(self.width, sine_first=False, shift=0.0)
        labels = SoftLabel(self.classes, self.label_dropout)
        return LateLabelEmbedding(waves, self.width, self.width * self.vector, labels, self.augment)

    def initialize(self, network: EDMUNet) -> None:
        """PyTorch's weights, which are the published ones; labels of unit variance."""
        silence_residuals(network, network.conv_out)
        if network.embedding.augment is not None:
            nn.init.zeros_(network.embedding.augment.weight)
        if network.embedding.label is not None:
            nn.init.normal_(network.embedding.label.weight)


class EDMUNet(nn.Module):
    """Predicts what its preconditioning asks for from a noisy picture and its level."""

    def __init__(self, config: EDMUNetConfig) -> None:
        super().__init__()
        self.config = config
        style, width, coarsest = config.style, config.widths[0], config.widths[-1]
        self.embedding = config.build_embedding()
        self.conv_in = nn.Conv2d(config.seen, config.width, 3, padding=1)
        self.down = nn.ModuleList([DownLevel(config, level) for level in range(len(config.widths))])
        self.middle = Middle(
            coarsest,
            replace(style, groups=normalisation_groups(coarsest)),
            attention_of(coarsest, config.heads(coarsest), style),
        )
        self.up = nn.ModuleList([UpLevel(config, level) for level in reversed(range(len(config.widths)))])
        self.norm_out = GroupNormAct(normalisation_groups(width), width, eps=style.eps, act="silu")
        self.conv_out = OutputConv2d(width, config.out_channels, 3, padding=1)
        config.initialize(self)

    def forward(
        self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN, *, features: bool = False
    ) -> Tensor | OutputAndFeatures:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) what the preconditioning tells of the levels, or one for all.
            condition: ``label``, (b,) int64 or (b, classes) shares of each class; ``image`` (b, picture, h', w');
                ``augment``, (b, a) float.
            features: return what leaves the middle as well.

        Returns:
            (b, out_channels, h, w), or that and the features.
        """
        embedding = self.embedding(t.expand(x.shape[0]), condition.get("label"), condition.get("augment"))
        x = beside(x, condition["image"]) if self.config.picture else x
        skips, picture = [self.conv_in(x)], x
        for down in self.down:
            outputs, picture = down(skips[-1], embedding, picture)
            skips += outputs
        h = middle = self.middle(skips[-1], embedding)
        grown: Tensor | None = None
        for up in self.up:
            h, grown = up(h, embedding, skips, grown)
        h = self.conv_out(self.norm_out(h))
        h = h if grown is None else h + grown
        return OutputAndFeatures(h, middle) if features else h
