"""What all students of a trained model have in common."""

from __future__ import annotations

from dataclasses import replace

import torch

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.methods.diffusion.students import student_of
from diorama.networks.denoisers.edm import SongUNetConfig
from diorama.networks.denoisers.edm_embedding import SoftLabel
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.heun import HeunConfig
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from tests.synthesis.models import tiny_diffusion


def _labelled() -> DiffusionSynthesizer:
    """A teacher that was trained without its labels now and then."""
    torch.manual_seed(0)
    network = SongUNetConfig(
        size=8, in_channels=1, out_channels=1, width=8, growth=(1, 1), depth=1, attention=(False, True), classes=2,
        label_dropout=0.5,
    )  # fmt: skip
    return DiffusionSynthesizerConfig(
        media=MediaSpec(kind="image", channels=1, height=8, width=8),
        conditions=(ConditionSpec(key="label", names=("cat", "dog"), null=2),),
        denoiser=network,
        process=ExplodingProcess(),
        preconditioning=EDMPreconditioning(),
        spacing=KarrasSpacing(),
        steps=4,
        sampler=HeunConfig(),
        guidance=2.0,
    ).build()


def test_a_student_is_told_all_labels_and_has_its_teachers_weights() -> None:
    teacher = _labelled()
    student = student_of(teacher, steps=1, sampler=HeunConfig())
    assert student.model.guidance == 1
    assert student.denoiser.state_dict().keys() == teacher.denoiser.state_dict().keys()
    for one, other in zip(student.denoiser.parameters(), teacher.denoiser.parameters(), strict=True):
        assert torch.equal(one, other)
    # In training the teacher's network leaves half of the labels out by itself.
    for network, heard in ((teacher.denoiser.train(), False), (student.denoiser.train(), True)):
        rows = next(module for module in network.modules() if isinstance(module, SoftLabel))
        told = rows(torch.zeros(64, dtype=torch.long), torch.zeros(64))
        assert told is not None
        assert bool((told.sum(1) > 0).all()) is heard


def test_a_student_may_have_another_dropout_than_its_teacher() -> None:
    teacher = _labelled()
    assert student_of(teacher, steps=1, sampler=HeunConfig(), dropout=0.0).model.denoiser.dropout == 0
    assert student_of(teacher, steps=1, sampler=HeunConfig(), dropout=0.2).model.denoiser.dropout == 0.2


def test_the_teacher_is_left_as_it_was() -> None:
    teacher = tiny_diffusion()
    student = student_of(teacher, steps=1, sampler=HeunConfig())
    assert student.model == replace(teacher.config, steps=1, sampler=HeunConfig())
    for one, other in zip(student.denoiser.parameters(), teacher.denoiser.parameters(), strict=True):
        assert one is not other
