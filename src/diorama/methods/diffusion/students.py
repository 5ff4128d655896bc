"""What all students of a trained diffusion or flow model have in common: they start as a copy of their teacher."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from diorama.core.contracts import Process
from diorama.core.errors import BadConfig
from diorama.processes.catalog import AnyPreconditioning, AnySpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.told_scale import KEY

TEACHER = (
    "a trained diffusion or flow model that predicts flow or velocity, or has EDM's preconditioning, such as a run of "
    "edm_cpu, flow_cpu or ddpm_cpu"
)
"""What a model that jumps to clean data may start from."""

_EXACT_WITHOUT_NOISE = ("flow", "reverse_flow", "velocity")
"""Predictions whose clean sample is the sample itself where no noise is left, and is determined where all is noise."""

_MIDDLE = 0.8
"""Ratio sigma / alpha at which the second of two steps of a flow starts."""


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
        dropout: in its network; ``None`` for the teacher's.

    Raises:
        BadConfig: the network has no dropout to change, or is itself told a scale of guidance.
    """
    model = teacher.config
    refuse_told_scales(model)
    # It never trains without its conditions, so it must be given them, and nothing could guide it away from none.
    conditions = tuple(replace(spec, dropout=0.0, null=None) for spec in model.conditions)
    model = replace(
        model,
        conditions=conditions,
        steps=steps,
        spacing=model.spacing if spacing is None else spacing,
        sampler=sampler,
        guidance=1.0,
        guidance_kind=ClassifierFreeGuidance(),
        guide=None,
    )
    if dropout is None:
        denoiser: nn.Module = copy.deepcopy(teacher.denoiser)
    else:
        if not hasattr(model.denoiser, "dropout"):
            raise BadConfig(f"dropout: {type(model.denoiser).__name__} has none that could be changed")
        model = replace(model, denoiser=replace(model.denoiser, dropout=dropout))
        denoiser = model.denoiser.build()
        denoiser.load_state_dict(teacher.denoiser.state_dict())
    encoder = None if teacher.encoder is None else copy.deepcopy(teacher.encoder)
    for part in (denoiser, encoder):
        if part is not None:
            part.requires_grad_(True)
    return Student(model, denoiser, encoder)


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
    if not isinstance(part, DiffusionSynthesizer):
        raise BadConfig(f"frozen.teacher: is a {type(part).__name__}, and must be {TEACHER}")
    if problem := unfit_for_jumps(part.config.preconditioning):
        raise BadConfig(f"frozen.teacher: {problem}, and must be {TEACHER}")
    return part


def unfit_for_jumps(preconditioning: AnyPreconditioning) -> str:
    """What keeps a network's outputs from being those of a consistency model; empty where nothing does.

    Where no noise is left the clean sample must be the sample itself whatever the network says, and where all is noise
    the network must say something of it.
    """
    if isinstance(preconditioning, EDMPreconditioning):
        return ""
    if not isinstance(preconditioning, TargetPreconditioning):
        return f"has {type(preconditioning).__name__}"
    if preconditioning.predicts not in _EXACT_WITHOUT_NOISE:
        return f"predicts {preconditioning.predicts}"
    if preconditioning.variance != "none":
        return "learned a variance"
    if preconditioning.two_times:
        return "is told two times"
    return "is told whole times" if preconditioning.whole != "no" else ""


def jumping_spacing(process: Process) -> AnySpacing:
    """Levels for one jump from noise to data, or a few: the first is the process's noisiest.

    Of two, the second starts where sigma / alpha is about 0.8, as Y. Song, P. Dhariwal, arXiv:2310.14189, chose for
    CIFAR-10, or in the middle of the steps or times of a process without that freedom.
    """
    if isinstance(process, FlowProcess):
        return UniformSpacing(shift=_MIDDLE)
    if isinstance(process, DiscreteProcess | GeometricStepsProcess):
        return StepSpacing()
    if not bool(process.at(torch.tensor(process.end, dtype=torch.float64)).alpha > 0):
        return UniformSpacing()
    # With this exponent the middle between 0.002 and 80 lies at 0.8.
    return KarrasSpacing(rho=20.0, with_low=False)
