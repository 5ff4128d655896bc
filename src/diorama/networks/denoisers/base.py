"""What every denoising network says of itself, so that a synthesizer can tell what fits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class OutputAndFeatures(NamedTuple):
    """What a network whose config :attr:`~DenoiserConfig.gives_features` returns when it is called with
    ``features=True``.

    They come from the call itself, so that compiled and shared-out networks, which hang on calls, give them too.

    Attributes:
        output: as without them.
        features: (b, c, h, w), what leaves the middle of the network.
    """

    output: Tensor
    features: Tensor


class DenoiserConfig(ABC):
    """A frozen dataclass that describes a network ``(x, t, condition) -> output`` and builds it.

    ``x`` and the output are (b, c, h, w), or (b, c, t, h, w) with three ``dimensions``; ``t`` is (b,); ``condition`` is
    a mapping of the batch's keys, of which the network reads those that :attr:`reads` names.
    """

    in_channels: int
    """c of ``x``; a field of every config."""
    out_channels: int
    """c of the output; a field of every config."""

    @property
    def dimensions(self) -> int:
        """2 for pictures, 3 for clips."""
        return 2

    @property
    def multiple(self) -> int:
        """Heights and widths must be multiples of this."""
        return 1

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of a condition that the network needs."""
        return ()

    @property
    def classes(self) -> int:
        """Labels 0 … classes - 1 that it knows; 0 where it reads none."""
        return 0

    @property
    def null_label(self) -> int | None:
        """The label that stands for any class; ``None`` where it has none."""
        return None

    @property
    def needs_positive_time(self) -> bool:
        """Whether it takes the logarithm of the time that it is told."""
        return False

    @property
    def two_times(self) -> bool:
        """Whether ``t`` is (b, 2): a time, and how far it is to a second, earlier one."""
        return False

    @property
    def gives_features(self) -> bool:
        """Whether the network, called with ``features=True``, returns :class:`OutputAndFeatures`."""
        return False

    @abstractmethod
    def build(self) -> nn.Module: ...
