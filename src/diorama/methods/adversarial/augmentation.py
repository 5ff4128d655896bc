"""What alters the pictures that a discriminator sees, real and generated ones alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from diorama.core.contracts import Moment


class Augmentation(nn.Module, ABC):
    """Pictures (b, c, h, w) in [-1, 1] -> the same shape, differentiable any number of times.

    It is called in recorded turns, so that it neither waits for the device nor branches on what lies there.
    """

    @abstractmethod
    def forward(self, pictures: Tensor) -> Tensor: ...

    def observe(self, logits: Tensor) -> Mapping[str, Tensor]:
        """Take note of the logits of real pictures, positive where they are judged real; what is returned is logged."""
        return {}

    def after_step(self, moment: Moment) -> None:
        """State that follows a step: in buffers, so that it is saved."""


class AugmentationConfig(ABC):
    """A frozen dataclass that describes an augmentation and builds it."""

    @abstractmethod
    def build(self) -> Augmentation:
        """The augmentation as training begins."""
