"""Consistency models: one step from noise to a picture."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.consistency import (
    ConsistencyDistillationConfig,
    ConsistencyObjective,
    ConsistencyTrainingConfig,
)
from diorama.methods.diffusion.continuous_consistency import ContinuousObjective, ContinuousTrainingConfig
from diorama.methods.diffusion.curriculum import DoublingCurriculum, FixedCurriculum
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig
from diorama.methods.diffusion.students import jumping_spacing, starting_at_its_noise
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.recipes.edm import edm_cpu
from diorama.recipes.flow import flow_cpu
from diorama.samplers.consistency import ConsistencyConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_IMAGES = 400_000


def consistency_cpu(info: DataInfo) -> Recipe:
    """Consistency training from data alone, with the small U-Net of :func:`~diorama.recipes.edm.edm_cpu`.

    Command: ``diorama train consistency_cpu --data DATA --out runs/consistency``
    Hardware and time: two CPU cores; a second pass through the network without gradients beside that of ``edm_cpu``.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Y. Song, P. Dhariwal, arXiv:2310.14189, table 1 (with fewer levels, as the run is short).
    """
    recipe = edm_cpu(info)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    spacing = KarrasSpacing()
    model = replace(
        method.synthesizer,
        preconditioning=ConsistencyPreconditioning(sigma_min=spacing.low),
        spacing=replace(spacing, with_low=False),
        steps=1,
        sampler=ConsistencyConfig(sigma_min=spacing.low),
    )
    objective = ConsistencyObjective(spacing=spacing, curriculum=DoublingCurriculum(first=10, last=160, length=_IMAGES))
    return replace(
        recipe,
        name="consistency_cpu",
        method=ConsistencyTrainingConfig(synthesizer=model, objective=objective),
        images=_IMAGES,
    )


def consistency_distilled_cpu(info: DataInfo) -> Recipe:
    """A trained diffusion model as a consistency model, taught by its own path.

    Command: ``diorama train consistency_distilled_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where
    ``runs/edm`` is a run of ``edm_cpu``.
    Hardware and time: two CPU cores; four passes through the network for each one of the teacher's training.

    Args:
        info: the data of the teacher.

    Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, table 3 (CIFAR-10).
    """
    objective = ConsistencyObjective(curriculum=FixedCurriculum(levels=18, decay=0.95), pairs=None, by_gap=False)
    return _tuned("consistency_distilled_cpu", ConsistencyDistillationConfig(objective=objective))


def ect_cpu(info: DataInfo) -> Recipe:
    """A trained diffusion model tuned until it is a consistency model.

    Command: ``diorama train ect_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where ``runs/edm`` is a
    run of ``edm_cpu`` or any other model that :func:`~diorama.recipes.distill.ect` takes.
    Hardware and time: two CPU cores; a second pass through the network without gradients beside that of ``edm_cpu``.

    Args:
        info: the data of the teacher.

    Reference: Z. Geng, A. Pokle, W. Luo, J. Lin, J. Z. Kolter, arXiv:2406.14548, section 4 (eight stages, in a shorter
    run).
    """
    return _tuned("ect_cpu", EasyConsistencyConfig(stage=12_500))


def scm_cpu(info: DataInfo) -> Recipe:
    """Continuous-time consistency training from data alone, with the U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`.

    Command: ``diorama train scm_cpu --data DATA --out runs/scm``
    Hardware and time: two CPU cores; a derivative forwards, in full precision, beside the passes of ``flow_cpu``.

    The network is told the time of a straight path by slow waves: those of the times of ``flow_cpu`` change so fast
    that the derivative would say little else (the paper's section 4.1).

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: C. Lu, Y. Song, arXiv:2410.11081, algorithm 1, with the times of appendix G for CIFAR-10.
    """
    recipe = flow_cpu(info)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    model = replace(
        method.synthesizer,
        preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=10.0),
        process=starting_at_its_noise(method.synthesizer.process),
        spacing=jumping_spacing(method.synthesizer.process),
        steps=1,
        sampler=ConsistencyConfig(sigma_min=0.0),
    )
    objective = ContinuousObjective(warmup=_IMAGES // 8)
    return replace(
        recipe,
        name="scm_cpu",
        method=ContinuousTrainingConfig(synthesizer=model, objective=objective),
        images=_IMAGES,
    )


def _tuned(name: str, method: ConsistencyDistillationConfig | EasyConsistencyConfig) -> Recipe:
    return Recipe(
        name=name,
        method=method,
        optimizers={"denoiser": OptimizerConfig(rate=RateConfig(peak=2e-4, warmup=5_000), clip=1.0)},
        images=100_000,
        batch_size=32,
        flip=True,
        averages={"ema": AverageConfig(half_life=5_000, ramp_up=0.1)},
        evaluation=EvaluationConfig(every=0, samples=1_000),
        preview_every=20_000,
        checkpoint_every=20_000,
        log_every=2_560,
    )
