"""Augmentations that are always made, and through which the generator learns: colour, translation, cutout.

Reference: S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, "Differentiable augmentation for data-efficient GAN training",
arXiv:2006.10738, section 3.2: both players see augmented pictures, in every turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from diorama.methods.adversarial.augmentation import Augmentation, AugmentationConfig


@dataclass(frozen=True, kw_only=True)
class DiffAugmentConfig(AugmentationConfig):
    """Which of the three are made. The default is the paper's strongest policy.

    Args:
        colour: change brightness, saturation and contrast.
        translation: the furthest move to each side, as a share of the picture's side; what comes in is 0; 0 for none.
        cutout: side of a square of zeros, as a share of the picture's side; it may lie partly outside; 0 for none.
    """

    colour: bool = True
    translation: float = 0.125
    cutout: float = 0.5

    def __post_init__(self) -> None:
        for name in ("translation", "cutout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")

    def build(self) -> DiffAugment:
        """The augmentation, which has no state."""
        return DiffAugment(self)


class DiffAugment(Augmentation):
    """See :class:`DiffAugmentConfig`."""

    def __init__(self, config: DiffAugmentConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Each picture altered by draws of its own."""
        if self.config.colour:
            pictures = recoloured(pictures)
        if self.config.translation:
            pictures = translated(pictures, self.config.translation)
        return cut_out(pictures, self.config.cutout) if self.config.cutout else pictures


def recoloured(pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Brightness moved by up to 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5."""
    b, device = len(pictures), pictures.device
    brightness, saturation, contrast = torch.rand(3, b, 1, 1, 1, device=device).to(pictures.dtype)
    x = pictures + (brightness - 0.5)
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * (2 * saturation)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (x - middle) * (contrast + 0.5)


def translated(pictures: Float[Tensor, "b c h w"], share: float) -> Float[Tensor, "b c h w"]:
    """Moved by whole pixels, down and to the right or the other way, with zeros where nothing comes in."""
    # Everything beyond the edges is read from one rim of zeros.
    x = pad(pictures, (1, 1, 1, 1))
    for axis in (2, 3):
        x = x.gather(axis, _sources(pictures, share, axis).expand_as(x.narrow(axis, 0, pictures.shape[axis])))
    return x


def _sources(pictures: Tensor, share: float, axis: int) -> Tensor:
    """Where the pixels of one axis come from, among those of a picture with a rim: (b, 1, n, 1) or (b, 1, 1, n)."""
    side, device = pictures.shape[axis], pictures.device
    most = int(side * share + 0.5)
    by = torch.randint(-most, most + 1, (len(pictures), 1), device=device)
    places = (torch.arange(1, side + 1, device=device) - by).clamp(0, side + 1)  # (b, n)
    return places[:, None, :, None] if axis == 2 else places[:, None, None, :]


def cut_out(pictures: Float[Tensor, "b c h w"], share: float) -> Float[Tensor, "b c h w"]:
    """A rectangle of zeros around a random place; what of it lies outside is lost."""
    rows, columns = (_covered(pictures, share, axis) for axis in (2, 3))
    inside = rows[:, None, :, None] & columns[:, None, None, :]  # (b, 1, h, w)
    return pictures * (~inside).to(pictures.dtype)


def _covered(pictures: Tensor, share: float, axis: int) -> Tensor:
    """Which pixels (b, n) of one axis a span around a random place covers."""
    side, device = pictures.shape[axis], pictures.device
    span = int(side * share + 0.5)
    # An even span has its middle between two pixels, of which there is one more than there are pixels.
    middle = torch.randint(0, side + 1 - span % 2, (len(pictures), 1), device=device)
    first = middle - span // 2
    places = torch.arange(side, device=device)
    return (places >= first) & (places < first + span)
