"""The U-Net of denoising diffusion probabilistic models.

Reference: J. Ho, A. Jain, P. Abbeel, "Denoising diffusion probabilistic models", arXiv:2006.11239, appendix B;
options beyond it (heads, scale and shift, resampling residual blocks, labels): P. Dhariwal, A. Nichol,
"Diffusion models beat GANs on image synthesis", arXiv:2105.05233, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig, OutputAndFeatures
from diorama.networks.denoisers.beside import beside
from diorama.networks.denoisers.embedding import EmbeddingConfig, LevelEmbedding
from diorama.nn.activations import ActivationName, activation
from diorama.nn.attention import SpatialAttention
from diorama.nn.cross_attention import CrossAttention
from diorama.nn.norm import GroupNormAct
from diorama.nn.output import OutputConv2d
from diorama.nn.resample import ConvDown, ConvUp
from diorama.nn.residual import BlockStyle, Middle, ResidualBlock, initialize_residual_network

Resampling = Literal["conv", "residual"]


@dataclass(frozen=True, kw_only=True)
class DDPMUNetConfig(DenoiserConfig):
    """The network's shape. The default is the paper's for CIFAR-10: 35.7 M parameters.

    Args:
        in_channels: of the noisy picture.
        out_channels: of the prediction.
        patch: side of the squares of pixels that the first level sees as one place; 1 is the paper's. Larger ones
            trade detail for speed: T. Luhman, E. Luhman, arXiv:2207.04316.
        widths: channels of each level, finest first; each level halves the resolution of the one before.
        depth: residual blocks of a level on the way down; there is one more on the way up.
        attention: for each level, attention after each residual block on the way down.
        up_attention: the same on the way up; ``None`` is as on the way down.
        resample: for each step from a level to the next, by what the resolution is halved; ``None`` for
            convolutions everywhere.
        up_resample: by what it is doubled again on the way up; ``None`` is as on the way down.
        down_padding: of strided convolutions; 0 pads right and bottom only.
        middle: attention between the two residual blocks in the middle, the two blocks alone, or nothing.
        middle_divide: sums in the middle's blocks are divided by it.
        middle_groups: of the normalisation before the middle's attention; 0 for none, ``None`` as ``groups``.
        head_channels: of an attention head; ``None`` for a single head.
        groups: of all normalisations.
        eps: of all normalisations.
        act: activation of the residual blocks.
        dropout: in residual blocks.
        scale_shift: the embedding scales and shifts instead of being added.
        centre_input: maps an input in [0, 1] to [-1, 1] first.
        text: width of text features, which are attended to after every self-attention on the levels that have one; 0
            for none. R. Rombach et al., arXiv:2112.10752, section 3.3.
        picture: channels of a picture of any size that is enlarged and put beside the noisy one; 0 for none.
            J. Ho et al., arXiv:2106.15282, section 3.
        embedding: of time and label.
    """

    in_channels: int = 3
    out_channels: int = 3
    patch: int = 1
    widths: tuple[int, ...] = (128, 256, 256, 256)
    depth: int = 2
    attention: tuple[bool, ...] = (False, True, False, False)
    up_attention: tuple[bool, ...] | None = None
    resample: tuple[Resampling, ...] | None = None
    up_resample: tuple[Resampling, ...] | None = None
    down_padding: int = 0
    middle: Literal["attention", "residual", "none"] = "attention"
    middle_divide: float = 1.0
    middle_groups: int | None = None
    head_channels: int | None = None
    groups: int = 32
    eps: float = 1e-6
    act: ActivationName = "silu"
    dropout: float = 0.0
    scale_shift: bool = False
    centre_input: bool = False
    text: int = 0
    picture: int = 0
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)

    def __post_init__(self) -> None:
        levels = len(self.widths)
        lengths = {"attention": levels, "up_attention": levels, "resample": levels - 1, "up_resample": levels - 1}
        for name, length in lengths.items():
            given = getattr(self, name)
            if given is not None and len(given) != length:
                raise ValueError(f"{name} needs {length} entries for {levels} widths, got {len(given)}")
        for width in self.widths:
            if width % self.groups:
                raise ValueError(f"groups ({self.groups}) must divide every width, got {self.widths}")

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return self.patch * 2 ** (len(self.widths) - 1)

    @property
    def reads(self) -> tuple[str, ...]:
        """``label``, ``text``, ``image`` and ``guidance``, as far as the network is made for them."""
        made_for = {"label": self.embedding.label != "none", "text": self.text > 0, "image": self.picture > 0}
        made_for["guidance"] = self.embedding.guidance
        return tuple(key for key, reads in made_for.items() if reads)

    @property
    def classes(self) -> int:
        """Rows of the label table, the null label's left out."""
        return self.embedding.classes

    @property
    def null_label(self) -> int | None:
        """See :class:`~diorama.networks.denoisers.base.DenoiserConfig`."""
        return self.embedding.null_label

    @property
    def needs_positive_time(self) -> bool:
        """Fourier features are of the logarithm."""
        return self.embedding.time == "fourier"

    @property
    def two_times(self) -> bool:
        """Whether the embedding takes two."""
        return self.embedding.two_times

    @property
    def gives_features(self) -> bool:
        """Those that leave the middle; the end of the way down where there is none."""
        return True

    def build(self) -> DDPMUNet:
        """The network, freshly initialised."""
        return DDPMUNet(self)


