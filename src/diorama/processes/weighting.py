"""How much each level counts in a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.kinds import AnyProcess
from diorama.processes.precondition import Preconditioning


class Weighting(Protocol):
    """A weight of squared errors for every level."""

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """The weights of levels, of the shape of ``level.sigma``."""
        ...


@dataclass(frozen=True, kw_only=True)
class UniformWeighting:
    """All levels alike.

    Reference: of noise errors it is L_simple of J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 14.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """1."""
        return torch.ones_like(level.sigma)


@dataclass(frozen=True, kw_only=True)
class PreconditionedWeighting:
    """Errors of clean samples, weighted as the network's preconditioning weighs errors of its outputs.

    Reference: lambda of T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, equation 2 and table 1.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """See :meth:`~diorama.processes.precondition.Preconditioning.weight`."""
        return preconditioning.weight(level)


@dataclass(frozen=True, kw_only=True)
class TruncatedSNRWeighting:
    """Errors of clean samples, weighted by the ratio of signal to noise, and by 1 where there is more noise.

    Reference: T. Salimans, J. Ho, arXiv:2202.00512, equation 9.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """max(alpha² / sigma², 1)."""
        return _snr(level).clamp(min=1)


@dataclass(frozen=True, kw_only=True)
class SNRWeighting:
    """Errors of clean samples, weighted by the ratio of signal to noise.

    Args:
        plus: is added to the ratio. 0 weighs errors of clean samples as errors of noise, 1 as errors of velocity,
            ``1 / sigma_data²`` as EDM does.

    Reference: T. Salimans, J. Ho, arXiv:2202.00512, section 4.
    """

    plus: float = 0.0

    def __post_init__(self) -> None:
        if not self.plus >= 0:
            raise ValueError(f"plus must be at least 0, got {self.plus}")

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """alpha² / sigma² + plus."""
        return _snr(level) + self.plus


@dataclass(frozen=True, kw_only=True)
class MinSNRWeighting:
    """Errors of the network's output, so that those of clean samples count the ratio of signal to noise, or less.

    Args:
        most: the largest weight of an error of clean samples.

    Reference: T. Hang et al., "Efficient diffusion training via Min-SNR weighting strategy", arXiv:2303.09556; ``most``
    is its gamma.
    """

    most: float = 5.0

    def __post_init__(self) -> None:
        _check_positive(self, "most")

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """min(SNR, most) over what errors of clean samples count in the output."""
        return _snr(level).clamp(max=self.most) / preconditioning.weight(level)


@dataclass(frozen=True, kw_only=True)
class P2Weighting:
    """Errors of the network's output, so that those of noise count less where little noise is left.

    Args:
        offset: k; larger values spare levels of little noise more.
        power: gamma; 0 weighs all errors of noise alike.

    Reference: J. Choi et al., "Perception prioritized training of diffusion models", arXiv:2204.00227.
    """

    offset: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(self, "offset")
        if not 0 <= self.power < math.inf:
            raise ValueError(f"power must be at least 0, got {self.power}")

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """1 / (k + SNR)^gamma, of errors of noise."""
        ratio = _snr(level)
        return ratio / (self.offset + ratio) ** self.power / preconditioning.weight(level)


@dataclass(frozen=True, kw_only=True)
class LikelihoodWeighting:
    """Errors of the network's output, so that their integral over time bounds the likelihood of data.

    It is meant for times that are equally likely; near clean data it grows without bound, so that training looks away
    from there (``UniformTimes.low``).

    Args:
        process: whose times they are; the model's own.

    Reference: Y. Song, C. Durkan, I. Murray, S. Ermon, arXiv:2101.09258, theorem 1: g² of errors of the score; for any
    process D. P. Kingma et al., arXiv:2107.00630, equation 17.
    """

    process: AnyProcess

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """g² / sigma² of errors of noise, which is the fall of log SNR in time."""
        slope_alpha, slope_sigma = self.process.slopes(level.t)
        fall = 2 * (slope_sigma / level.sigma - slope_alpha / level.alpha)
        return fall * _snr(level) / preconditioning.weight(level)


OUTPUT_WEIGHTINGS = (LikelihoodWeighting, MinSNRWeighting, P2Weighting)
"""Those that weigh errors of the network's output, whatever it predicts; they fit no other error."""


def _snr(level: Level) -> Tensor:
    return (level.alpha / level.sigma).square()


def _check_positive(weighting: object, field: str) -> None:
    value = getattr(weighting, field)
    if not 0 < value < math.inf:
        raise ValueError(f"{field} must be positive, got {value}")
