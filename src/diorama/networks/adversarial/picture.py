"""What every network from picture to picture says of itself, so that methods and synthesizers can tell what fits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

UNIT_SPAN = (0.0, 1.0)
"""Black and white of networks that were published with pictures in [0, 1]."""


class PictureNetworkConfig(ABC):
    """A frozen dataclass that describes a network ``(picture, condition) -> picture`` and builds it.

    It turns (b, inputs, h, w) into (b, outputs, h · scale, w · scale), for any h and w that are multiples of
    :attr:`multiple` and at least :attr:`least`.
    """

    span: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    """The values that black and white have in what the network is given and in what it returns."""

    inputs: int
    """Channels of what it is given; a field of every config."""
    outputs: int
    """Channels of what it returns; a field of every config."""

    @property
    def scale(self) -> int:
        """How many times higher and wider the result is."""
        return 1

    @property
    def multiple(self) -> int:
        """Sides of what it is given are multiples of this."""
        return 1

    @property
    def least(self) -> int:
        """Sides of what it is given are at least this, which is a multiple of :attr:`multiple`."""
        return self.multiple

    @property
    def reach(self) -> int | None:
        """How far from a pixel of what it is given lie the others that can change what it becomes, at most; ``None``
        where all can, as with instance norm, so that the network has to be given whole pictures."""
        return None

    @abstractmethod
    def build(self) -> nn.Module: ...

    def to_span(self, pictures: Tensor) -> Tensor:
        """Pictures in [-1, 1] as the network is given them."""
        low, high = self.span
        return (pictures + 1) * ((high - low) / 2) + low

    def from_span(self, pictures: Tensor) -> Tensor:
        """What the network returns, with black at -1 and white at 1."""
        low, high = self.span
        return (pictures - low) * (2 / (high - low)) - 1


def check_sizes(config: PictureNetworkConfig, *names: str) -> None:
    """Refuse fields below 1.

    Raises:
        ValueError: the message names the field.
    """
    for name in ("inputs", "outputs", *names):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")


def check_base(config: PictureNetworkConfig) -> None:
    """Refuse channels of which the enlarged input cannot be added to the result.

    Raises:
        ValueError: the message names the field.
    """
    if config.inputs not in (1, config.outputs):
        raise ValueError(f"inputs: the enlarged input is added to {config.outputs} channels, and has {config.inputs}")
