"""VAE-GAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.errors import BadConfig
from diorama.methods.adversarial.vae_gan import VAEGANConfig
from diorama.recipes.vae_gan import vae_gan, vae_gan_cpu
from tests.recipes.families import clips, one_step, parameters, pictures


def test_it_has_the_papers_settings() -> None:
    recipe = vae_gan(pictures(64))
    method = recipe.method
    assert isinstance(method, VAEGANConfig)
    assert (method.layer, method.generator.latent, recipe.batch_size) == (2, 128, 64)
    assert {(o.algorithm, o.rate.peak) for o in recipe.optimizers.values()} == {("rmsprop", 3e-4)}


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (32, 3)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = vae_gan_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_clips_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        vae_gan(clips())
