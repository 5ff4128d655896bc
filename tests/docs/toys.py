"""The shipped recipes under their own names, so small that a documented command takes a second or two.

Structure and option names are those of the recipe; width, length and the number of sampling steps are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from diorama.core.contracts import DataInfo
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.recipes import dcgan as dcgan_recipes
from diorama.recipes import ddpm as ddpm_recipes
from diorama.recipes import edm as edm_recipes
from diorama.recipes import inpainting as inpainting_recipes
from diorama.recipes import latent as latent_recipes
from diorama.recipes import mocogan as mocogan_recipes
from diorama.recipes import student as student_recipes
from diorama.recipes import translation as translation_recipes
from diorama.recipes import upscale as upscale_recipes
from diorama.recipes import vae as vae_recipes
from diorama.training.recipe import EvaluationConfig, Recipe

IMAGES = 64
"""Length of every toy training."""

_FEATURES = 8


def dcgan(info: DataInfo) -> Recipe:
    """Of the small one's shape, as all here."""
    return _narrow(dcgan_recipes.dcgan_cpu, info, "dcgan", "generator", "discriminator")


def dcgan_cpu(info: DataInfo) -> Recipe:
    """As it is, but narrow and short."""
    return _narrow(dcgan_recipes.dcgan_cpu, info, "dcgan_cpu", "generator", "discriminator")


def vae(info: DataInfo) -> Recipe:
    """Narrow and short."""
    return _narrow(vae_recipes.vae_cpu, info, "vae", "encoder", "decoder")


def vae_cpu(info: DataInfo) -> Recipe:
    """Narrow and short."""
    return _narrow(vae_recipes.vae_cpu, info, "vae_cpu", "encoder", "decoder")


def vae_spatial_cpu(info: DataInfo) -> Recipe:
    """Narrow and short."""
    return _narrow(vae_recipes.vae_spatial_cpu, info, "vae_spatial_cpu", "encoder", "decoder")


def latent_text(info: DataInfo) -> Recipe:
    """Of the small one's shape."""
    return _few_steps(latent_recipes.latent_text_cpu, info, "latent_text")


def latent_text_cpu(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(latent_recipes.latent_text_cpu, info, "latent_text_cpu")


def edm_cpu(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(edm_recipes.edm_cpu, info, "edm_cpu")


def edm_upscale_cpu(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(upscale_recipes.edm_upscale_cpu, info, "edm_upscale_cpu")


def student(info: DataInfo) -> Recipe:
    """Of the small one's shape, in five steps."""
    return _five_steps(info, "student")


def student_cpu(info: DataInfo) -> Recipe:
    """Five sampling steps: its teachers draw in six, and its students in four."""
    return _five_steps(info, "student_cpu")


def ddpm(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(ddpm_recipes.ddpm_cpu, info, "ddpm")


def ddpm_cpu(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(ddpm_recipes.ddpm_cpu, info, "ddpm_cpu")


def ddpm_class_cpu(info: DataInfo) -> Recipe:
    """Narrow, in six sampling steps."""
    return _few_steps(ddpm_recipes.ddpm_class_cpu, info, "ddpm_class_cpu")


def pix2pix_cpu(info: DataInfo) -> Recipe:
    """Short."""
    return _short(translation_recipes.pix2pix_cpu(info), "pix2pix_cpu")


def cyclegan_cpu(info: DataInfo) -> Recipe:
    """Short."""
    return _short(translation_recipes.cyclegan_cpu(info), "cyclegan_cpu")


def inpaint_gan_cpu(info: DataInfo) -> Recipe:
    """Short."""
    return _short(inpainting_recipes.inpaint_gan_cpu(info), "inpaint_gan_cpu")


def mocogan_cpu(info: DataInfo) -> Recipe:
    """Short."""
    return _short(mocogan_recipes.mocogan_cpu(info), "mocogan_cpu")


def _short(recipe: Recipe, name: str) -> Recipe:
    silent = EvaluationConfig(samples=0)
    return replace(recipe, name=name, images=IMAGES, batch_size=16, log_every=32, preview_every=0, evaluation=silent)


def _narrow(make: Callable[[DataInfo], Recipe], info: DataInfo, name: str, *networks: str) -> Recipe:
    recipe = make(info)
    method: Any = recipe.method
    narrower = {network: replace(getattr(method, network), features=_FEATURES) for network in networks}
    return _short(replace(recipe, method=replace(method, **narrower)), name)


def _five_steps(info: DataInfo, name: str) -> Recipe:
    recipe = student_recipes.student_cpu(info)
    method: Any = recipe.method
    return _short(replace(recipe, method=replace(method, steps=5)), name)


def _few_steps(make: Callable[[DataInfo], Recipe], info: DataInfo, name: str) -> Recipe:
    recipe = make(info)
    method: Any = recipe.method
    denoiser: DDPMUNetConfig = method.synthesizer.denoiser
    width = denoiser.head_channels or 2 * _FEATURES
    narrower = replace(
        denoiser, widths=(width,) * len(denoiser.widths), embedding=replace(denoiser.embedding, width=width)
    )
    synthesizer = replace(method.synthesizer, denoiser=narrower, steps=6)
    return _short(replace(recipe, method=replace(method, synthesizer=synthesizer)), name)
