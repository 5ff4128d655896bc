"""Guidance: a denoiser made of a model's answer and a weaker one, which the first is moved away from.

Each kind of guidance says what the weaker answer is and how the two become one. Where it acts (an interval of levels)
and the rescaling that may follow are settings that all kinds of this sort have, so that they combine with each.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction
from diorama.processes.gaussian import clean_of, noise_of, on, target_of
from diorama.processes.precondition import Preconditioning, limited
from diorama.processes.threshold import Threshold
from diorama.samplers.guidance.rescale import rescaled

Beside = Literal["unconditional", "guide", "perturbed", "classifier"]
"""What is asked beside the model: itself without its condition, another model, itself with perturbed attention, or a
classifier."""

Space = Literal["clean", "flow", "output"]
"""What two answers are combined as: clean samples, velocities of the straight path (noise minus clean sample), or
outputs of the network."""

Combine = Callable[[Tensor, Tensor], Tensor]
"""From the model's and the weaker answer, (b, ...) each, to the guided one."""


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """What all kinds of guidance have. The scale is a setting of the model beside it; at 1 no kind changes anything.

    Args:
        low: sigma / alpha at and below which the model is not guided.
        high: sigma / alpha above which it is not.

    Reference: T. Kynkäänniemi et al., arXiv:2404.07724, equation 6.
    """

    beside: ClassVar[Beside] = "unconditional"

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"0 <= low < high must hold, got low={self.low} high={self.high}")

    def acts_at(self, level: Level) -> Tensor:
        """Whether the model is guided at a level, of the level's shape."""
        ratio = level.sigma / level.alpha
        return (ratio > self.low) & (ratio <= self.high)


@dataclass(frozen=True, kw_only=True)
class TwoAnswers(GuidanceConfig, ABC):
    """Guidance away from a second, weaker answer.

    Args:
        rescale: share of the guided output that gets the unguided one's standard deviation,
            :func:`~diorama.samplers.guidance.rescale.rescaled`; 0 leaves it.

    Reference: the rescaling: S. Lin et al., arXiv:2305.08891, section 3.4.
    """

    space: ClassVar[Space] = "clean"

    rescale: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rescale <= 1:
            raise ValueError(f"rescale must be in [0, 1], got {self.rescale}")

    @abstractmethod
    def combination(self, scale: float) -> Combine:
        """How two answers become one, in :attr:`space`; made anew for each walk, since it may remember its calls.

        Args:
            scale: 1 is the model's own answer.
        """

    def stands_still(self, step: int) -> bool:
        """Whether the sample is left where it is at a level, of which ``step`` were visited before."""
        return False


def between(strong: Tensor, weak: Tensor, scale: float) -> Tensor:
    """The weaker answer at scale 0, the model's own at 1, and beyond it above."""
    return weak.lerp(strong, scale)


class Guided:
    """A denoiser under guidance, for one walk from noise to data.

    Args:
        strong: the model with its condition, clean samples not limited.
        weak: what answers beside it, likewise.
        guidance: how the two become one.
        scale: of the guidance.
        preconditioning: says what the network's output is for a clean sample.
        threshold: how the clean sample is limited afterwards, since guidance leaves the data's range; ``None`` leaves
            it as it is.
    """

    def __init__(
        self,
        strong: Denoise,
        weak: Denoise,
        guidance: TwoAnswers,
        scale: float,
        *,
        preconditioning: Preconditioning,
        threshold: Threshold | None = None,
    ) -> None:
        self.strong, self.weak, self.guidance = strong, weak, guidance
        self.preconditioning, self.threshold = preconditioning, threshold
        self._combine = guidance.combination(scale)
        self._lowest, self._visited = math.inf, 0

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        prediction = self.strong(x, level)
        one = level.sigma.dim() == 0
        acts = self.guidance.acts_at(level)
        # Levels of the walk are counted also where the model is not guided.
        step = self._step(level.t) if one else None
        if one and not bool(acts):
            return limited(prediction, self.threshold)
        if step is not None and self.guidance.stands_still(step):
            clean = clean_of("flow", torch.zeros_like(x), x, on(level, x))
        else:
            clean = self._guided(x, prediction.clean, self.weak(x, level).clean, on(level, x))
        if not one:
            clean = torch.where(acts.to(clean.device), clean, prediction.clean)
        return limited(prediction._replace(clean=clean), self.threshold)

    def _step(self, t: Tensor) -> int:
        """How many levels were visited before, of a walk that asks at some of them twice."""
        if float(t) < self._lowest:
            self._lowest, self._visited = float(t), self._visited + 1
        return self._visited - 1

    def _guided(self, x: Tensor, strong: Tensor, weak: Tensor, level: Level) -> Tensor:
        """The clean sample of two."""
        space, share = self.guidance.space, self.guidance.rescale
        if space == "clean":
            clean = self._combine(strong, weak)
        elif space == "flow":
            strong_flow, weak_flow = (target_of("flow", c, noise_of(x, c, level), level) for c in (strong, weak))
            clean = clean_of("flow", self._combine(strong_flow, weak_flow), x, level)
        else:
            guided = self._combine(self._output(x, strong, level), self._output(x, weak, level))
            clean = self.preconditioning.clean(guided, x, level)
        if not share:
            return clean
        again = rescaled(self._output(x, clean, level), self._output(x, strong, level), share)
        return self.preconditioning.clean(again, x, level)

    def _output(self, x: Tensor, clean: Tensor, level: Level) -> Tensor:
        """What the network puts out for x where it finds this clean sample."""
        return self.preconditioning.target(clean, noise_of(x, clean, level), level)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Scalar products of samples (b, ...), as (b, 1, ...), in float64 where the device has it."""
    wide = torch.float32 if left.device.type == "mps" else torch.float64
    return (left.to(wide) * right.to(wide)).sum(tuple(range(1, left.dim())), keepdim=True)
