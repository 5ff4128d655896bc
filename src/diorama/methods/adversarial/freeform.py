"""Inpainting by a generator and a discriminator that knows where the holes are.

Reference: Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", ICCV 2019, arXiv
1806.03589, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.adversarial import hinge_discriminator, negative_mean_generator
from diorama.losses.reconstruction import absolute_error
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.adversarial.freeform import SNPatchDiscriminatorConfig, composed, with_holes
from diorama.networks.catalog import InpaintingNetwork
from diorama.nn.free_form import DRAWS, free_form_masks
from diorama.synthesis.inpainting import InpaintingSynthesizerConfig, check_inpainting


@dataclass(frozen=True, kw_only=True)
class FreeFormConfig(MethodConfig):
    """A generator that fills holes in pictures, which lie under masks that are drawn anew in every turn.

    Args:
        media: the pictures.
        generator: fills them.
        discriminator: of filled or whole pictures with their masks behind them in the channels.
        adversarial: weight of the hinge loss in the generator's turn.
        l1: weight of the mean absolute difference of each stage's whole picture from the real one.
    """

    media: MediaSpec
    generator: InpaintingNetwork
    discriminator: SNPatchDiscriminatorConfig
    adversarial: float = 1.0
    l1: float = 1.0

    def __post_init__(self) -> None:
        check_inpainting(self.media, self.generator)
        for name in ("adversarial", "l1"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        judged = self.media.channels + 1
        if self.discriminator.channels != judged:
            raise ValueError(
                f"discriminator: pictures with their masks have {judged} channels, got {self.discriminator.channels}"
            )

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> FreeForm:
        """The method with freshly initialised networks."""
        return FreeForm(self, frozen)


class FreeForm(Method):
    """See :class:`FreeFormConfig`."""

    def __init__(self, config: FreeFormConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.generator = config.generator.build()
        self.discriminator = config.discriminator.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator`` and ``generator``."""
        return {
            "discriminator": list(self.discriminator.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        """The discriminator, then the generator."""
        return [
            Phase("discriminator", "discriminator", self.discriminator_loss, recorded=True),
            Phase("generator", "generator", self.generator_loss, recorded=True),
        ]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures alone."""
        return ("image",)

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator."""
        return {"inpainter": self.generator}

    def synthesizer(self) -> InpaintingSynthesizerConfig:
        """The generator alone."""
        return InpaintingSynthesizerConfig(media=self.config.media, inpainter=self.config.generator)

    def masks(self, like: Tensor) -> Tensor:
        """A free-form mask (b, 1, h, w) for each picture."""
        draws = torch.rand(len(like), DRAWS, device=like.device)
        return free_form_masks(draws, (like.shape[2], like.shape[3]))

    def judge(self, pictures: Tensor, mask: Tensor) -> Tensor:
        """What the discriminator says of whole pictures, and of where they had holes."""
        logits: Tensor = self.discriminator(torch.cat([pictures, mask], dim=1))
        return logits

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real from filled pictures, by hinge; logs the share of logits of each that are right."""
        real = batch["image"]
        mask = self.masks(real)
        with torch.no_grad():
            _, fine = self.generator.stages(with_holes(real, mask))
        both = torch.cat([real, composed(real, fine, mask)])
        true, fake = self.judge(both, torch.cat([mask, mask])).chunk(2)
        rights = {"real_right": (true > 0).float().mean(), "fake_right": (fake < 0).float().mean()}
        return Loss(hinge_discriminator(true, fake), rights)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real where there were holes, and in both stages be like the real picture; logs what each comes to."""
        config, real = self.config, batch["image"]
        mask = self.masks(real)
        coarse, fine = self.generator.stages(with_holes(real, mask))
        scalars = {
            "adversarial": negative_mean_generator(self.judge(composed(real, fine, mask), mask)),
            "l1_coarse": absolute_error(coarse, real),
            "l1_fine": absolute_error(fine, real),
        }
        value = config.l1 * (scalars["l1_coarse"] + scalars["l1_fine"]) + config.adversarial * scalars["adversarial"]
        return Loss(value, {name: scalar.detach() for name, scalar in scalars.items()})
