"""The U-Net of score-based models with a pyramid of pictures beside it (NCSN++).

Reference: Y. Song, J. Sohl-Dickstein, D. P. Kingma, A. Kumar, S. Ermon, B. Poole, "Score-based generative modeling
through stochastic differential equations", arXiv:2011.13456, appendix H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig, LevelEmbedding
from diorama.nn.activations import ActivationName, activation
from diorama.nn.attention import SpatialAttention
from diorama.nn.norm import GroupNormAct
from diorama.nn.output import OutputConv2d
from diorama.nn.resample import fir_double, fir_halve
from diorama.nn.residual import BlockStyle, Middle, ResidualBlock, initialize_residual_network

_ATTENTION_GROUPS = 32


@dataclass(frozen=True, kw_only=True)
class NCSNppConfig(DenoiserConfig):
    """The network's shape; the pyramid, filters and group counts are the paper's.

    Args:
        in_channels: of the noisy picture and of its pyramid.
        out_channels: of the prediction and of its pyramid.
        widths: channels of each level, finest first; each level halves the resolution of the one before.
        depth: residual blocks of a level on the way down; there is one more on the way up.
        attention: for each level, attention after each residual block on the way down.
        up_attention: for each level, attention after the last residual block on the way up; ``None`` as on the
            way down.
        middle: attention between the two residual blocks in the middle, the two blocks alone, or nothing.
        middle_divide: sums in the middle's blocks are divided by it.
        middle_groups: of the normalisation before the middle's attention; 0 for none, ``None`` as ``groups``.
        head_channels: of an attention head; ``None`` for a single head.
        groups: of the middle's and the last normalisation; ``None`` is a quarter of the channels, at most 32.
        eps: of all normalisations.
        act: activation of the residual blocks.
        dropout: in residual blocks.
        scale_shift: the embedding scales and shifts instead of being added.
        centre_input: maps an input in [0, 1] to [-1, 1] first.
        embedding: of time and label.
    """

    in_channels: int = 3
    out_channels: int = 3
    widths: tuple[int, ...] = (128, 256, 256, 256)
    depth: int = 4
    attention: tuple[bool, ...] = (False, True, False, False)
    up_attention: tuple[bool, ...] | None = None
    middle: Literal["attention", "residual", "none"] = "attention"
    middle_divide: float = math.sqrt(2)
    middle_groups: int | None = None
    head_channels: int | None = None
    groups: int | None = None
    eps: float = 1e-6
    act: ActivationName = "silu"
    dropout: float = 0.0
    scale_shift: bool = False
    centre_input: bool = False
    embedding: EmbeddingConfig = field(default_factory=lambda: EmbeddingConfig(time="fourier"))

    def __post_init__(self) -> None:
        for name in ("attention", "up_attention"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.widths):
                raise ValueError(f"{name} has {len(given)} entries for {len(self.widths)} widths")

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return 2 ** (len(self.widths) - 1)

    @property
    def reads(self) -> tuple[str, ...]:
        """``label``, where it is embedded."""
        return () if self.embedding.label == "none" else ("label",)

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

    def build(self) -> NCSNpp:
        """The network, freshly initialised."""
        return NCSNpp(self)


def _quarter(channels: int) -> int:
    return min(channels // 4, 32)


class _PyramidLevel(nn.Module):
    """What the way down and the way up share: residual blocks, attention, a resampling residual block."""

    def __init__(self, blocks: list[ResidualBlock], attention: list[SpatialAttention], resample: nn.Module | None):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.attention = nn.ModuleList(attention)
        self.resample = resample


class PyramidDown(_PyramidLevel):
    """One resolution on the way down; the halved input picture is added to what it hands on."""

    def __init__(self, config: NCSNppConfig, style: BlockStyle, level: int) -> None:
        width, before = config.widths[level], config.widths[max(level - 1, 0)]
        channels = [before if i == 0 else width for i in range(config.depth)]
        blocks = [ResidualBlock(c, width, style, groups=(_quarter(c), _quarter(width))) for c in channels]
        attention = [_attention(config, style, width) for _ in blocks] if config.attention[level] else []
        last = level == len(config.widths) - 1
        super().__init__(blocks, attention, None if last else _resampling_block(width, style, "fir_down"))
        self.skip = None if last else nn.Conv2d(config.in_channels, width, 1)

    def forward(self, x: Tensor, embedding: Tensor, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """(b, c, h, w) and the picture at that resolution -> outputs, finest first, and the halved picture."""
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x, embedding)
            x = self.attention[i](x) if self.attention else x
            outputs.append(x)
        if self.resample is not None and self.skip is not None:
            picture = fir_halve(picture)
            outputs.append(self.skip(picture) + self.resample(x, embedding))
        return outputs, picture


class PyramidUp(_PyramidLevel):
    """One resolution on the way up; it adds what it sees to the picture that grows beside it."""

    def __init__(self, config: NCSNppConfig, style: BlockStyle, level: int) -> None:
        widths, depth = config.widths, config.depth
        width, below, above = widths[level], widths[min(level + 1, len(widths) - 1)], widths[max(level - 1, 0)]
        attend = (config.up_attention or config.attention)[level]
        blocks = []
        for i in range(depth + 1):
            here, skip = (below if i == 0 else width), (above if i == depth else width)
            # Published networks with attention divide only the skip's channels here, those without divide the sum.
            groups = min(here + skip // 4, 32) if attend else _quarter(here + skip)
            blocks.append(ResidualBlock(here + skip, width, style, groups=(groups, _quarter(width))))
        finest = level == 0
        super().__init__(
            blocks,
            [_attention(config, style, width)] if attend else [],
            None if finest else _resampling_block(width, style, "fir_up"),
        )
        self.skip_norm = None if finest else GroupNormAct(_quarter(width), width, eps=style.eps, act="silu")
        self.skip = None if finest else nn.Conv2d(width, config.out_channels, 3, padding=1)

    def forward(
        self, x: Tensor, embedding: Tensor, skips: list[Tensor], picture: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """(b, c, h, w), outputs of the way down and the picture at half this resolution -> both at twice theirs."""
        for block in self.blocks:
            x = block(x, embedding, skips.pop())
        for attention in self.attention:
            x = attention(x)
        picture = None if picture is None else fir_double(picture)
        if self.resample is not None and self.skip is not None and self.skip_norm is not None:
            seen = self.skip(self.skip_norm(x))
            picture = seen if picture is None else picture + seen
            x = self.resample(x, embedding)
        return x, picture


def _attention(config: NCSNppConfig, style: BlockStyle, width: int) -> SpatialAttention:
    head = config.head_channels or width
    return SpatialAttention(width, head, groups=_ATTENTION_GROUPS, eps=style.eps, divide=style.divide)


def _resampling_block(width: int, style: BlockStyle, resample: Literal["fir_up", "fir_down"]) -> ResidualBlock:
    groups = (_quarter(width), _quarter(width))
    return ResidualBlock(width, width, style, resample=resample, groups=groups, project=True)


class NCSNpp(nn.Module):
    """Predicts the score of a noisy picture, given its noise level."""

    def __init__(self, config: NCSNppConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.embedding = LevelEmbedding(config.embedding, widths[0])
        style = BlockStyle(
            embedding=self.embedding.width,
            eps=config.eps,
            dropout=config.dropout,
            act=config.act,
            scale_shift=config.scale_shift,
            divide=math.sqrt(2),
        )
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList([PyramidDown(config, style, level) for level in range(len(widths))])
        self.middle = _middle(config, style)
        self.up = nn.ModuleList([PyramidUp(config, style, level) for level in reversed(range(len(widths)))])
        self.norm_out = GroupNormAct(config.groups or _quarter(widths[0]), widths[0], eps=config.eps, act="silu")
        self.conv_out = OutputConv2d(widths[0], config.out_channels, 3, padding=1)
        initialize_residual_network(self, self.conv_out)

    def forward(self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) noise levels (or times, as ``config.embedding`` says), or one for all.
            condition: ``label``, what ``config.embedding`` asks for.

        Returns:
            (b, out_channels, h, w).
        """
        t = t.expand(x.shape[0])
        embedding = activation(self.config.act)(self.embedding(t, condition.get("label")))
        picture = 2 * x - 1 if self.config.centre_input else x
        skips = [self.conv_in(picture)]
        for down in self.down:
            outputs, picture = down(skips[-1], embedding, picture)
            skips += outputs
        h = skips[-1] if self.middle is None else self.middle(skips[-1], embedding)
        grown: Tensor | None = None
        for up in self.up:
            h, grown = up(h, embedding, skips, grown)
        h = self.conv_out(self.norm_out(h))
        h = h if grown is None else h + grown
        # With Fourier features the time is the noise's scale, and the network predicts the score.
        return h / t[:, None, None, None] if self.config.embedding.time == "fourier" else h


def _middle(config: NCSNppConfig, style: BlockStyle) -> Middle | None:
    if config.middle == "none":
        return None
    width, divide = config.widths[-1], config.middle_divide
    groups = config.groups or _quarter(width)
    attention = None
    if config.middle == "attention":
        attention_groups = groups if config.middle_groups is None else config.middle_groups
        attention = SpatialAttention(
            width, config.head_channels or width, groups=attention_groups or None, eps=config.eps, divide=divide
        )
    return Middle(width, replace(style, groups=groups, divide=divide), attention)
