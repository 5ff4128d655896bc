"""The resolutions of score-based U-Nets: residual blocks, attention, what leads to the next, and the picture beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from diorama.networks.denoisers.edm_pictures import PictureResidual, PictureSkip
from diorama.nn.attention import SpatialAttention
from diorama.nn.norm import GroupNormAct
from diorama.nn.resample import ConvDown, ConvUp, Taps, fir_double, fir_halve
from diorama.nn.residual import BlockStyle, Resample, ResidualBlock


def quarter_groups(channels: int) -> int:
    """Groups of at least 4 channels, at most 32 of them."""
    return min(channels // 4, 32)


@dataclass(frozen=True, kw_only=True)
class LevelStyle:
    """What the levels of a network share.

    Args:
        block: of the residual blocks.
        groups_of: groups of a normalisation by its channels.
        resampling: see :class:`~diorama.networks.denoisers.score_unet.ScoreUNetConfig`, as are the others.
        taps: of filters; ``None`` for none.
        channels: of the noisy picture and of the prediction.
        encoder: how the noisy picture is shown.
        decoder: what the prediction is made of.
    """

    block: BlockStyle
    groups_of: Callable[[int], int]
    resampling: Literal["residual", "conv", "plain"]
    taps: Taps | None
    channels: tuple[int, int]
    encoder: Literal["standard", "skip", "skip_beside", "residual"]
    decoder: Literal["standard", "skip"]

    def residual(self, before: int, after: int, resample: Resample = "keep") -> ResidualBlock:
        """A residual block of so many channels."""
        groups = self.groups_of(before), self.groups_of(after)
        return ResidualBlock(before, after, self.block, resample=resample, groups=groups, project=resample != "keep")

    def attention(self, channels: int) -> SpatialAttention:
        """Attention of one head."""
        groups = self.groups_of(channels)
        return SpatialAttention(channels, channels, groups=groups, eps=self.block.eps, divide=self.block.divide)

    def resample(self, channels: int, direction: Literal["up", "down"]) -> nn.Module:
        """What leads from one resolution to the next: (b, c, h, w) and the embedding -> (b, c, h', w')."""
        if self.resampling == "residual":
            return self.residual(channels, channels, "fir_down" if direction == "down" else "fir_up")
        return ResampleLayer(channels, direction, self.block.taps, conv=self.resampling == "conv")

    def picture_in(self, seen: int, width: int) -> PictureSkip | PictureResidual | None:
        """How the noisy picture is shown to a level."""
        if self.encoder == "standard":
            return None
        if self.encoder == "residual":
            return PictureResidual(seen, width, self.taps, divide=self.block.divide)
        return PictureSkip(seen, width, self.block.taps, beside=self.encoder == "skip_beside")


class ResampleLayer(nn.Module):
    """Half or twice the resolution without a residual block.

    Args:
        channels: c.
        direction: towards coarser or finer levels.
        taps: of the filter, where there is no convolution.
        conv: a 3x3 convolution, of stride two on the way down.
    """

    def __init__(self, channels: int, direction: Literal["up", "down"], taps: Taps, *, conv: bool) -> None:
        super().__init__()
        self.filter, self.taps = fir_halve if direction == "down" else fir_double, taps
        layer = ConvDown(channels, padding=0) if direction == "down" else ConvUp(channels)
        self.layer = layer if conv else None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(b, c, h, w); the embedding is not read."""
        return self.filter(x, self.taps) if self.layer is None else self.layer(x)


class ScoreDownLevel(nn.Module):
    """One resolution on the way down.

    Args:
        style: of the network.
        before: channels of the level above; ``None`` for the finest.
        seen: channels of the picture that it is shown.
        channels: that enter, and that each block gives.
        attends: attention after each block.
    """

    def __init__(
        self, style: LevelStyle, *, before: int | None, seen: int, channels: Sequence[int], attends: bool
    ) -> None:
        super().__init__()
        self.enter = None if before is None else style.resample(before, "down")
        self.picture = None if before is None else style.picture_in(seen, before)
        self.blocks = nn.ModuleList([style.residual(*pair) for pair in zip(channels, channels[1:], strict=False)])
        self.attention = nn.ModuleList([style.attention(width) for width in channels[1:] if attends])

    def forward(self, x: Tensor, embedding: Tensor, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features and picture of the level above -> outputs, in order, and the picture at this resolution."""
        outputs = []
        if self.enter is not None:
            x = self.enter(x, embedding)
            if self.picture is not None:
                x, picture = self.picture(x, picture)
            outputs.append(x)
        for i, block in enumerate(self.blocks):
            x = block(x, embedding)
            x = self.attention[i](x) if self.attention else x
            outputs.append(x)
        return outputs, picture


class ScoreUpLevel(nn.Module):
    """One resolution on the way up.

    Args:
        style: of the network.
        below: channels of the level below; ``None`` for the coarsest.
        joined: channels that go into each block.
        width: channels of each block's output.
        attends: attention after the last block.
        finest: the network's own end predicts for this level.
    """

    def __init__(
        self, style: LevelStyle, *, below: int | None, joined: Sequence[int], width: int, attends: bool, finest: bool
    ) -> None:
        super().__init__()
        self.taps = style.block.taps
        self.enter = None if below is None else style.resample(below, "up")
        self.blocks = nn.ModuleList([style.residual(channels, width) for channels in joined])
        self.attention = style.attention(width) if attends else None
        predicts = style.decoder == "skip" and not finest
        eps, act = style.block.eps, style.block.act
        self.norm = GroupNormAct(style.groups_of(width), width, eps=eps, act=act) if predicts else None
        self.conv = nn.Conv2d(width, style.channels[1], 3, padding=1) if predicts else None

    def forward(
        self, x: Tensor, embedding: Tensor, skips: list[Tensor], grown: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Features and prediction of the level below, outputs of the way down -> both at this resolution."""
        if self.enter is not None:
            x = self.enter(x, embedding)
            grown = None if grown is None else fir_double(grown, self.taps)
        for block in self.blocks:
            x = block(x, embedding, skips.pop())
        x = x if self.attention is None else self.attention(x)
        if self.norm is not None and self.conv is not None:
            seen = self.conv(self.norm(x))
            grown = seen if grown is None else grown + seen
        return x, grown

    def silence(self) -> None:
        """Zero the weights of what a new level adds to the prediction."""
        if self.conv is not None:
            nn.init.zeros_(self.conv.weight)
