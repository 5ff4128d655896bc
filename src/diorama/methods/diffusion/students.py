"""What all students of a trained diffusion or flow model have in common: they start as a copy of their teacher."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from typing import Any, NamedTuple

import torch
from torch import nn

from diorama.core.contracts import Process
from diorama.core.errors import BadConfig
from diorama.core.numbers import counted
from diorama.networks.catalog import Denoiser
from diorama.processes.catalog import AnyPreconditioning, AnyProcess, AnySpacing
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.synthesis.base import kind_of
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.told_scale import KEY

TEACHER = (
    "a trained diffusion or flow model that predicts flow or velocity, or has EDM's preconditioning, such as a run of "
    "edm_cpu, flow_cpu or ddpm_cpu"
)
"""What a model that jumps to clean data may start from."""

_OTHER_WAYS = "; students of any model that draws in many steps are dmd and sida"

_EXACT_WITHOUT_NOISE = ("flow", "reverse_flow", "velocity")
"""Predictions whose clean sample is the sample itself where no noise is left, and is determined where all is noise."""


class Student(NamedTuple):
    """A model that starts with its teacher's weights.

    Attributes:
        model: what it is.
        denoiser: its network.
        encoder: what reads its conditions, if anything does.
    """

    model: DiffusionSynthesizerConfig
    denoiser: nn.Module
    encoder: nn.Module | None


def student_of(
    teacher: DiffusionSynthesizer,
    *,
    steps: int,
    sampler: AnySampler,
    spacing: AnySpacing | None = None,
    dropout: float | None = None,
) -> Student:
    """The teacher's copy, to be trained on, which draws in its own way and without guidance of its own.

    Args:
        teacher: a trained model.
        steps: that the student draws in.
        sampler: by which it draws.
        spacing: of its levels; ``None`` for the teacher's.
        dropout: in its network; ``None`` for the teacher's. No labels are left out, whatever the teacher's network did.

    Raises:
        BadConfig: the network has no dropout, and some is asked for; or is itself told a scale of guidance.
    """
    refuse_told_scales(teacher.config)
    model = unguided(teacher.config)
    model = replace(
        model,
        steps=steps,
        process=model.process if spacing is None else starting_at_its_noise(model.process),
        spacing=model.spacing if spacing is None else spacing,
        sampler=sampler,
    )
    shares = _shares_left_out(model.denoiser, dropout)
    if all(getattr(model.denoiser, name) == share for name, share in shares.items()):
        denoiser: nn.Module = copy.deepcopy(teacher.denoiser)
    else:
        model = replace(model, denoiser=replace(model.denoiser, **shares))
        denoiser = model.denoiser.build()
        denoiser.load_state_dict(teacher.denoiser.state_dict())
    encoder = None if teacher.encoder is None else copy.deepcopy(teacher.encoder)
    for part in (denoiser, encoder):
        if part is not None:
            part.requires_grad_(True)
    return Student(model, denoiser, encoder)


def unguided(model: DiffusionSynthesizerConfig) -> DiffusionSynthesizerConfig:
    """A teacher's model as what learns its guided samples: it has no guidance of its own."""
    # It never trains without its conditions, so it must be given them, and nothing could guide it away from none.
    conditions = tuple(replace(spec, dropout=0.0, null=None) for spec in model.conditions)
    return replace(model, conditions=conditions, guidance=1.0, guidance_kind=ClassifierFreeGuidance(), guide=None)


def _shares_left_out(network: Denoiser, dropout: float | None) -> dict[str, Any]:
    """Settings of a student's network by name, where they are not to be its teacher's."""
    names = {one.name for one in fields(network)}
    # Conditions are never left out, see above.
    shares: dict[str, Any] = {"label_dropout": 0.0} if "label_dropout" in names else {}
    if dropout is None or (dropout == 0 and "dropout" not in names):
        return shares
    if "dropout" not in names:
        raise BadConfig("dropout: the teacher's network has none that could be changed; leave it out")
    return shares | {"dropout": dropout}


def diffusion_model(part: nn.Module, wanted: str) -> DiffusionSynthesizer:
    """The frozen part ``teacher``, which must be a diffusion model.

    Args:
        part: what was loaded.
        wanted: what it must be, for the message.

    Raises:
        BadConfig: it is something else.
    """
    if not isinstance(part, DiffusionSynthesizer):
        raise BadConfig(f"frozen.teacher: is a {kind_of(part)}, and must be {wanted}")
    return part


