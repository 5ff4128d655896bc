"""Trained diffusion and flow models as models of one or two steps, within minutes: what ``diorama distill`` trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig, BadInput
from diorama.core.worded import kind_in_words
from diorama.methods.diffusion.continuous_consistency import ContinuousDistillationConfig, ContinuousObjective
from diorama.methods.diffusion.distribution_matching import DistributionMatchingConfig, levels_of
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig, pair_times
from diorama.methods.diffusion.score_times import score_times
from diorama.recipes import catalog
from diorama.recipes.consistency import ect_cpu
from diorama.recipes.entries.few_steps import DISTILLATIONS
from diorama.recipes.lengths import of_length, scaled
from diorama.recipes.start import make
from diorama.synthesis import store
from diorama.synthesis.conditions import draws_partners
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.parts import ModelRef
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

StudentMethodConfig = ContinuousDistillationConfig | DistributionMatchingConfig | EasyConsistencyConfig
"""Of the methods of :data:`~diorama.recipes.entries.few_steps.DISTILLATIONS`."""

_IMAGES = 2_000_000

_ECT_IMAGES = 3_500_000
"""Ten minutes at 6,800 pictures a second, as on one H200, less what a run takes to begin and to end."""

_FAST = 25.0
"""By how much what a network is told of a level may change by the logarithm of sigma / alpha. A flow that was told its
time times 10 (2.5 here) was distilled by a derivative within 500 steps, and times 1,000 (250) not within 300."""

_STAGES = 8
"""In which the pairs of easy consistency tuning come closer: at the end they are 1/256 apart, where noise is strong."""


def ect(info: DataInfo) -> Recipe:
    """Easy consistency tuning of a model of the size of ``ddpm``, for ten minutes on one GPU.

    Command: ``diorama distill MODEL --data DATA --method ect --out runs/student``, where ``MODEL`` is a diffusion or
    flow model of any recipe that predicts flow or velocity or has EDM's preconditioning.
    Hardware and time: one GPU; in each step a pass with gradients and one without, a third more than the teacher's
    training, recorded like it.

    The rate falls along a line to zero, as it does in the teacher's short run. Of a flow other levels are looked at
    than in the paper (:func:`~diorama.methods.diffusion.easy_consistency.pair_times`), and the first step begins at a
    ratio sigma / alpha of 80. A flow of bars of 8 x 8 pixels, tuned for 300 steps of 32 pictures with three seeds, was
    at an energy distance of 0.16, 0.13, 0.15 in one step, and 0.04 each in two. With a constant rate of half as much
    and the paper's levels it was at 0.23, 0.44, 0.23 and 0.05, 0.36, 0.08, and at 0.25, 0.42, 0.26 where the one step
    began at noise alone; the teacher was at 0.20 in 16 steps.

    Args:
        info: the data of the teacher.

    Reference: Z. Geng, A. Pokle, W. Luo, J. Lin, J. Z. Kolter, arXiv:2406.14548, section 4 and table 4, in a run that
    is shorter by four times, with as many stages.
    """
    recipe = _on_gpu("ect", EasyConsistencyConfig(stage=_ECT_IMAGES // _STAGES))
    rate = RateConfig(peak=4e-4, warmup=50_000, decay="linear")
    optimizers = {name: replace(own, rate=rate) for name, own in recipe.optimizers.items()}
    return replace(recipe, images=_ECT_IMAGES, optimizers=optimizers)


def scm_distilled(info: DataInfo) -> Recipe:
    """Continuous-time consistency distillation of a model of the size of ``ddpm``, for ten minutes on one GPU.

    Command: ``diorama distill MODEL --data DATA --method scm --out runs/student``, with a model as of :func:`ect`.
    Hardware and time: one GPU; in each step a pass with gradients, one of the teacher without, and one with its
    derivative forwards, which is taken in float32 by plain kernels and takes most of the time.

    Args:
        info: the data of the teacher.

    Reference: C. Lu, Y. Song, arXiv:2410.11081, algorithm 1, with the times of appendix G for CIFAR-10, in a run that
    is shorter by a hundred times.
    """
    objective = ContinuousObjective(warmup=_IMAGES // _STAGES)
    return _on_gpu("scm_distilled", ContinuousDistillationConfig(objective=objective))


def scm_distilled_cpu(info: DataInfo) -> Recipe:
    """Continuous-time consistency distillation of a small model, for two CPU cores.

    Command: ``diorama train scm_distilled_cpu --data DATA --frozen.teacher runs/edm --out runs/student``, where
    ``runs/edm`` is a run of ``edm_cpu``.
    Hardware and time: two CPU cores; as of :func:`scm_distilled`.

    Args:
        info: the data of the teacher.

    Reference: as :func:`scm_distilled`.
    """
    recipe = ect_cpu(info)
    objective = ContinuousObjective(warmup=recipe.images // _STAGES)
    return replace(recipe, name="scm_distilled_cpu", method=ContinuousDistillationConfig(objective=objective))


def _on_gpu(name: str, method: StudentMethodConfig) -> Recipe:
    return Recipe(
        name=name,
        method=method,
        optimizers={"denoiser": OptimizerConfig(rate=RateConfig(peak=2e-4, warmup=50_000), clip=1.0)},
        images=_IMAGES,
        batch_size=256,
        flip=True,
        averages={"ema": AverageConfig(half_life=100_000, ramp_up=0.05)},
        evaluation=EvaluationConfig(every=0),
        preview_every=500_000,
        checkpoint_every=1_000_000,
        log_every=25_600,
    )


def distilled(
    method: str, teacher: str, info: DataInfo, *, steps: int = 1, images: int | None = None, small: bool = False
) -> Recipe:
    """The recipe of a student of a trained model.

    Args:
        method: a key of :data:`~diorama.recipes.entries.few_steps.DISTILLATIONS`.
        teacher: the folder of a model or run.
        info: what the data are.
        steps: that the student draws in.
        images: length of the run, by which its stages, warm-up and average are as much longer or shorter as it is;
            ``None`` for the recipe's.
        small: settings for minutes on a CPU.

    Raises:
        BadConfig: there is no such method, or a number is not positive.
    """
    if method not in DISTILLATIONS:
        raise BadConfig(f"method: {method!r} is none of {', '.join(DISTILLATIONS)}")
    name = DISTILLATIONS[method]
    recipe = make(catalog.small_of(name) or name if small else name, info)
    recipe = replace(recipe, frozen={"teacher": ModelRef(folder=teacher)})
    try:
        assert isinstance(recipe.method, StudentMethodConfig), f"{name} trains students"
        recipe = replace(recipe, method=_drawing_in(steps, recipe.method))
        return recipe if images is None else _of_length(recipe, images)
    except ValueError as problem:
        raise BadConfig(str(problem)) from problem


def _drawing_in(steps: int, method: StudentMethodConfig) -> StudentMethodConfig:
    if isinstance(method, DistributionMatchingConfig):
        return replace(method, ratios=levels_of(steps))
    return replace(method, steps=steps)


def suited(recipe: Recipe, teacher: DiffusionSynthesizerConfig) -> Recipe:
    """The recipe with the levels of noise that suit its teacher written out, so that each can be seen and changed.

    Args:
        recipe: of :func:`distilled`.
        teacher: of :func:`teacher_of`.
    """
    method = recipe.method
    if isinstance(method, EasyConsistencyConfig):
        method = replace(method, times=method.times or pair_times(teacher.process))
    elif isinstance(method, DistributionMatchingConfig):
        own = score_times(teacher.process, through_scores=method.matching.through_scores)
        method = replace(method, times=method.times or own.asked, fake_times=method.fake_times or own.learned)
    return replace(recipe, method=method)


def teacher_of(folder: str, info: DataInfo, catalog: Sequence[object] = ()) -> DiffusionSynthesizerConfig:
    """The config of a model that can be distilled on data, before anything is trained.

    Args:
        folder: of a model or run.
        info: what the data are.
        catalog: config classes of a user's own.

    Raises:
        BadInput: there is no model, it is no diffusion or flow model, enlarges pictures, or draws others of another
            shape.
    """
    place = store.model_folder(folder)
    config = store.read_config(place, catalog)
    if not isinstance(config, DiffusionSynthesizerConfig):
        kind = kind_in_words(config)
        raise BadInput(f"{folder}: is a model of the kind {kind}; a diffusion or flow model can be distilled")
    if draws_partners(config.media, config.conditions):
        raise BadInput(f"{folder}: enlarges pictures that it is given; a model that is given none can be distilled")
    if config.media.shape != info.media.shape:
        raise BadInput(
            f"{folder}: draws {config.media.shape}, but the records of {info.name} are {info.media.shape} (channels, "
            "frames of clips, height, width); give the data that the model was trained on, or others of its shape"
        )
    return config


def advice(method: str, teacher: DiffusionSynthesizerConfig, folder: str) -> str:
    """What is likely to go wrong with a teacher; empty where nothing is.

    Args:
        method: as of :func:`distilled`.
        teacher: of :func:`teacher_of`.
        folder: of it, to be named.
    """
    if method != "scm":
        return ""
    process = teacher.process
    # Around equal parts of noise and signal, when their ratio grows by a fifth.
    ratios = torch.tensor([0.9, 1.1], dtype=torch.float64)
    told = teacher.preconditioning.time(process.at(process.time_of(ratios)))
    if abs((told[1] - told[0]).item()) / math.log(1.1 / 0.9) < _FAST:
        return ""
    return (
        f"{folder} is told its time in fast waves, so that the derivative that scm takes is mostly theirs; "
        "a student may learn little: compare with --method ect"
    )


def _of_length(recipe: Recipe, images: int) -> Recipe:
    """The recipe with everything that is counted in pictures as much longer or shorter as the run is."""
    method = recipe.method
    if isinstance(method, EasyConsistencyConfig):
        method = replace(method, stage=max(scaled(method.stage, recipe, images), 1))
    elif isinstance(method, ContinuousDistillationConfig):
        warmup = scaled(method.objective.warmup, recipe, images)
        method = replace(method, objective=replace(method.objective, warmup=warmup))
    elif isinstance(method, DistributionMatchingConfig):
        after = scaled(method.adversarial.after, recipe, images)
        method = replace(method, adversarial=replace(method.adversarial, after=after))
    return replace(of_length(recipe, images), method=method)
