"""Progressive GAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.progressive import progressive, progressive_cpu
from diorama.training.recipe import unreached
from tests.recipes.families import clips, one_step, parameters, pictures


def test_it_has_the_papers_settings_and_time_for_every_scale() -> None:
    recipe = progressive(pictures(128))
    method = recipe.method
    assert isinstance(method, GANConfig)
    assert method.growth is not None
    assert (method.growth.steady, method.growth.fading, recipe.batch_size) == (800_000, 800_000, 16)
    assert method.generator.widths == (512, 512, 512, 512, 256, 128)  # type: ignore[union-attr]
    assert method.growth.end(6) < recipe.images
    assert {(o.rate.peak, o.betas) for o in recipe.optimizers.values()} == {(1e-3, (0.0, 0.99))}


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (32, 3)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = progressive_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())
    assert decode(AnyMethod, encode(recipe.method)) == recipe.method


@pytest.mark.parametrize(("images", "side"), [(5_000, 4), (6_000, 8), (29_999, 32)])
def test_a_run_too_short_for_all_scales_is_told_how_sharp_its_pictures_will_be(images: int, side: int) -> None:
    recipe = progressive_cpu(pictures(32))
    assert unreached(recipe, recipe.images) == []
    (found,) = unreached(recipe, images)
    assert f"takes 30,000 images: its pictures will be no sharper than {side} x {side};" in found


def test_other_data_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        progressive(clips())
    with pytest.raises(BadConfig, match="squares of 8, 16"):
        progressive(pictures(48))
