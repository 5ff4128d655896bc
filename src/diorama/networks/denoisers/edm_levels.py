"""One resolution of the U-Nets of EDM, on the way down and on the way up.

Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, appendix F.2 and table 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from diorama.networks.denoisers.edm_pictures import PictureOut
from diorama.nn.resample import fir_double
from diorama.nn.residual import Resample
from diorama.nn.unet_block import UNetBlock, UNetBlockConfig

if TYPE_CHECKING:
    from diorama.networks.denoisers.edm import EDMUNetConfig


class DownLevel(nn.Module):
    """One resolution on the way down."""

    def __init__(self, config: EDMUNetConfig, level: int) -> None:
        super().__init__()
        entering, width = config.entering(level), config.widths[level]
        self.enter = _resampling(config, entering, "fir_down") if level else None
        self.picture = config.build_picture_in(level) if level else None
        self.blocks = nn.ModuleList(
            [_block(config, entering if i == 0 else width, width, config.attention[level]) for i in range(config.depth)]
        )

    def forward(self, x: Tensor, embedding: Tensor, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features and picture of the level above -> outputs, in order, and the picture at this resolution."""
        outputs = []
        if self.enter is not None:
            x = self.enter(x, embedding)
            if self.picture is not None:
                x, picture = self.picture(x, picture)
            outputs.append(x)
        for block in self.blocks:
            x = block(x, embedding)
            outputs.append(x)
        return outputs, picture


class UpLevel(nn.Module):
    """One resolution on the way up."""

    def __init__(self, config: EDMUNetConfig, level: int) -> None:
        super().__init__()
        coarsest, width = level == len(config.widths) - 1, config.widths[level]
        self.enter = None if coarsest else _resampling(config, config.widths[level + 1], "fir_up")
        self.blocks = nn.ModuleList(
            [_block(config, c, width, config.attends_up(level, i)) for i, c in enumerate(config.joined(level))]
        )
        self.taps = config.style.taps
        self.out = PictureOut(width, config.out_channels, config.style.eps) if config.growing and level else None

    def forward(
        self, x: Tensor, embedding: Tensor, skips: list[Tensor], grown: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Features and prediction of the level below, outputs of the way down -> both at this resolution."""
        if self.enter is not None:
            x = self.enter(x, embedding)
            grown = None if grown is None else fir_double(grown, self.taps)
        for block in self.blocks:
            x = block(x, embedding, skips.pop())
        if self.out is not None:
            grown = self.out(x) if grown is None else self.out(x) + grown
        return x, grown


def _block(config: EDMUNetConfig, before: int, after: int, attends: bool) -> UNetBlock:
    heads = config.heads(after) if attends else 0
    return UNetBlockConfig(in_channels=before, out_channels=after, style=config.style, heads=heads).build()


def _resampling(config: EDMUNetConfig, channels: int, resample: Resample) -> UNetBlock:
    return UNetBlockConfig(
        in_channels=channels, out_channels=channels, style=config.style, resample=resample, project=config.project
    ).build()
