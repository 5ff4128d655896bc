"""When a network of several scales grows: a function of the images that training has seen.

Reference: Karras, Aila, Laine, Lehtinen 2018, arXiv 1710.10196, section 3 and appendix A.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig
from diorama.networks.adversarial.progressive import (
    COARSEST,
    ProgressiveDiscriminatorConfig,
    ProgressiveGeneratorConfig,
)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The same two spans for every scale: it is trained as it is, then the next one fades in.

    Args:
        first: the scale that training begins with, counted from 0, which is 4 x 4 pixels.
        steady: images that are seen at a scale before the next one fades in.
        fading: images that are seen while it does.
    """

    first: int = 0
    steady: int = 600_000
    fading: int = 600_000

    def __post_init__(self) -> None:
        if self.first < 0 or self.steady < 0 or self.fading < 0 or self.steady + self.fading < 1:
            raise ValueError(f"first, steady and fading must be at least 0, and the spans not both 0, got {self}")

    def grown(self, images: int, scales: int) -> float:
        """The scale that has been reached, of :func:`diorama.networks.adversarial.progressive.shares`.

        Args:
            images: seen so far.
            scales: how many there are; the last stays.

        Returns:
            ``first`` at the beginning, ``scales - 1`` in the end, and between two whole numbers inside a fade.
        """
        whole, inside = divmod(images, self.steady + self.fading)
        faded = (inside - self.steady) / self.fading if inside > self.steady else 0.0
        return float(min(self.first + whole + faded, scales - 1))

    def turns(self, before: int, after: int, scales: int) -> bool:
        """Whether a scale begins to fade in, or has done so, between two numbers of images."""
        one, other = (self.grown(images, scales) for images in (before, after))
        return math.floor(one) != math.floor(other) or math.ceil(one) != math.ceil(other)

    def end(self, scales: int) -> int:
        """Images after which all scales have faded in."""
        return max(0, scales - 1 - self.first) * (self.steady + self.fading)

    def unreached(self, images: int, scales: int) -> str:
        """That a run of so many images ends before all scales have faded in, for people; empty where it does not."""
        if images >= self.end(scales):
            return ""
        side = COARSEST << math.ceil(self.grown(images, scales))
        return (
            f"ends before all scales have faded in, which takes {self.end(scales):,} images: its pictures will be no "
            f"sharper than {side} x {side}; shorten --method.growth.steady and --method.growth.fading"
        )


def check_growth(growth: Growth | None, generator: GeneratorConfig, discriminator: DiscriminatorConfig) -> None:
    """See that networks that grow are told when, and that no others are.

    Raises:
        ValueError: the message names the field.
    """
    kinds = ProgressiveGeneratorConfig, ProgressiveDiscriminatorConfig
    grow = [isinstance(network, kinds) and network.grows for network in (generator, discriminator)]
    if grow != [growth is not None] * 2:
        raise ValueError(
            "growth: must be set where generator and discriminator are progressive networks that grow, and only there"
        )
