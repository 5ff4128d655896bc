"""Pictures that are altered in training, and numbers that tell the network how, so that it never draws altered ones.

Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, appendix F.2 and table 8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from diorama.networks.denoisers.augmented import told_of_augmentation
from diorama.nn.homogeneous import moving, scaling, turning
from diorama.nn.warp import warped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig

NUMBERS = 9
"""That tell how a picture was altered: mirrored left to right or not, and top to bottom; the logarithm of its size; the
cosine, less one, and the sine of its turn; its stretch times the cosine and the sine of its direction; and how far it
was moved to the right and down. All are 0 of a picture as it is."""
_OCTAVES, _MOVE = 0.2, 0.125
"""Standard deviations: of sizes and stretches, as binary logarithms; and of moves, as shares of the picture's sides."""


def check_augmentable(model: DiffusionSynthesizerConfig) -> None:
    """Refuse models whose training pictures cannot be altered.

    Raises:
        ValueError: the model draws latents or clips, is given a picture, or its network cannot be told.
    """
    if model.codec is not None:
        raise ValueError("augment: pictures are altered, and this model draws latents of them; let it be 0")
    if model.media.kind != "image":
        raise ValueError("augment: pictures are altered, and this model draws clips; let it be 0")
    if any(spec.key in ("image", "mask", "pose") for spec in model.conditions):
        raise ValueError("augment: what this model is given would have to be altered alike; let it be 0")
    told_of_augmentation(model.denoiser, NUMBERS)


class Alteration(NamedTuple):
    """How pictures are altered, each (b,) float32; all are 0 of a picture as it is.

    Attributes:
        mirrored: 1 for left to right.
        flipped: 1 for top to bottom.
        size: of which 1 enlarges by 0.2 octaves.
        turn: angle, from the right to the bottom.
        stretch: of which 1 stretches by 0.2 octaves, and squeezes across by as much.
        direction: angle of the stretch.
        right: of which 1 moves by an eighth of the width.
        down: likewise, of the height.
    """

    mirrored: Tensor
    flipped: Tensor
    size: Tensor
    turn: Tensor
    stretch: Tensor
    direction: Tensor
    right: Tensor
    down: Tensor

    def numbers(self) -> Tensor:
        """(b, :data:`NUMBERS`), what the network is told."""
        told = (
            self.mirrored,
            self.flipped,
            self.size,
            self.turn.cos() - 1,
            self.turn.sin(),
            self.stretch * self.direction.cos(),
            self.stretch * self.direction.sin(),
            self.right,
            self.down,
        )
        return torch.stack(told, dim=1)

    def inverse(self, height: int, width: int) -> Tensor:
        """(b, 3, 3): where what is seen lies in the picture, in pixels from its middle, but for mirroring."""
        shrink, squeeze = torch.exp2(-_OCTAVES * self.size), torch.exp2(-_OCTAVES * self.stretch)
        # The alterations that are made first are the last to be undone.
        undone = (
            scaling(shrink, shrink)
            @ turning(self.turn)
            @ turning(-self.direction)
            @ scaling(squeeze, 1 / squeeze)
            @ turning(self.direction)
            @ moving(-_MOVE * width * self.right, -_MOVE * height * self.down)
        )
        untouched = (self.size == 0) & (self.turn == 0) & (self.stretch == 0) & (self.right == 0) & (self.down == 0)
        # Turning there and back for a stretch by nothing leaves rounding.
        identity = torch.eye(3, device=undone.device).expand_as(undone)
        return torch.where(untouched.view(-1, 1, 1), identity, undone)


def altered(images: Tensor, how: Alteration) -> Tensor:
    """Pictures (b, c, h, w) float32 altered like that, of the same shape."""
    images = torch.where(how.mirrored.view(-1, 1, 1, 1) == 1, images.flip(3), images)
    images = torch.where(how.flipped.view(-1, 1, 1, 1) == 1, images.flip(2), images)
    # In half precision products of maps would move pictures by whole pixels.
    with torch.autocast(images.device.type, enabled=False):
        inverse = how.inverse(*images.shape[2:])
    return warped(images, inverse)


def drawn_alteration(count: int, probability: float, device: torch.device) -> Alteration:
    """Random alterations, from PyTorch's generator.

    Half of all pictures are mirrored left to right. Each of the others is made with the given probability: mirroring
    top to bottom (of half of those), a change of size, a turn by any angle, a stretch and a move. Half of the stretches
    are in a random direction, the others to the right.

    Args:
        count: b.
        probability: in [0, 1].
        device: of the result.
    """

    def chosen(share: float) -> Tensor:
        return (torch.rand(count, device=device) < share).float()

    def normal() -> Tensor:
        return torch.randn(count, device=device)

    def angle() -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * math.pi

    moved = chosen(probability)
    return Alteration(
        mirrored=chosen(0.5),
        flipped=chosen(0.5) * chosen(probability),
        size=normal() * chosen(probability),
        turn=angle() * chosen(probability),
        stretch=normal() * chosen(probability),
        direction=angle() * chosen(0.5),
        right=normal() * moved,
        down=normal() * moved,
    )
