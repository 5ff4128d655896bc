"""The U-Nets of score-based models: NCSN++ and DDPM++ in all their published forms, and DDPM among them.

Reference: Y. Song, J. Sohl-Dickstein, D. P. Kingma, A. Kumar, S. Ermon, B. Poole, arXiv:2011.13456, appendix H; J. Ho,
A. Jain, P. Abbeel, arXiv:2006.11239, appendix B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.score_levels import LevelStyle, ScoreDownLevel, ScoreUpLevel, quarter_groups
from diorama.nn.activations import ActivationName, activation
from diorama.nn.norm import GroupNormAct
from diorama.nn.output import OutputConv2d
from diorama.nn.resample import Taps, checked_taps
from diorama.nn.residual import BlockStyle, Middle, initialize_residual_network
from diorama.nn.timestep import Fourier, Sinusoidal


@dataclass(frozen=True, kw_only=True)
class SigmaSeries:
    """A geometric series of standard deviations that a network looks its own up in, by the number that it is told.

    Args:
        first: the one of number 0, the largest in published networks.
        last: that of number ``count - 1``.
        count: of all.
    """

    first: float
    last: float
    count: int

    def __post_init__(self) -> None:
        if not (0 < self.first < math.inf and 0 < self.last < math.inf and self.count >= 2):
            raise ValueError(f"two positive ends and a count of at least 2 are needed, got {self}")

    def at(self, number: Tensor) -> Tensor:
        """The standard deviations of numbers, of their shape; a fraction counts as the whole number before it."""
        place = number.detach().double().trunc() / (self.count - 1)
        return (self.first * (self.last / self.first) ** place).to(number.dtype)


@dataclass(frozen=True, kw_only=True)
class ScoreUNetConfig(DenoiserConfig):
    """The network's shape. The default is the published NCSN++ for CIFAR-10, trained in continuous time: 62.8 M
    parameters.

    Args:
        size: side of the pictures that the network was made for; it takes others too.
        in_channels: of the noisy picture.
        out_channels: of the prediction.
        width: channels after the first convolution.
        growth: channels of each level, finest first, in multiples of ``width``; each level halves the resolution.
        depth: residual blocks of a level on the way down; there is one more on the way up.
        attention: for each level, attention after each block on the way down and after the last on the way up.
        resampling: by ``residual`` blocks, as BigGAN's, or by layers between the levels, with or without a convolution.
        taps: the filter of everything that changes the resolution; ``None`` for repeated pixels, means and strides.
        encoder: how the noisy picture is shown to coarser levels: not at all; halved, and added to the features or put
            before them; or as a network of convolutions of its own, whose sums with the features go on.
        decoder: whether the prediction comes from the finest level, or is the enlarged sum of all levels'.
        rescale: sums are divided by the root of 2, which keeps their variance.
        groups: of all normalisations; ``None`` for a quarter of the channels, at most 32.
        act: all activations.
        dropout: in residual blocks.
        time: waves of what the network is told, or random waves of its logarithm.
        fourier_scale: standard deviation of the random frequencies.
        conditional: the network is told the level at all.
        divide_by: the prediction is divided by nothing, by what the network is told, or by a standard deviation of that
            number in a series.
        centre_input: maps an input in [0, 1] to [-1, 1] first.
    """

    size: int = 32
    in_channels: int = 3
    out_channels: int = 3
    width: int = 128
    growth: tuple[int, ...] = (1, 2, 2, 2)
    depth: int = 4
    attention: tuple[bool, ...] = (False, True, False, False)
    resampling: Literal["residual", "conv", "plain"] = "residual"
    taps: Taps | None = (1.0, 3.0, 3.0, 1.0)
    encoder: Literal["standard", "skip", "skip_beside", "residual"] = "residual"
    decoder: Literal["standard", "skip"] = "standard"
    rescale: bool = True
    groups: int | None = None
    act: ActivationName = "silu"
    dropout: float = 0.1
    time: Literal["sinusoidal", "fourier"] = "fourier"
    fourier_scale: float = 16.0
    conditional: bool = True
    divide_by: Literal["nothing", "told"] | SigmaSeries = "told"
    centre_input: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.growth) == len(self.attention):
            raise ValueError(f"growth, attention: got {len(self.growth)} and {len(self.attention)} entries")
        least = {"size": 1, "in_channels": 1, "out_channels": 1, "width": 4, "growth": 1, "depth": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if (min(value) if isinstance(value, tuple) else value) < smallest:
                raise ValueError(f"{name}: must be at least {smallest}, got {value}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: must be in [0, 1), got {self.dropout}")
        if self.size % self.multiple:
            raise ValueError(f"size: {self.size} pixels cannot be halved {len(self.growth) - 1} times")
        if self.taps is not None and checked_taps(self.taps) != self.taps[::-1]:
            raise ValueError(f"taps: must read the same from both ends, got {list(self.taps)}")
        if self.taps is not None and self.resampling == "conv" and len(self.growth) > 1:
            raise ValueError("resampling: convolutions between levels have no filter here; leave taps out")
        self._check_groups()

    def _check_groups(self) -> None:
        norms = {self.width, *self.widths}
        for level in range(len(self.growth)):
            norms |= {self.entering(level), *self.joined(level)}
        for channels in sorted(norms):
            groups = self.groups_of(channels)
            if groups < 1 or channels % groups:
                raise ValueError(f"width, growth: {channels} channels cannot be normalised in {groups} equal groups")

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of this."""
        return 2 ** (len(self.growth) - 1)

    @property
    def needs_positive_time(self) -> bool:
        """Random waves are of the logarithm."""
        return self.time == "fourier"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * times for times in self.growth)

    def entering(self, level: int) -> int:
        """Channels with which the way down comes to a level, with the picture's where they are put before them."""
        if level == 0:
            return self.width
        return self.widths[level - 1] * (2 if self.encoder == "skip_beside" else 1)

    def joined(self, level: int) -> list[int]:
        """Channels that go into each block of a level on the way up, with those that the way down hands over."""
        width, below = self.widths[level], self.widths[min(level + 1, len(self.widths) - 1)]
        befores, skips = [below] + [width] * self.depth, [width] * self.depth + [self.entering(level)]
        return [before + skip for before, skip in zip(befores, skips, strict=True)]

    def groups_of(self, channels: int) -> int:
        """Groups of a normalisation of so many channels."""
        return quarter_groups(channels) if self.groups is None else self.groups

    @property
    def style(self) -> LevelStyle:
        """What the levels share."""
        block = BlockStyle(
            embedding=4 * self.width,
            dropout=self.dropout,
            act=self.act,
            divide=math.sqrt(2) if self.rescale else 1.0,
            taps=self.taps or (1.0, 1.0),
        )
        return LevelStyle(
            block=block,
            groups_of=self.groups_of,
            resampling=self.resampling,
            taps=self.taps,
            channels=(self.in_channels, self.out_channels),
            encoder=self.encoder,
            decoder=self.decoder,
        )

    def build(self) -> ScoreUNet:
        """The network, freshly initialised."""
        return ScoreUNet(self)