class Given(NamedTuple):
    """What every block is told besides the feature map.

    Attributes:
        embedding: (b, width), activated, of time and label.
        text: (b, n, d) token features, or ``None``.
        text_mask: (b, n), True where a token is real, or ``None`` where all are.
    """

    embedding: Tensor
    text: Tensor | None
    text_mask: Tensor | None


class AttentionStyle(NamedTuple):
    """What the attention of one level is like.

    Attributes:
        head_channels: of a head.
        text: width of the text that is read, 0 for none.
        heads_first: see :class:`~diorama.nn.attention.SpatialAttention`.
    """

    head_channels: int
    text: int = 0
    heads_first: bool = False


class _Level(nn.Module):
    """Residual blocks of one resolution, each with its attention, and what leads to the next resolution."""

    def __init__(
        self,
        channels: list[tuple[int, int]],
        style: BlockStyle,
        attention: AttentionStyle | None,
        resample: nn.Module | None,
    ) -> None:
        super().__init__()
        width = channels[0][1]
        self.blocks = nn.ModuleList([ResidualBlock(before, after, style) for before, after in channels])
        self.attention, self.reading = nn.ModuleList(), nn.ModuleList()
        if attention is not None:
            heads, groups, eps = attention.head_channels, style.groups, style.eps
            self.attention.extend(
                SpatialAttention(width, heads, groups=groups, eps=eps, heads_first=attention.heads_first)
                for _ in channels
            )
            if attention.text:
                self.reading.extend(
                    CrossAttention(width, attention.text, heads, groups=groups, eps=eps) for _ in channels
                )
        self.resample = resample

    def step(self, i: int, x: Tensor, given: Given, skip: Tensor | None = None) -> Tensor:
        x = self.blocks[i](x, given.embedding, skip)
        x = self.attention[i](x) if self.attention else x
        return self.reading[i](x, given.text, given.text_mask) if self.reading else x

    def leave(self, x: Tensor, given: Given) -> Tensor:
        if self.resample is None:
            return x
        return self.resample(x, given.embedding) if isinstance(self.resample, ResidualBlock) else self.resample(x)


class DownLevel(_Level):
    """(b, c, h, w) -> what the way up will need, finest last: each block's output, and the halved picture if any."""

    def forward(self, x: Tensor, given: Given) -> list[Tensor]:
        outputs = []
        for i in range(len(self.blocks)):
            x = self.step(i, x, given)
            outputs.append(x)
        if self.resample is not None:
            outputs.append(self.leave(x, given))
        return outputs


class UpLevel(_Level):
    """(b, c, h, w) and the outputs of the way down, the last of which this level takes off, -> (b, c', 2h, 2w)."""

    def forward(self, x: Tensor, given: Given, skips: list[Tensor]) -> Tensor:
        for i in range(len(self.blocks)):
            x = self.step(i, x, given, skips.pop())
        return self.leave(x, given)


