"""StyleGAN's recipes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.catalog import AnyMethod
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.recipes.stylegan import stylegan2, stylegan2_ada, stylegan2_cifar, stylegan2_cpu, stylegan3
from diorama.training.recipe import AverageConfig, Recipe
from tests.recipes.families import clips, one_step, parameters, pictures

TEN = tuple("abcdefghij")
Make = Callable[[DataInfo], Recipe]


def method(recipe: Recipe) -> GANConfig:
    assert isinstance(recipe.method, GANConfig)
    return recipe.method


def test_configuration_f_has_the_papers_settings_and_lazy_rates() -> None:
    recipe = stylegan2(pictures(256))
    config = method(recipe)
    assert (recipe.batch_size, config.style_mixing, config.path_length.weight, config.augment) == (32, 0.9, 2.0, None)
    assert config.r1 == pytest.approx(0.4096)
    generator, discriminator = recipe.optimizers["generator"], recipe.optimizers["discriminator"]
    assert generator.rate.peak == pytest.approx(0.002 * 4 / 5)
    assert discriminator.rate.peak == pytest.approx(0.002 * 16 / 17)
    assert generator.betas == pytest.approx((0.0, 0.99**0.8))
    assert discriminator.betas == pytest.approx((0.0, 0.99 ** (16 / 17)))
    assert recipe.averages == {"ema": AverageConfig(half_life=10_000, ramp_up=0.05, buffers="copied")}
    assert [phase.interval for phase in config.build().phases()] == [1, 16, 1, 4]


@pytest.mark.parametrize(
    ("size", "batch", "base", "r1"), [(64, 32, 16384, 0.0256), (256, 16, 16384, 0.8192), (1024, 4, 32768, 52.4288)]
)
def test_ada_takes_its_settings_from_the_size(size: int, batch: int, base: int, r1: float) -> None:
    recipe = stylegan2_ada(pictures(size))
    config = method(recipe)
    assert config.augment == AdaptiveAugmentationConfig()
    assert (recipe.batch_size, config.generator.channel_base) == (batch, base)  # type: ignore[union-attr]
    assert config.r1 == pytest.approx(r1)
    assert recipe.averages == {"ema": AverageConfig(half_life=round(312.5 * batch), buffers="copied")}


def test_cifar_has_the_tuned_settings() -> None:
    recipe = stylegan2_cifar(pictures(32, 3, TEN))
    config = method(recipe)
    assert (config.r1, config.style_mixing, config.path_length.weight) == (0.01, 0, 0)
    assert config.discriminator.architecture == "orig"  # type: ignore[union-attr]
    assert (recipe.batch_size, recipe.flip, recipe.averages["ema"]) == (
        64,
        True,
        AverageConfig(half_life=500_000, buffers="copied"),
    )
    assert config.conditions[0].names == TEN


def test_stylegan3_has_no_lazy_generator_and_turns_into_r_by_flags() -> None:
    recipe = stylegan3(pictures(256))
    config = method(recipe)
    assert (config.r1, config.style_mixing, config.path_length.weight) == (pytest.approx(2.048), 0, 0)
    assert recipe.optimizers["generator"].rate.peak == 2.5e-3
    generator = config.generator
    assert isinstance(generator, StyleGAN3GeneratorConfig)
    bands = replace(generator.bands, conv_kernel=1, use_radial_filters=True)
    radial = replace(generator, bands=bands, channel_base=65536, channel_max=1024)
    assert radial.layers[0].kernel == 1


def narrow(make: Make, size: int, channels: int, classes: tuple[str, ...]) -> Recipe:
    """A recipe with few channels, so that a step is quick."""
    recipe = make(pictures(size, channels, classes))
    config = method(recipe)
    generator: Any = replace(config.generator, channel_max=8, latent=8, style=8)  # type: ignore[call-arg]
    discriminator: Any = replace(config.discriminator, channel_max=8)  # type: ignore[call-arg]
    return replace(recipe, method=replace(config, generator=generator, discriminator=discriminator))


@pytest.mark.parametrize("make", [stylegan2, stylegan2_ada, stylegan2_cifar, stylegan3])
def test_wide_ones_take_a_step(make: Make) -> None:
    losses = one_step(narrow(make, 16, 1, ("a", "b")))
    assert all(math.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (32, 3)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = stylegan2_cpu(pictures(size, channels, TEN))
    assert parameters(recipe) <= 1_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_data_without_labels_or_with_one_train_without_a_condition() -> None:
    for classes in ((), ("only",)):
        config = method(stylegan2_ada(pictures(64, 3, classes)))
        assert (config.conditions, config.generator.reads, config.discriminator.reads) == ((), (), ())


@pytest.mark.parametrize("make", [stylegan2, stylegan2_cpu, stylegan3])
def test_they_survive_json(make: Make) -> None:
    found = make(pictures(32, 3, TEN)).method
    assert decode(AnyMethod, encode(found)) == found


def test_other_data_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        stylegan2(clips())
    with pytest.raises(BadConfig, match="a side of 8, 16, 32 and so on"):
        stylegan2(pictures(28))
    with pytest.raises(BadConfig, match="a side of 16"):
        stylegan3(pictures(8))
