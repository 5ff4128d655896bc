"""Langevin dynamics at one noise level: samples are moved along the score, and noise is added that keeps them spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

from diorama.core.contracts import Denoise, Level
from diorama.processes.gaussian import like
from diorama.processes.sde import score_of


@dataclass(frozen=True, kw_only=True)
class LangevinConfig:
    """Corrections of samples at their level.

    Args:
        size: of the steps: ``norms`` makes the score's move so large beside the noise's as ``snr`` says; ``deviation``
            is annealed Langevin dynamics, whose steps follow the level's standard deviation.
        snr: ratio of signal to noise in a step.
        steps: at each level.
        over: which lengths of score and noise are compared: each sample's own, or their means over the batch as in the
            published code, with which a sample depends on those drawn beside it.

    Reference: Y. Song et al., arXiv:2011.13456, algorithms 4 and 5; annealed: Y. Song, S. Ermon, arXiv:1907.05600,
    algorithm 1.
    """

    size: Literal["norms", "deviation"] = "norms"
    snr: float = 0.16
    steps: int = 1
    over: Literal["sample", "batch"] = "sample"

    def __post_init__(self) -> None:
        if not 0 < self.snr < float("inf"):
            raise ValueError(f"snr must be positive and finite, got {self.snr:g}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")


class Sizes(NamedTuple):
    """What the steps at a level are sized by.

    Attributes:
        keep: the weight of the sample below in the process's step up to here, whose square shortens the steps.
        deviation: of the noise, which annealed dynamics follows.
    """

    keep: Tensor
    deviation: Tensor


def langevin(
    denoise: Denoise, x: Tensor, level: Level, draw: Callable[[int], Tensor], sizes: Sizes, config: LangevinConfig
) -> Tensor:
    """Samples after some steps of Langevin dynamics at their level.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) samples at the level.
        level: of them.
        draw: the noise of step k = 0 …, like ``x``.
        sizes: see :class:`Sizes`.
        config: size and number of steps.

    Returns:
        (b, ...).
    """
    for k in range(config.steps):
        score, drawn = score_of(x, denoise(x, level).clean, level), draw(k)
        if config.size == "deviation":
            ratio = like(sizes.deviation, x)
        else:
            ratio = _length(drawn, config) / _length(score, config)
        size = 2 * (config.snr * ratio) ** 2 * like(sizes.keep**2, x)
        x = x + size * score + (2 * size) ** 0.5 * drawn
    return x


def _length(values: Tensor, config: LangevinConfig) -> Tensor:
    """Euclidean lengths of samples (b, ...), which broadcast against them."""
    lengths = values.flatten(1).norm(dim=1)
    lengths = lengths if config.over == "sample" else lengths.mean().expand(len(values))
    return lengths.reshape(-1, *(1,) * (values.dim() - 1))