def jumping_student(part: nn.Module, steps: int, dropout: float | None) -> tuple[DiffusionSynthesizer, Student]:
    """A teacher, and a student of it that jumps to clean data.

    Args:
        part: the frozen part ``teacher``.
        steps: that the student draws in.
        dropout: see :func:`student_of`.

    Raises:
        BadConfig: see :func:`checked_teacher` and :func:`student_of`.
    """
    teacher = checked_teacher(part)
    student = student_of(
        teacher,
        steps=steps,
        sampler=ConsistencyConfig(sigma_min=0.0),
        spacing=jumping_spacing(teacher.config.process),
        dropout=dropout,
    )
    return teacher, student


def check_student(steps: int, dropout: float | None = None) -> None:
    """Refuse numbers that no student has.

    Args:
        steps: that it draws in.
        dropout: in its network; ``None`` for the teacher's.

    Raises:
        ValueError: saying which.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if dropout is not None and not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1), got {dropout}")


def refuse_jumping(teacher: DiffusionSynthesizerConfig, wanted: str) -> None:
    """Refuse teachers whose answers are no guesses of a clean sample, but jumps to one: they have no path and no score.

    Args:
        teacher: the teacher's model.
        wanted: what it must be, for the message.

    Raises:
        BadConfig: it is one.
    """
    jumps = isinstance(teacher.sampler, ConsistencyConfig) or teacher.preconditioning.two_times
    if jumps or isinstance(teacher.preconditioning, ConsistencyPreconditioning):
        raise BadConfig(f"frozen.teacher: draws in one step or a few already, and must be {wanted}")


def refuse_told_scales(teacher: DiffusionSynthesizerConfig) -> None:
    """Refuse teachers that are told a scale of guidance, which no data have.

    Raises:
        BadConfig: saying what to take in its place.
    """
    if any(spec.key == KEY for spec in teacher.conditions):
        raise BadConfig(
            "frozen.teacher: is told the scale of its guidance, which its student would have to be told too; take the "
            "model that it was distilled from"
        )


def checked_teacher(part: nn.Module) -> DiffusionSynthesizer:
    """A diffusion model whose network's outputs are those of a consistency model already.

    Raises:
        BadConfig: it is no diffusion model, or another one.
    """
    part = diffusion_model(part, TEACHER)
    problem = unfit_for_jumps(part.config.preconditioning)
    if isinstance(part.config.spacing, RatioSpacing):
        problem = f"was trained at {counted(len(part.config.spacing.ratios), 'level')} alone"
    if problem:
        raise BadConfig(f"frozen.teacher: {problem}, and must be {TEACHER}{_OTHER_WAYS}")
    return part


def unfit_for_jumps(preconditioning: AnyPreconditioning) -> str:
    """What keeps a network's outputs from being those of a consistency model; empty where nothing does.

    Where no noise is left the clean sample must be the sample itself whatever the network says, and where all is noise
    the network must say something of it.
    """
    if isinstance(preconditioning, EDMPreconditioning):
        return ""
    if not isinstance(preconditioning, TargetPreconditioning):
        return "has a preconditioning other than EDM's"
    if preconditioning.predicts not in _EXACT_WITHOUT_NOISE:
        return f"predicts {preconditioning.predicts}"
    if preconditioning.variance != "none":
        return "learned a variance"
    if preconditioning.two_times:
        return "is told two times"
    return "is told whole times" if preconditioning.whole != "no" else ""


def jumping_spacing(process: Process) -> AnySpacing:
    """Levels for one jump from noise to data, or a few: the first has a ratio sigma / alpha of 80, or is the noisiest.

    A flow ends in noise alone, which no network was trained at: of the times that a teacher or a student sees, next to
    none lie beyond a ratio of 80, and one that is told its time by waves does not know what it was not told.

    Of two, the second starts where the ratio is about 0.8, as Y. Song, P. Dhariwal, arXiv:2310.14189, chose for
    CIFAR-10, or in the middle of the steps or times of a process without that freedom.
    """
    if isinstance(process, DiscreteProcess | GeometricStepsProcess):
        return StepSpacing()
    noise_alone = not bool(process.at(torch.tensor(process.end, dtype=torch.float64)).alpha > 0)
    if noise_alone and not isinstance(process, FlowProcess):
        return UniformSpacing()
    # With this exponent the middle between 0.002 and 80 lies at 0.8.
    return KarrasSpacing(rho=20.0, with_low=False)


def starting_at_its_noise(process: AnyProcess) -> AnyProcess:
    """The process with samples that start as noise of the first level that is visited, if that may be any."""
    return replace(process, prior="noise") if isinstance(process, DiscreteProcess | FlowProcess) else process
