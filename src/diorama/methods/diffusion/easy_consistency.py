"""Easy consistency tuning: a diffusion model becomes a consistency model as the pairs it is asked about come closer.

At first the less noisy one of a pair is the clean sample, which is the training that the model comes from.

Reference: Z. Geng, A. Pokle, W. Luo, J. Lin, J. Z. Kolter, "Consistency models made easy", arXiv:2406.14548.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import Condition, Denoise, Level, Moment, Prediction, Process
from diorama.losses.consistency import Distance
from diorama.methods.base import NO_PARTS, MethodConfig
from diorama.methods.diffusion.consistency import PairMethod
from diorama.methods.diffusion.students import TEACHER, check_student, jumping_student, refuse_jumping
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import along_noise
from diorama.processes.times import LogNormalTimes

_CLOSEST = 1_024.0
"""Pairs that were any closer would be told apart by rounding alone where there is much noise, or be one."""


@dataclass(frozen=True, kw_only=True)
class EasyConsistencyConfig(MethodConfig):
    """Tuning of the frozen part ``teacher``, from whose weights the model starts.

    Of a noisier level ``t`` the less noisy one is ``r = t (1 - (1 + k sigmoid(-b t)) / q^stage)``, and at least 0, with
    levels as ratios sigma / alpha.

    Args:
        path: how the less noisy sample of a pair is found: ``data`` takes less of the same noise from the clean sample;
            ``teacher`` takes a step of the teacher, which has its guidance built in and costs one more of its passes.
        times: of the noisier level; ``None`` for those that suit the teacher, see :func:`pair_times`.
        stage: pictures in a stage, of which the first is number 1.
        q: by how much pairs come closer from one stage to the next.
        k: how much further apart they are where there is little noise.
        b: how soon that ends.
        distance: of the two answers, which is divided by ``t - r``.
        steps: that the model draws in, unless it is asked for another number.
        dropout: in the network, the same for both answers; ``None`` for the teacher's.
    """

    path: Literal["data", "teacher"] = field(default="data", metadata={LATER: True})
    times: LogNormalTimes | None = None
    stage: int = 1_280_000
    q: float = 2.0
    k: float = 8.0
    b: float = 1.0
    # The paper's c of 0.06 for pictures of 3 x 32 x 32.
    distance: Distance = field(default_factory=lambda: Distance(huber=0.00108))
    steps: int = field(default=1, metadata={LATER: True})
    dropout: float | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.stage < 1:
            raise ValueError(f"stage must be at least 1, got {self.stage}")
        check_student(self.steps, self.dropout)
        if not self.q > 1:
            raise ValueError(f"q must be above 1, got {self.q}")
        if not (self.k >= 0 and self.b >= 0):
            raise ValueError(f"k and b must be at least 0, got k={self.k} b={self.b}")

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {"teacher": TEACHER}

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> EasyConsistency:
        """The method with a network that has its teacher's weights."""
        return EasyConsistency(self, frozen)

    def closeness(self, images: int) -> float:
        """``q^stage`` after so many pictures, at most 1,024."""
        stage = 1 + images // self.stage
        return _CLOSEST if stage * math.log(self.q) > math.log(_CLOSEST) else float(self.q**stage)

    def nearer(self, ratio: Tensor, closeness: Tensor | float) -> Tensor:
        """The lower ratios of pairs, at a closeness."""
        apart = (1 + self.k * torch.sigmoid(-self.b * ratio)) / closeness
        return (ratio * (1 - apart)).clamp(min=0)


def pair_times(process: Process) -> LogNormalTimes:
    """The levels that suit a teacher of a process, by their ratios sigma / alpha.

    The distance of a pair is divided by that of its levels, which leaves little weight to those of much noise, where
    the first step begins. EDM's network makes up for it in part, as it finds the clean sample itself there; a flow's
    has to find the noise as well, and knows the levels around 1 best. So a flow is asked about more of them.

    Args:
        process: of the teacher.

    Reference: Z. Geng et al., arXiv:2406.14548, table 4; of flows measured, see :func:`~diorama.recipes.distill.ect`.
    """
    return LogNormalTimes(mean=0.0, deviation=1.6) if isinstance(process, FlowProcess) else _PAPERS_TIMES


_PAPERS_TIMES = LogNormalTimes(mean=-1.1, deviation=2.0)


class EasyConsistency(PairMethod):
    """See :class:`EasyConsistencyConfig`."""

    def __init__(self, config: EasyConsistencyConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher, student = jumping_student(frozen["teacher"], config.steps, config.dropout)
        if config.path == "teacher":
            refuse_jumping(teacher.config, TEACHER)
        super().__init__(*student, teacher.codec, codec_part="teacher", frozen={"teacher": teacher})
        self.config, self.distance = config, config.distance
        # A guided teacher looks at what its samples are given, for which it waits for the device.
        self.recorded = config.path == "data" or teacher.config.guidance == 1
        self.times = config.times or pair_times(self.model.process)
        # In memory, where a recorded turn reads it.
        self.register_buffer("closeness", torch.tensor(config.closeness(0)))
        self.closeness: Tensor

    def after_step(self, moment: Moment) -> None:
        """Pairs come closer."""
        super().after_step(moment)
        self.closeness.fill_(self.config.closeness(moment.images))

    def pair(self, count: int, moment: Moment, device: torch.device) -> tuple[Level, Level]:
        """See :class:`EasyConsistencyConfig`."""
        process = self.model.process
        level = process.at(self.times.draw(process, count, device))
        return level, process.at(process.time_of(self.config.nearer(level.sigma / level.alpha, self.closeness)))

    def weight(self, level: Level, below: Level) -> Tensor:
        """One by the distance of the levels."""
        return 1 / (level.sigma / level.alpha - below.sigma / below.alpha)

    def below(self, x: Tensor, clean: Tensor, levels: tuple[Level, Level], condition: Condition) -> Tensor:
        """The same clean sample with less of the same noise, or a step of the teacher by Euler's method."""
        if self.config.path == "teacher":
            clean = self.teacher.denoise(condition)(x, levels[0]).clean
        return along_noise(x, clean, *levels)

    def judge(self, condition: Condition) -> Denoise:
        """The network itself, and where no noise is left the sample."""
        denoise = self.denoise(condition)

        def answer(x: Tensor, level: Level) -> Prediction:
            noisy = level.sigma > 0
            # Where there is no noise any other level is asked about in its place, whose answer is left.
            sigma = torch.where(noisy, level.sigma, torch.ones_like(level.sigma))
            asked = replace(level, sigma=sigma)
            return Prediction(torch.where(noisy, denoise(x, asked).clean, x))

        return answer
