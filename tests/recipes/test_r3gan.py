"""R3GAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.joint import JointPenalties
from diorama.methods.catalog import AnyMethod
from diorama.recipes.lengths import of_length
from diorama.recipes.r3gan import r3gan, r3gan_cpu
from diorama.training.recipe import AverageConfig, unreached
from tests.recipes.families import clips, one_step, parameters, pictures

TEN = tuple("abcdefghij")


def test_small_pictures_have_the_authors_settings_for_cifar() -> None:
    recipe = r3gan(pictures(32, 3, TEN))
    method = recipe.method
    assert isinstance(method, GANConfig)
    assert method.joint == JointPenalties(r1=0.05, r2=0.05, final=0.1, fall=20_000_000)
    assert (method.generator.widths, method.generator.groups) == ((768,) * 4, (96,) * 4)  # type: ignore[union-attr]
    assert (method.generator.half, method.discriminator.half) == ((1, 2, 3), (0, 1, 2))  # type: ignore[union-attr]
    assert method.conditions[0].names == TEN
    (adam,) = {(o.betas, o.beta2_final, o.rate.peak, o.rate.final) for o in recipe.optimizers.values()}
    assert adam == ((0.0, 0.9), 0.99, 2e-4, 0.25)
    assert recipe.batch_size == 512


@pytest.mark.parametrize("size", [64, 128])
def test_larger_ones_have_more_stages_whose_sides_meet(size: int) -> None:
    method = r3gan(pictures(size)).method
    assert isinstance(method, GANConfig)
    generator, discriminator = method.generator, method.discriminator
    assert generator.side == discriminator.side == size  # type: ignore[union-attr]
    assert generator.widths == discriminator.widths[::-1]  # type: ignore[union-attr]
    assert method.conditions == ()


@pytest.mark.parametrize(("size", "channels", "classes"), [(16, 1, ()), (32, 3, TEN), (64, 3, ())])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int, classes: tuple[str, ...]) -> None:
    recipe = r3gan_cpu(pictures(size, channels, classes))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())
    assert decode(AnyMethod, encode(recipe.method)) == recipe.method


def test_a_shorter_run_is_told_what_it_ends_before() -> None:
    recipe = r3gan(pictures(32))
    assert unreached(recipe, recipe.images) == []
    penalties, average = unreached(recipe, recipe.images // 2)
    assert penalties.startswith("ends while 55% of the penalties is left")
    assert "--averages.ema.rise" in average
    assert of_length(recipe, 1_000_000).averages["ema"] == AverageConfig(
        half_life=250_000, ramp_up=None, rise=1_000_000, buffers="copied"
    )


def test_other_data_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        r3gan(clips())
    with pytest.raises(BadConfig, match="squares of 32, 64, 128"):
        r3gan(pictures(28))
