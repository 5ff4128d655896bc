"""Students that draw in fewer steps than their teacher, or with one pass of the network a step where it takes two."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.distillation import ProgressiveDistillationConfig
from diorama.methods.diffusion.guided_student import GuidedStudentConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def student(info: DataInfo) -> Recipe:
    """One halving of a teacher's steps, as in the paper's rounds for CIFAR-10.

    Command: ``diorama train student --data DATA --frozen.teacher runs/teacher --out runs/student``, where
    ``runs/teacher`` is a diffusion model of velocity or clean samples; then again with the student as the teacher and
    ``--method.steps`` halved.
    Hardware and time: one GPU; three passes through the network for each one of the teacher's training.

    Args:
        info: the data of the teacher.

    Reference: T. Salimans, J. Ho, arXiv:2202.00512, appendix F (50,000 updates of 128 pictures a round, a rate that
    falls linearly to zero).
    """
    return Recipe(
        name="student",
        method=ProgressiveDistillationConfig(steps=8),
        optimizers={"denoiser": OptimizerConfig(rate=RateConfig(peak=2e-4, decay="linear"), clip=1.0)},
        images=6_400_000,
        batch_size=128,
        averages={"ema": AverageConfig(half_life=100_000)},
        evaluation=EvaluationConfig(every=1_000_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
        log_every=12_800,
    )


def student_cpu(info: DataInfo) -> Recipe:
    """One halving of a small teacher's steps, for minutes on two CPU cores.

    Command: ``diorama train student_cpu --data DATA --frozen.teacher runs/teacher --out runs/student``, where
    ``runs/teacher`` is a run of ``ddpm_cpu``.
    Hardware and time: two CPU cores; as long as a third of the teacher's training.
    Reference: as :func:`student`.
    """
    return Recipe(
        name="student_cpu",
        method=ProgressiveDistillationConfig(steps=8),
        optimizers={
            "denoiser": OptimizerConfig(rate=RateConfig(peak=5e-4, decay="linear"), betas=(0.9, 0.99), clip=1.0)
        },
        images=60_000,
        batch_size=64,
        averages={"ema": AverageConfig(half_life=5_000, ramp_up=0.1)},
        evaluation=EvaluationConfig(every=0, samples=1_000),
        preview_every=20_000,
        checkpoint_every=20_000,
        log_every=2_560,
    )


def guided_student_cpu(info: DataInfo) -> Recipe:
    """A small teacher's guided answers in one pass of the network, at any scale, for minutes on two CPU cores.

    Command: ``diorama train guided_student_cpu --data DATA --frozen.teacher runs/teacher --out runs/student``, where
    ``runs/teacher`` is a run of ``ddpm_class_cpu``; then ``diorama sample runs/student --guidance 2``.
    Hardware and time: two CPU cores; three passes through the network, one of them backwards too, for each picture.

    Args:
        info: the data of the teacher.

    Reference: C. Meng et al., arXiv:2210.03142, section 3.1.
    """
    return replace(student_cpu(info), name="guided_student_cpu", method=GuidedStudentConfig())
