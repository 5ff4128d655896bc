"""How clean samples are kept within the range of the data on the way from noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from diorama.core.device import at_least_float32


class Threshold(Protocol):
    """A limit of clean samples."""

    def limit(self, clean: Tensor) -> Tensor:
        """The clean samples (b, ...) within the limit, of the same type."""
        ...


@dataclass(frozen=True, kw_only=True)
class StaticThreshold:
    """Values are cut at the ends of a fixed range.

    Args:
        largest: clean samples are limited to [-largest, largest].

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, published code, with 1.
    """

    largest: float = 1.0

    def __post_init__(self) -> None:
        if not self.largest > 0:
            raise ValueError(f"largest must be positive, got {self.largest}")

    def limit(self, clean: Tensor) -> Tensor:
        """See :class:`Threshold`."""
        return clean.clamp(-self.largest, self.largest)


@dataclass(frozen=True, kw_only=True)
class DynamicThreshold:
    """Each sample is cut at a quantile of its own absolute values, and divided by it, so that few values saturate.

    Args:
        share: of a sample's values that lie below the quantile.
        largest: the quantile counts as this where it is larger; as 1 where it is smaller than that.

    Reference: C. Saharia et al., "Imagen", arXiv:2205.11487, section 2.3.
    """

    share: float = 0.995
    largest: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1], got {self.share}")
        if not self.largest >= 1:
            raise ValueError(f"largest must be at least 1, got {self.largest}")

    def limit(self, clean: Tensor) -> Tensor:
        """See :class:`Threshold`."""
        values = at_least_float32(clean)
        quantile = values.flatten(1).abs().quantile(self.share, dim=1).clamp(1, self.largest)
        bound = quantile.reshape(-1, *(1,) * (clean.dim() - 1))
        return (values.clamp(-bound, bound) / bound).to(clean.dtype)
