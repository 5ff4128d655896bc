"""Every family at 32 pixels, small enough to show something after a minute on two CPU cores.

They are the small recipes with shorter habits: quick averages, a log that is fine enough for a curve, no measurement
in the loop. ``diorama demo`` trains them on the built-in world.
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.mocogan import MoCoGANConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.processes.times import LogNormalTimes
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.edm import edm_cpu
from diorama.recipes.latent import latent_text_cpu
from diorama.recipes.mocogan import mocogan_cpu
from diorama.recipes.student import student_cpu
from diorama.recipes.vae import vae_cpu, vae_spatial_cpu
from diorama.training.recipe import AverageConfig, EvaluationConfig, Recipe


def dcgan_toy(info: DataInfo) -> Recipe:
    """DCGAN for a minute.

    Command: ``diorama train dcgan_toy --data world --out runs/dcgan``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.dcgan.dcgan`.
    """
    return _quick(dcgan_cpu(info), "dcgan_toy", images=60_000, batch_size=64)


def vae_toy(info: DataInfo) -> Recipe:
    """VAE for a minute.

    Command: ``diorama train vae_toy --data world --out runs/vae``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.vae.vae`.
    """
    return _quick(vae_cpu(info), "vae_toy", images=30_000, batch_size=32)


def ddpm_toy(info: DataInfo) -> Recipe:
    """DDPM for a minute.

    Command: ``diorama train ddpm_toy --data world --out runs/ddpm``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.ddpm.ddpm`.
    """
    return _quick(ddpm_cpu(info), "ddpm_toy", images=20_000, batch_size=32)


def edm_toy(info: DataInfo) -> Recipe:
    """EDM for a minute.

    Command: ``diorama train edm_toy --data world --out runs/edm``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.edm.edm`.
    """
    large = min(info.media.height, info.media.width) >= 64
    recipe = _quick(edm_cpu(info), "edm_toy", images=8_000, batch_size=4 if large else 8)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    # At first the network learns the picture alone, and only after some hundred steps the noise in it: so many small
    # steps, at levels where there is much of both.
    return replace(recipe, method=replace(method, times=LogNormalTimes(mean=-1.0, deviation=0.8)))


def vae_spatial_toy(info: DataInfo) -> Recipe:
    """A codec for a minute.

    Command: ``diorama train vae_spatial_toy --data world --out runs/codec``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.vae.vae_spatial`.
    """
    return _quick(vae_spatial_cpu(info), "vae_spatial_toy", images=16_000, batch_size=32)


def latent_text_toy(info: DataInfo) -> Recipe:
    """A latent text-to-image model for a minute.

    Command: ``diorama train latent_text_toy --data world --frozen.codec runs/codec --out runs/latent``
    Hardware and time: two CPU cores; a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.latent.latent_text`.
    """
    return _quick(latent_text_cpu(info), "latent_text_toy", images=16_000, batch_size=32)


def student_toy(info: DataInfo) -> Recipe:
    """A student for under a minute.

    Command: ``diorama train student_toy --data world --frozen.teacher runs/ddpm --out runs/student``
    Hardware and time: two CPU cores; under a minute at 32 x 32.
    Reference: as :func:`~diorama.recipes.student.student`.
    """
    return _quick(student_cpu(info), "student_toy", images=8_000, batch_size=32)


def mocogan_toy(info: DataInfo) -> Recipe:
    """MoCoGAN for a minute.

    An R1 penalty on both discriminators keeps the first hundred steps from ending in coarse patterns: after 1,600 clips
    of world-video, fd@lite2 was 362 and fd@lite 339; with a weight of 0.1 in place of 5 they were 396 and 1,120.

    Command: ``diorama train mocogan_toy --data world-video --out runs/mocogan``
    Hardware and time: two CPU cores; a minute on 16 frames of 32 x 32.
    Reference: as :func:`~diorama.recipes.mocogan.mocogan`.
    """
    recipe = _quick(mocogan_cpu(info), "mocogan_toy", images=4_000, batch_size=8)
    method = recipe.method
    assert isinstance(method, MoCoGANConfig)
    return replace(recipe, method=replace(method, r1=5.0))


def _quick(recipe: Recipe, name: str, *, images: int, batch_size: int) -> Recipe:
    """A small recipe, cut short: in a minute many steps on few pictures teach more than the reverse."""
    players = {
        player: replace(optimizer, rate=replace(optimizer.rate, warmup=min(optimizer.rate.warmup, images // 20)))
        for player, optimizer in recipe.optimizers.items()
    }
    averages = {
        name: replace(average, half_life=images // 20)
        for name, average in recipe.averages.items()
        if isinstance(average, AverageConfig)
    }
    return replace(
        recipe,
        name=name,
        optimizers=players,
        images=images,
        batch_size=batch_size,
        averages=averages,
        evaluation=EvaluationConfig(every=0, samples=0),
        preview_every=0,
        checkpoint_every=images,
        keep=1,
        log_every=max(batch_size, images // 200),
    )