class ScoreUNet(nn.Module):
    """Predicts the noise in a noisy picture, or its score, given its noise level."""

    def __init__(self, config: ScoreUNetConfig) -> None:
        super().__init__()
        self.config = config
        style, widths, levels = config.style, config.widths, range(len(config.widths))
        fourier = config.time == "fourier"
        waves = 2 * config.width if fourier else config.width
        self.features = Fourier(config.width, scale=config.fourier_scale) if fourier else Sinusoidal(waves)
        self.inner = nn.Linear(waves, 4 * config.width) if config.conditional else None
        self.outer = nn.Linear(4 * config.width, 4 * config.width) if config.conditional else None
        self.conv_in = nn.Conv2d(config.in_channels, config.width, 3, padding=1)
        self.down = nn.ModuleList(
            [
                ScoreDownLevel(
                    style,
                    before=widths[level - 1] if level else None,
                    seen=self._seen(level),
                    channels=[config.entering(level), *[widths[level]] * config.depth],
                    attends=config.attention[level],
                )
                for level in levels
            ]
        )
        coarsest = widths[-1]
        middle = replace(style.block, groups=config.groups_of(coarsest))
        self.middle = Middle(coarsest, middle, style.attention(coarsest))
        self.up = nn.ModuleList(
            [
                ScoreUpLevel(
                    style,
                    below=None if level == levels[-1] else widths[level + 1],
                    joined=config.joined(level),
                    width=widths[level],
                    attends=config.attention[level],
                    finest=level == 0,
                )
                for level in reversed(levels)
            ]
        )
        self.norm_out = GroupNormAct(config.groups_of(widths[0]), widths[0], eps=style.block.eps, act=config.act)
        self.conv_out = OutputConv2d(widths[0], config.out_channels, 3, padding=1)
        initialize_residual_network(self, self.conv_out)
        for level in self.up:
            level.silence()

    def _seen(self, level: int) -> int:
        """Channels of the picture, or of the sums that stand for it, that a level is shown."""
        config = self.config
        return config.widths[level - 2] if config.encoder == "residual" and level > 1 else config.in_channels

    def forward(self, x: Tensor, t: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """Predict.

        Args:
            x: (b, in_channels, h, w); h and w are multiples of ``config.multiple``.
            t: (b,) what the preconditioning tells of the levels, or one for all.
            condition: nothing is read of it.

        Returns:
            (b, out_channels, h, w).
        """
        t = t.expand(x.shape[0])
        x = 2 * x - 1 if self.config.centre_input else x
        embedding = self._embedded(t)
        skips, picture = [self.conv_in(x)], x
        for down in self.down:
            outputs, picture = down(skips[-1], embedding, picture)
            skips += outputs
        h = self.middle(skips[-1], embedding)
        grown: Tensor | None = None
        for up in self.up:
            h, grown = up(h, embedding, skips, grown)
        h = self.conv_out(self.norm_out(h))
        h = h if grown is None else h + grown
        divide = self.config.divide_by
        if divide == "nothing":
            return h
        scale = t if isinstance(divide, str) else divide.at(t)
        return h / scale[:, None, None, None].to(h.dtype)

    def _embedded(self, t: Tensor) -> Tensor:
        """(b,) -> (b, 4 width), activated; zeros of a network that is told nothing."""
        if self.inner is None or self.outer is None:
            return torch.zeros(len(t), 4 * self.config.width, device=t.device)
        act = activation(self.config.act)
        return act(self.outer(act(self.inner(self.features(t)))))
