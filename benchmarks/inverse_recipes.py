"""Models of 128 px grey pictures for ``inverse_problems.py``: of few pictures, within minutes on one GPU.

Run: ``diorama train benchmarks/inverse_recipes.py:xray --data xray128 --out runs/xray --time 300s``
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.times import LogNormalTimes
from diorama.recipes.ddpm import ddpm_class
from diorama.recipes.edm import as_edm
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig, Recipe


def xray(info: DataInfo) -> Recipe:
    """EDM with labels for about 2,000 pictures of 128 px.

    Squares of 2 x 2 pixels are the places of the first level, and channels grow from 64 to 256. The pictures are few
    and are seen some hundred times, hence the dropout. They are not mirrored: the heart lies on one side, and the
    burnt-in letters would be mirrored too. A label is left out three times in ten, so that one model draws any X-ray
    (reconstruction) and normal ones alone (anomalies).

    Training looks at more noise than the paper does at 32 px, since larger pictures hide the same noise better
    (E. Hoogeboom, J. Heek, T. Salimans, arXiv:2301.11093, section 3).

    Args:
        info: pictures with labels, height and width multiples of 16.

    Raises:
        BadConfig: the data are clips, of another size, or without labels.
    """
    return _edm(info, widths=(64, 128, 256, 256), depth=2, dropout=0.15)


def xray_small(info: DataInfo) -> Recipe:
    """:func:`xray` with a fraction of its weights, for rehearsals on a CPU.

    Raises:
        BadConfig: as :func:`xray`.
    """
    recipe = _edm(info, widths=(32, 64, 96), depth=1, dropout=0.05)
    rate = RateConfig(peak=2e-3, warmup=1_000)
    return replace(
        recipe,
        name="xray_small",
        optimizers={"denoiser": OptimizerConfig(rate=rate, betas=(0.9, 0.99), clip=1.0)},
        batch_size=16,
        averages={"ema": AverageConfig(half_life=20_000, ramp_up=0.05)},
    )


def _edm(info: DataInfo, widths: tuple[int, ...], depth: int, dropout: float) -> Recipe:
    recipe = as_edm(ddpm_class(info))
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    (label,) = method.synthesizer.conditions
    network = replace(
        network,
        patch=2,
        widths=widths,
        depth=depth,
        # At the coarsest level, and where there are four, at the one before too.
        attention=tuple(level >= 2 and level >= len(widths) - 2 for level in range(len(widths))),
        scale_shift=True,
        dropout=dropout,
    )
    model = replace(
        method.synthesizer,
        conditions=(replace(label, dropout=0.3),),
        denoiser=network,
        guidance=1.0,
    )
    # With 1e-3, a run on a GPU ended at a gradient that was not finite after 387 thousand pictures.
    rate = RateConfig(peak=5e-4, warmup=20_000)
    return replace(
        recipe,
        name="xray",
        method=replace(method, synthesizer=model, times=LogNormalTimes(mean=-0.8, deviation=1.4)),
        optimizers={"denoiser": OptimizerConfig(rate=rate, betas=(0.9, 0.99), clip=1.0)},
        images=2_000_000,
        batch_size=64,
        flip=False,
        # Of a constant rate the average takes the place of a fall, wherever the time runs out.
        averages={"ema": AverageConfig(half_life=60_000, ramp_up=0.1)},
        evaluation=replace(recipe.evaluation, every=0, samples=0),
        preview_every=0,
        checkpoint_every=200_000,
        log_every=6_400,
    )
