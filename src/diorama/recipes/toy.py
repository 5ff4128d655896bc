"""Every family at 32 pixels, small enough to show something after a minute on two CPU cores.

They are the small recipes with shorter habits: quick averages, a log that is fine enough for a curve, no measurement
in the loop. ``diorama demo`` trains them on the built-in world.
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.mocogan import mocogan_cpu
from diorama.recipes.vae import vae_cpu
from diorama.training.recipe import EvaluationConfig, Recipe


def dcgan_toy(info: DataInfo) -> Recipe:
    """DCGAN for a minute.

    Command: ``diorama train dcgan_toy --data world --out runs/dcgan``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.dcgan.dcgan`.
    """
    return _quick(dcgan_cpu(info), "dcgan_toy", images=60_000, half_life=2_000)


def vae_toy(info: DataInfo) -> Recipe:
    """VAE for a minute.

    Command: ``diorama train vae_toy --data world --out runs/vae``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.vae.vae`.
    """
    return _quick(vae_cpu(info), "vae_toy", images=80_000, half_life=2_000)


def ddpm_toy(info: DataInfo) -> Recipe:
    """DDPM for a minute.

    Command: ``diorama train ddpm_toy --data world --out runs/ddpm``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.ddpm.ddpm`.
    """
    return _quick(ddpm_cpu(info), "ddpm_toy", images=30_000, half_life=3_000)


def mocogan_toy(info: DataInfo) -> Recipe:
    """MoCoGAN for a minute.

    Command: ``diorama train mocogan_toy --data world-video --out runs/mocogan``
    Hardware and time: two CPU cores; a minute on 16 frames of 32 x 32.
    Reference: as :func:`~diorama.recipes.mocogan.mocogan`.
    """
    return _quick(mocogan_cpu(info), "mocogan_toy", images=4_000, half_life=200)


def _quick(recipe: Recipe, name: str, *, images: int, half_life: int) -> Recipe:
    """A small recipe, cut short."""
    return replace(
        recipe,
        name=name,
        images=images,
        average=replace(recipe.average, half_life=half_life),
        evaluation=EvaluationConfig(every=0, samples=0),
        preview_every=0,
        checkpoint_every=images,
        keep=1,
        log_every=max(recipe.batch_size, images // 200 // recipe.batch_size * recipe.batch_size),
    )
