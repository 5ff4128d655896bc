"""Drifting models: a generator of one pass, whose samples drift to the data while it is trained."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.drifting import DriftingConfig
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.recipes.fast_cifar import fast_cifar
from diorama.recipes.flow import flow_cpu
from diorama.samplers.consistency import ConsistencyConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def drift(info: DataInfo) -> Recipe:
    """A drifting model with the U-Net of :func:`~diorama.recipes.fast_cifar.fast_cifar`, in the features of ``lite``.

    Command: ``diorama train drift --data DATA --out runs/drift``
    Hardware and time: one GPU; the maps of ``lite`` of generated and of real pictures beside the passes of
    ``fast_cifar``. Not timed yet. The distances of all pairs at all places of the finest map take 0.5 GB at 32 x 32 and
    batches of 256, and a few tensors of that size are held at a time; a ``micro_batch`` of half the size takes a
    quarter, in sets of half the size.

    The paper's ablation default is a transformer that is trained for 30 thousand steps of 64 labels, each with 64
    generated samples and 64 real ones; its best models of latents are trained for 200 thousand steps of 128 labels.
    Their features were learned from the same data.

    Args:
        info: pictures of any number of channels, height and width multiples of 4. Made for 32 x 32.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: M. Deng, H. Li, T. Li, Y. Du, K. He, arXiv:2602.04770, table 8: temperatures, rate and optimizer of the
    ablation default. There are no labels, so a field is that of 256 samples of all kinds; warm-up and average are
    shorter; and a sixth of the pictures are seen.
    """
    recipe = _drifting(fast_cifar(info), "drift", peak=2e-4, warmup=400_000)
    return replace(
        recipe,
        images=20_000_000,
        averages={"ema": AverageConfig(half_life=500_000, ramp_up=0.035)},
        # Those of fast_cifar are for a run of ten minutes.
        evaluation=EvaluationConfig(every=1_000_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
    )


def drift_cpu(info: DataInfo) -> Recipe:
    """A drifting model with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`, in the features of ``lite``.

    Command: ``diorama train drift_cpu --data DATA --out runs/drift``
    Hardware and time: two CPU cores; the maps of ``lite`` beside the passes of ``flow_cpu``, of which the two coarsest
    are looked at.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    recipe = _drifting(flow_cpu(info), "drift_cpu", peak=1e-3, warmup=10_000)
    assert isinstance(recipe.method, DriftingConfig)
    return replace(recipe, method=replace(recipe.method, depths=(2, 3)), batch_size=64)


def _drifting(recipe: Recipe, name: str, *, peak: float, warmup: int) -> Recipe:
    """A flow's recipe whose network draws in one pass.

    Args:
        recipe: of a flow.
        name: of the new recipe.
        peak: of the learning rate.
        warmup: of it, in pictures.
    """
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    model = replace(
        method.synthesizer,
        # As a flow's, its samples start as noise: if all were alike at first, all would drift to one mode.
        spacing=RatioSpacing(ratios=(80.0,)),
        steps=1,
        sampler=ConsistencyConfig(sigma_min=0.0),
    )
    rate = RateConfig(peak=peak, warmup=warmup)
    adam = OptimizerConfig(algorithm="adamw", rate=rate, betas=(0.9, 0.95), weight_decay=0.01, clip=2.0)
    return replace(
        recipe,
        name=name,
        method=DriftingConfig(synthesizer=model),
        optimizers={"denoiser": adam},
    )
