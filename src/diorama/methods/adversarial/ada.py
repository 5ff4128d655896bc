"""How often pictures are augmented: as often as the discriminator overfits.

Reference: T. Karras, M. Aittala, J. Hellsten, S. Laine, J. Lehtinen, T. Aila, arXiv:2006.06676, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core import distributed
from diorama.core.contracts import Moment
from diorama.methods.adversarial.augment import GEOMETRY_AND_COLOUR, AugmentConfig, augmented
from diorama.methods.adversarial.augment_draws import RandomDraws
from diorama.methods.adversarial.augmentation import Augmentation, AugmentationConfig


@dataclass(frozen=True, kw_only=True)
class AdaptiveAugmentationConfig(AugmentationConfig):
    """Augmentation with a probability that follows the discriminator.

    Args:
        augment: what is done.
        target: of the mean sign of the logits of real pictures, above which pictures are augmented more often.
        images: real pictures after which the probability may have gone from 0 to 1.
        interval: steps between adjustments.
        start: the probability that training begins with.
    """

    augment: AugmentConfig = GEOMETRY_AND_COLOUR
    target: float = 0.6
    images: int = 500_000
    interval: int = 4
    start: float = 0.0

    def __post_init__(self) -> None:
        if not -1 < self.target < 1:
            raise ValueError(f"target must be between -1 and 1, got {self.target}")
        if not 0 <= self.start <= 1:
            raise ValueError(f"start must be in [0, 1], got {self.start}")
        if min(self.images, self.interval) < 1:
            raise ValueError(f"images and interval must be at least 1, got {self.images} and {self.interval}")

    def build(self) -> AdaptiveAugmentation:
        """The state, as training begins."""
        return AdaptiveAugmentation(self)


class AdaptiveAugmentation(Augmentation):
    """The probability, and the signs seen since it was last adjusted: buffers, so that they are saved."""

    def __init__(self, config: AdaptiveAugmentationConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("probability", torch.tensor(config.start))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.probability: Tensor
        self.signs: Tensor
        self.seen: Tensor

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (b, c, h, w) as the discriminator is to see them."""
        return augmented(pictures, self.config.augment, self.probability, RandomDraws.on(pictures.device))

    @torch.no_grad()
    def observe(self, logits: Tensor) -> Mapping[str, Tensor]:
        """Take note of the logits of real pictures, which are positive where these are judged real.

        Returns:
            ``augment_p``, the probability, and ``real_sign``, the mean sign, which the paper calls r_t.
        """
        signs = logits.sign().float()
        self.signs += signs.sum()
        self.seen += logits.numel()
        return {"augment_p": self.probability, "real_sign": signs.mean()}

    @torch.no_grad()
    def after_step(self, moment: Moment) -> None:
        """Adjust the probability when its turn has come.

        It moves by the share that the pictures since its last turn are of :attr:`AdaptiveAugmentationConfig.images`,
        whatever the distance from the target, and is at least 0. The mean sign is over all real logits since then, of
        the discriminator's own turns and of its penalty's, in all processes.
        """
        if moment.step % self.config.interval:
            return
        signs, seen = distributed.total(torch.stack([self.signs, self.seen])).unbind()
        by = self.config.interval * (moment.images / moment.step) / self.config.images
        above = (signs / seen.clamp(min=1) - self.config.target).sign()
        self.probability.copy_((self.probability + by * above).clamp(min=0))
        self.signs.zero_()
        self.seen.zero_()
