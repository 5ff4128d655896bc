"""Networks that draw what masks mark in pictures, in one pass.

Reference: Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution", arXiv 1806.03589.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.adversarial.freeform import composed, with_holes
from diorama.networks.catalog import InpaintingNetwork
from diorama.nn.free_form import DRAWS, free_form_masks
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class InpaintingSynthesizerConfig(SynthesizerConfig):
    """A trained network that fills holes.

    Args:
        media: the pictures, whose holes are filled.
        inpainter: the network.
    """

    media: MediaSpec
    inpainter: InpaintingNetwork

    def __post_init__(self) -> None:
        check_inpainting(self.media, self.inpainter)

    @property
    def conditions(self) -> tuple[ConditionSpec, ...]:  # type: ignore[override]
        """The picture, and the mask, which may be left out: then, as where it is 0 all over, a sample has a free-form
        mask of its own."""
        media = self.media
        mask = ConditionSpec(key="mask", shape=(1, media.height, media.width), null=0.0, bounds=(0.0, 1.0))
        return (ConditionSpec(key="image", shape=media.shape), mask)

    def build(self) -> InpaintingSynthesizer:
        """A synthesizer with a freshly initialised network."""
        return InpaintingSynthesizer(self)


def check_inpainting(media: MediaSpec, network: InpaintingNetwork) -> None:
    """Refuse pictures that a network does not fill.

    Raises:
        ValueError: the message names the field.
    """
    if media.kind != "image" or media.channels != network.outputs:
        raise ValueError(f"media: the network fills pictures of {network.outputs} channels, got {media.in_words()}")
    if media.height % network.multiple or media.width % network.multiple:
        raise ValueError(
            f"media: the network takes sides that are multiples of {network.multiple}, and these pictures are "
            f"{media.width} x {media.height}"
        )


class InpaintingSynthesizer(Synthesizer):
    """``inpainter`` draws what a mask marks in a picture."""

    kind = "network that fills holes in pictures"

    def __init__(self, config: InpaintingSynthesizerConfig) -> None:
        super().__init__()
        self.config: InpaintingSynthesizerConfig = config
        self.inpainter = config.inpainter.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """What a mask is made of; the network draws no noise."""
        return (DRAWS,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the filled pictures."""
        picture, asked = condition["image"], condition["mask"]
        size = self.config.media.height, self.config.media.width
        own = free_form_masks(torch.special.ndtr(noise.float()), size)
        left_out = asked.flatten(1).amax(1).view(-1, 1, 1, 1) == 0
        yield Stage(x=self.fill(picture, torch.where(left_out, own, asked)))

    @torch.no_grad()
    def fill(self, picture: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c h w"]:
        """Pictures whose values under a mask are drawn anew.

        Args:
            picture: in [-1, 1], of sides that are multiples of the network's.
            mask: above 0.5 where something is to be drawn; what the picture has there is not seen.

        Returns:
            In [-1, 1]; outside the mask the given values.
        """
        holes = (mask > 0.5).to(picture)
        drawn = self.inpainter(with_holes(picture, holes), {})
        return composed(picture, drawn, holes)
