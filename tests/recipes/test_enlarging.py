"""Recipes of networks that enlarge pictures in one pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo, SideSpec
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.enlarging import EnlargingConfig
from diorama.methods.adversarial.esrgan import ESRGANConfig
from diorama.methods.catalog import AnyMethod
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.recipes.enlarging import (
    esrgan,
    esrgan_cpu,
    rrdb_psnr,
    rrdb_psnr_cpu,
    srgan,
    srgan_cpu,
    srresnet,
    srresnet_cpu,
)
from diorama.recipes.start import make
from diorama.training.recipe import Recipe
from tests.recipes.families import parameters, pictures


def data(small: int = 48, large: int = 192) -> DataInfo:
    """Small pictures with larger partners."""
    media = pictures(large).media
    side = SideSpec(key="target", kind="picture", shape=media.shape, media=media)
    return replace(pictures(small), sides=(side,))


def network_of(recipe: Recipe) -> object:
    assert isinstance(recipe.method, EnlargingConfig)
    return recipe.method.network


def test_the_papers_networks_are_as_large_as_published() -> None:
    assert parameters(srresnet(data())) == 1_517_571  # MSRResNet
    assert parameters(rrdb_psnr(data())) == 16_697_987  # RRDBNet of 23 blocks


def test_first_stages_have_the_papers_adam_at_full_size_and_muon_where_they_are_small() -> None:
    for recipe in (srresnet(data()), rrdb_psnr(data())):
        adam = recipe.optimizers["generator"]
        assert (adam.algorithm, adam.rate.peak, adam.betas) == ("adam", 2e-4, (0.9, 0.99))
    for recipe in (srresnet_cpu(data()), rrdb_psnr_cpu(data())):
        muon = recipe.optimizers["generator"]
        assert (muon.algorithm, muon.rate.peak, muon.rate.decay) == ("muon", 5e-3, "cosine")


@pytest.mark.parametrize(
    ("first", "second"),
    [(rrdb_psnr, esrgan), (rrdb_psnr_cpu, esrgan_cpu), (srresnet, srgan), (srresnet_cpu, srgan_cpu)],
)
def test_both_stages_have_one_network(
    first: Callable[[DataInfo], Recipe], second: Callable[[DataInfo], Recipe]
) -> None:
    assert network_of(first(data())) == network_of(second(data()))


def test_squares_of_128_pixels_are_judged_by_esrgans_discriminator_and_others_by_real_esrgans() -> None:
    large, small = esrgan(data()).method, esrgan(data(16, 64)).method
    assert isinstance(large, ESRGANConfig)
    assert isinstance(small, ESRGANConfig)
    assert isinstance(large.discriminator, VGGDiscriminatorConfig)
    assert (large.adversarial, large.l1, large.perceptual) == (5e-3, 1e-2, 1.0)
    assert isinstance(small.discriminator, UNetDiscriminatorConfig)
    assert small.crop == 16


def test_srgan_judges_each_picture_by_itself_and_compares_no_pixels() -> None:
    method = srgan(data()).method
    assert isinstance(method, ESRGANConfig)
    assert (method.loss, method.adversarial, method.l1, method.perceptual) == ("non_saturating", 1e-3, 0.0, 1.0)
    assert isinstance(method.discriminator, VGGDiscriminatorConfig)


@pytest.mark.parametrize("make_recipe", [srresnet_cpu, srgan_cpu, rrdb_psnr_cpu, esrgan_cpu])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_small_ones_are_small_take_the_scale_from_the_data_and_are_read_back(
    make_recipe: Callable[[DataInfo], Recipe], scale: int
) -> None:
    recipe = make_recipe(data(20, 20 * scale))
    assert network_of(recipe).scale == scale  # type: ignore[attr-defined]
    assert parameters(recipe) < 500_000
    assert decode(AnyMethod, json.loads(json.dumps(encode(recipe.method)))) == recipe.method


@pytest.mark.parametrize(
    ("name", "info", "told"),
    [
        ("srresnet", pictures(48), "have no larger ones beside them .* with --size N --small M"),
        (
            "esrgan",
            data(48, 48),
            "are 48 x 48, no larger than the pictures' own 48 x 48; prepare with --size N --small M",
        ),
        ("srresnet", data(24, 192), "this recipe enlarges 2, 3 or 4 times: prepare with --size N --small N/4"),
        ("rrdb_psnr", data(40, 100), "this recipe enlarges 2, 3, 4 or 8 times"),
    ],
)
def test_what_cannot_be_learned_of_is_refused_with_what_to_do(name: str, info: DataInfo, told: str) -> None:
    with pytest.raises(BadConfig, match=told) as refused:
        make(name, info)
    assert "\n" not in str(refused.value)
