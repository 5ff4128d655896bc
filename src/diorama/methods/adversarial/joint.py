"""Penalties that a discriminator pays in its own turn, and not in one of their own: one step of the optimizer takes the
loss and all of them.

Reference: Huang, Gokaslan, Kuleshov, Tompkin 2025, arXiv 2501.05441, equation 4 (R1 and R2 at every step); Gulrajani,
Ahmed, Arjovsky, Dumoulin, Courville 2017, arXiv 1704.00028, equation 3 (WGAN-GP); Karras, Aila, Laine, Lehtinen 2018,
arXiv 1710.10196, appendix A.1 (drift).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32
from diorama.losses.penalties import Discriminator, gradient_penalty, judged_with_slope

_FIELDS = ("r1", "r2", "gradient", "drift", "final")


@dataclass(frozen=True, kw_only=True)
class JointPenalties:
    """Weights of the penalties of one turn; 0 for none.

    Args:
        r1: gamma of the squared slope at real pictures, of which half counts.
        r2: likewise at generated ones.
        gradient: of the squared distance of the slope's norm from 1, between real and generated pictures.
        drift: of the mean squared logit of real pictures, which keeps logits from drifting away from 0.
        final: what is left of ``r1`` and ``r2`` after ``fall``, as a share.
        fall: images over which they fall there, along a cosine; 0 where they stay.
    """

    r1: float = 0.0
    r2: float = 0.0
    gradient: float = 0.0
    drift: float = 0.0
    final: float = 1.0
    fall: int = 0

    def __post_init__(self) -> None:
        for name in _FIELDS:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.fall < 0:
            raise ValueError(f"fall must be at least 0, got {self.fall}")
        if (self.final != 1) != (self.fall > 0):
            raise ValueError(
                "final and fall: set both, the share that is left and after how many images, or neither (1 and 0); got "
                f"{self.final} and {self.fall}"
            )

    @property
    def differentiates(self) -> bool:
        """Whether slopes are taken."""
        return max(self.r1, self.r2, self.gradient) > 0

    def left(self, images: int) -> float:
        """The share of ``r1`` and ``r2`` that is left after so many images."""
        if not self.fall:
            return 1.0
        way = min(1.0, images / self.fall)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * way))

    def unreached(self, images: int) -> str:
        """That a run of so many images ends before the penalties have fallen, for people; empty where it does not."""
        if images >= self.fall:
            return ""
        return (
            f"ends while {self.left(images):.0%} of the penalties is left, which fall over {self.fall:,} images; "
            "shorten --method.joint.fall"
        )


class Judged(NamedTuple):
    """Logits of both sides, what is added to the discriminator's loss, shape (), and the squared slopes (b,) at real
    and at generated pictures, ``None`` where they weigh nothing."""

    real: Tensor
    fake: Tensor
    added: Tensor
    r1: Tensor | None = None
    r2: Tensor | None = None


def judged(
    judge_real: Discriminator,
    judge_fake: Discriminator,
    real: Float[Tensor, "b ..."],
    fake: Float[Tensor, "b ..."],
    penalties: JointPenalties | None,
    left: Tensor | float = 1.0,
) -> Judged:
    """Judge both sides once, and take the penalties of those very logits.

    Args:
        judge_real: the discriminator, with what it is told of the real pictures: (b, …) -> logits.
        judge_fake: likewise of generated ones.
        real: real pictures.
        fake: as many generated ones; no gradient goes into what made them.
        penalties: which, and their weights; ``None`` for none. Between real and generated pictures the discriminator is
            told what it is of real ones.
        left: share of ``r1`` and ``r2``.
    """
    if penalties is None:
        of_real, of_fake = judge_real(real), judge_fake(fake)
        return Judged(of_real, of_fake, of_real.new_zeros(()))
    of_real, slope_at_real = _side(judge_real, real, penalties.r1)
    of_fake, slope_at_fake = _side(judge_fake, fake, penalties.r2)
    added = at_least_float32(of_real).new_zeros(())
    for weight, slope in ((penalties.r1, slope_at_real), (penalties.r2, slope_at_fake)):
        if slope is not None:
            added = added + left * (weight / 2) * slope.mean()
    if penalties.gradient:
        added = added + penalties.gradient * gradient_penalty(judge_real, real, fake)
    if penalties.drift:
        added = added + penalties.drift * at_least_float32(of_real).square().mean()
    return Judged(of_real, of_fake, added, slope_at_real, slope_at_fake)


def _side(logits: Callable[[Tensor], Tensor], x: Tensor, weight: float) -> tuple[Tensor, Tensor | None]:
    """Logits, and the squared slopes (b,) where they weigh anything."""
    if not weight:
        return logits(x.detach()), None
    return judged_with_slope(logits, x)
