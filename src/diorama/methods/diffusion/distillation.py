"""A student that takes one step where its teacher takes two.

Reference: T. Salimans, J. Ho, "Progressive distillation for fast sampling of diffusion models", ICLR 2022,
arXiv:2202.00512, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Denoise, Level, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.students import check_student, diffusion_model, student_of
from diorama.processes.catalog import AnyWeighting
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.precondition import NetworkDenoise, TargetPreconditioning
from diorama.processes.weighting import TruncatedSNRWeighting
from diorama.samplers.ddim import DDIMConfig
from diorama.synthesis.diffusion import DiffusionSynthesizer

_UNDETERMINED_AT_PURE_NOISE = ("noise", "score")
"""Predictions of which a single step from nearly pure noise can make nothing: section 4 of the paper."""


@dataclass(frozen=True, kw_only=True)
class ProgressiveDistillationConfig(MethodConfig):
    """Training of a student whose every step is two DDIM steps of the frozen part ``teacher``.

    The student is the teacher in all else, starts from its weights, and has its guidance built in. Halving again is a
    second run, with the first one's student as the teacher.

    Args:
        steps: of the student.
        weighting: of the levels, for squared errors of clean samples.
    """

    steps: int
    weighting: AnyWeighting = field(default_factory=TruncatedSNRWeighting)

    def __post_init__(self) -> None:
        check_student(self.steps)

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {
            "teacher": "a trained diffusion model that predicts velocity or clean samples, such as a run of ddpm_cpu"
        }

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ProgressiveDistillation:
        """The method with a student that has its teacher's weights."""
        return ProgressiveDistillation(self, frozen)


class ProgressiveDistillation(DenoiserMethod):
    """See :class:`ProgressiveDistillationConfig`."""

    def __init__(self, config: ProgressiveDistillationConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher = _checked(frozen["teacher"], config.steps)
        # DDIM without guidance, which the teacher's answers have in them.
        student = student_of(teacher, steps=config.steps, sampler=DDIMConfig())
        frozen = {"teacher": teacher}
        super().__init__(*student, teacher.codec, codec_part="teacher", frozen=frozen)
        self.config = config
        # The student's levels, and between any two of them one that only its teacher visits: (2 steps + 1,), falling.
        own = self.model.spacing.times(self.model.process, config.steps)
        between = (own[:-1] + own[1:]) / 2
        times = torch.cat([torch.stack([own[:-1], between], dim=1).flatten(), own[-1:]])
        self.register_buffer("times", times.float(), persistent=False)
        self.times: Tensor

    def phases(self) -> Sequence[Phase]:
        """One turn; a guided teacher looks at what its samples are given, for which it waits for the device."""
        return [Phase("loss", "denoiser", self.loss, recorded=self.teacher.config.guidance == 1, sharded=True)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean weighted squared distance of the student's clean samples from those that two steps imply."""
        clean = self.clean_samples(batch)
        step = 2 * torch.randint(self.config.steps, (len(clean),), device=clean.device)
        level, between, below = (self._level(self.times[step + i], clean.dim()) for i in range(3))
        x = noised(clean, torch.randn_like(clean), level)
        condition = {spec.key: batch[spec.key] for spec in self.model.conditions}
        with torch.no_grad():
            target = two_steps(self.teacher.denoise(condition), x, (level, between, below))
        predicted = NetworkDenoise(self.denoiser, self.model.preconditioning, self.encoded_condition(condition))(
            x, level
        ).clean
        weight = self.config.weighting.weight(level, self.model.preconditioning)
        return Loss((weight * (predicted - target).square()).mean())

    def _level(self, t: Tensor, dims: int) -> Level:
        return broadcast(self.model.process.at(t), dims)


def two_steps(denoise: Denoise, x: Tensor, levels: tuple[Level, Level, Level]) -> Tensor:
    """The clean sample that would bring x in one DDIM step to where a teacher brings it in two.

    Args:
        denoise: the teacher.
        x: (b, ...) a sample at the first level.
        levels: at which the steps begin and end, falling; each broadcasts against ``x``.

    Reference: Salimans & Ho 2022, algorithm 2 and appendix G.
    """
    z = x
    for level, below in pairwise(levels):
        z = along_noise(z, denoise(z, level).clean, level, below)
    first, last = levels[0], levels[2]
    ratio = last.sigma / first.sigma
    return (z - ratio * x) / (last.alpha - ratio * first.alpha)


def _checked(part: nn.Module, steps: int) -> DiffusionSynthesizer:
    part = diffusion_model(part, "a trained diffusion model")
    own = part.sampling.steps
    if own is not None and steps >= own:
        raise BadConfig(f"steps: the student is to draw in {steps} steps, and its teacher draws in {own}")
    preconditioning = part.config.preconditioning
    if isinstance(preconditioning, TargetPreconditioning) and preconditioning.predicts in _UNDETERMINED_AT_PURE_NOISE:
        raise BadConfig(
            f"frozen.teacher: predicts {preconditioning.predicts}, of which one step from nearly pure noise makes no "
            "clean sample; distil a model that predicts velocity or clean samples"
        )
    return part