class DDPMUNet(nn.Module):
    """Predicts from a noisy picture, its time and perhaps a condition what noise (or whatever target) is in it."""

    def __init__(self, config: DDPMUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.embedding = LevelEmbedding(config.embedding, widths[0])
        style = BlockStyle(
            embedding=self.embedding.width,
            groups=config.groups,
            eps=config.eps,
            dropout=config.dropout,
            act=config.act,
            scale_shift=config.scale_shift,
        )
        self.conv_in = nn.Conv2d((config.in_channels + config.picture) * config.patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([_down_level(config, style, level) for level in range(len(widths))])
        self.middle = _middle(config, style)
        self.up = nn.ModuleList([_up_level(config, style, level) for level in reversed(range(len(widths)))])
        self.norm_out = GroupNormAct(config.groups, widths[0], eps=config.eps, act="silu")
        self.conv_out = OutputConv2d(widths[0], config.out_channels * config.patch**2, 3, padding=1)
        initialize_residual_network(self, self.conv_out)

    def forward(
        self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN, *, features: bool = False
    ) -> Tensor | OutputAndFeatures:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) times, as the preconditioning tells them, or one for all; (b, 2) where the embedding takes two.
            condition: what :attr:`DDPMUNetConfig.reads` names: ``label`` (b,) int64 or what ``config.embedding`` asks
                for, ``text`` (b, n, d) with ``text_mask`` (b, n), ``image`` (b, c, h', w'), ``guidance`` (b,); and
                ``augment`` (b, a), without which pictures are as they are.
            features: return what leaves the middle as well.

        Returns:
            (b, out_channels, h, w), or that and the features.
        """
        t = t if t.dim() == 2 else t.expand(x.shape[0])
        told = (condition.get(key) for key in ("label", "augment", "guidance"))
        embedding = activation(self.config.act)(self.embedding(t, *told))
        given = Given(embedding, condition.get("text"), condition.get("text_mask"))
        x = 2 * x - 1 if self.config.centre_input else x
        if self.config.picture:
            x = beside(x, condition["image"])  # (b, in_channels + picture, h, w)
        skips = [self.conv_in(F.pixel_unshuffle(x, self.config.patch))]
        for down in self.down:
            skips += down(skips[-1], given)
        h = middle = skips[-1] if self.middle is None else self.middle(skips[-1], embedding)
        for up in self.up:
            h = up(h, given, skips)
        h = F.pixel_shuffle(self.conv_out(self.norm_out(h)), self.config.patch)
        # With Fourier features the time is the noise's scale, and the network predicts the score.
        h = h / t[:, None, None, None] if self.config.embedding.time == "fourier" else h
        return OutputAndFeatures(h, middle) if features else h


def _attention_style(config: DDPMUNetConfig, width: int) -> AttentionStyle:
    return AttentionStyle(_head_channels(config, width), config.text)


def _head_channels(config: DDPMUNetConfig, width: int) -> int:
    return config.head_channels or width


def _down_level(config: DDPMUNetConfig, style: BlockStyle, level: int) -> DownLevel:
    width, before = config.widths[level], config.widths[max(level - 1, 0)]
    channels = [(before if i == 0 else width, width) for i in range(config.depth)]
    resample: nn.Module | None = None
    if level < len(config.widths) - 1:
        residual = config.resample is not None and config.resample[level] == "residual"
        resample = (
            ResidualBlock(width, width, style, resample="down") if residual else ConvDown(width, config.down_padding)
        )
    return DownLevel(channels, style, _attention_style(config, width) if config.attention[level] else None, resample)


def _up_level(config: DDPMUNetConfig, style: BlockStyle, level: int) -> UpLevel:
    widths, depth = config.widths, config.depth
    width, below, above = widths[level], widths[min(level + 1, len(widths) - 1)], widths[max(level - 1, 0)]
    # The blocks take, in turn, this level's outputs and last what entered it on the way down.
    channels = [((below if i == 0 else width) + (above if i == depth else width), width) for i in range(depth + 1)]
    resample: nn.Module | None = None
    if level > 0:
        kinds = config.up_resample or config.resample
        residual = kinds is not None and kinds[level - 1] == "residual"
        resample = ResidualBlock(width, width, style, resample="up") if residual else ConvUp(width)
    attention = (config.up_attention or config.attention)[level]
    return UpLevel(channels, style, _attention_style(config, width) if attention else None, resample)


def _middle(config: DDPMUNetConfig, style: BlockStyle) -> Middle | None:
    if config.middle == "none":
        return None
    width, divide = config.widths[-1], config.middle_divide
    attention = None
    if config.middle == "attention":
        groups = config.groups if config.middle_groups is None else config.middle_groups
        attention = SpatialAttention(
            width, _head_channels(config, width), groups=groups or None, eps=config.eps, divide=divide
        )
    return Middle(width, replace(style, divide=divide), attention)
