"""Times of a flow as published text-to-image models choose them: shifted towards noise, stretched or along a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.curves import Curve, falling
from diorama.processes.spacing import needed, shifted


@dataclass(frozen=True, kw_only=True)
class SizedShift:
    """A shift that grows with the number of places of a latent, since neighbours tell more of one another there.

    Args:
        low: the strength mu at ``low_places``.
        high: mu at ``high_places``; between and beyond it is on the straight line.
        low_places: places, as the network counts them.
        high_places: likewise.
        kind: whether the shift is mu itself or its exponential.

    Reference: Black Forest Labs, "Flux", 2024, published code; P. Esser et al., arXiv:2403.03206, section 5.3.2.
    """

    low: float = 0.5
    high: float = 1.15
    low_places: int = 256
    high_places: int = 4096
    kind: Literal["exponential", "linear"] = "exponential"

    def __post_init__(self) -> None:
        if self.low_places == self.high_places:
            raise ValueError(f"low_places and high_places must differ, got {self.low_places}")

    def mu(self, places: int) -> float:
        """The strength for a latent of so many places."""
        slope = (self.high - self.low) / (self.high_places - self.low_places)
        return self.low + slope * (places - self.low_places)

    def shift(self, mu: float) -> float:
        """The shift of a strength."""
        return math.exp(mu) if self.kind == "exponential" else mu


@dataclass(frozen=True, kw_only=True)
class FlowSpacing:
    """Times from the end of a flow down to a least one, and then to data.

    Args:
        low: the least time that is visited, as a share of the end, before it is shifted.
        shift: as of :class:`~diorama.processes.spacing.UniformSpacing`.
        sized: in place of the shift, one that depends on the latent's size, to be chosen by :meth:`at_size`.
        stretched_to: the shifted times are stretched so that the last one is this.
        curve: along which the times fall from the first to the last one.
        chosen: the times themselves, as shares of the end, falling, before they are shifted; empty for even ones.
    """

    low: float = 1e-3
    shift: float = 1.0
    sized: SizedShift | None = None
    stretched_to: float | None = None
    curve: Curve = "times"
    chosen: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1:
            raise ValueError(f"low must be in (0, 1], got {self.low}")
        if not self.shift > 0:
            raise ValueError(f"shift must be positive, got {self.shift}")
        if self.stretched_to is not None and not 0 < self.stretched_to < 1:
            raise ValueError(f"stretched_to must be in (0, 1), got {self.stretched_to}")
        if not all(0 < t <= 1 for t in self.chosen):
            raise ValueError(f"chosen: times must be in (0, 1], got {self.chosen}")
        if any(later <= earlier for later, earlier in pairwise(self.chosen)):
            raise ValueError(f"chosen: times must fall, got {self.chosen}")

    def at_size(self, places: int) -> FlowSpacing:
        """The spacing for latents of so many places, as the network counts them."""
        return self if self.sized is None else self.at_strength(self.sized.mu(places))

    def at_strength(self, mu: float) -> FlowSpacing:
        """The spacing for a strength mu of the shift."""
        return self if self.sized is None else replace(self, shift=self.sized.shift(mu), sized=None)

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`.

        Raises:
            ValueError: the shift depends on a size that nobody has chosen, or other than the chosen times are asked
                for.
        """
        if self.sized is not None:
            raise ValueError("sized: the shift depends on the latent's size; choose it with at_size() or at_strength()")
        if self.chosen and count not in (None, len(self.chosen)):
            raise ValueError(f"steps: {len(self.chosen)} times are chosen, got {count}")
        times = torch.tensor(self.chosen, dtype=torch.float64, device="cpu")
        if not self.chosen:
            count = needed(count)
            times = torch.linspace(1, self.low, max(count, 2), dtype=torch.float64, device="cpu")[:count]
        times = shifted(times, self.shift)
        if self.stretched_to is not None:
            if times[-1] == 1:
                raise ValueError("stretched_to: the first time alone cannot be stretched; visit at least two")
            times = 1 - (1 - times) * (1 - self.stretched_to) / (1 - times[-1])
        if self.curve != "times":
            times = falling(self.curve, times[-1].item(), times[0].item(), len(times))
        return process.end * torch.cat([times, times.new_zeros(1)])
