"""Recipes of networks that draw pictures of one kind of pictures of another."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo, SideSpec
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.cyclegan import CycleGANConfig
from diorama.methods.adversarial.pix2pix import Pix2PixConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.start import make
from diorama.recipes.translation import cyclegan, cyclegan_cpu, pix2pix, pix2pix_cpu, pix2pixhd
from diorama.training.recipe import Recipe, rate
from tests.recipes.families import clips, one_step, parameters, pictures


def data(size: int = 64, partner: int | None = None, channels: int = 1, *, unpaired: bool = False) -> DataInfo:
    """Pictures in colour, with others beside them."""
    media = pictures(partner or size, channels).media
    side = SideSpec(key="target", kind="picture", shape=media.shape, media=media, unpaired=unpaired)
    return replace(pictures(size), sides=(side,))


def test_pix2pix_has_the_authors_settings() -> None:
    recipe = pix2pix(data(256, channels=3))
    method = recipe.method
    assert isinstance(method, Pix2PixConfig)
    assert (method.loss, method.l1, method.feature_matching, recipe.batch_size) == ("cross_entropy", 100.0, 0.0, 1)
    assert method.generator.halvings == 8  # type: ignore[union-attr]
    assert parameters(recipe) == 54_413_955 + 2_768_705  # as the authors' program counts them


def test_cyclegan_has_the_papers_settings() -> None:
    recipe = cyclegan(data(256, channels=3, unpaired=True))
    method = recipe.method
    assert isinstance(method, CycleGANConfig)
    assert (method.loss, method.cycle, method.identity, method.history) == ("least_squares", 10.0, 0.5, 50)
    assert parameters(recipe) == 2 * 11_378_179 + 2 * 2_764_737  # likewise
    optimizer = recipe.optimizers["generators"]
    shares = [rate(optimizer.rate, images, recipe.images) / 2e-4 for images in (0, 135_000, 202_500, 270_000)]
    assert shares == pytest.approx([1, 1, 0.5, 0])
    assert cyclegan(data(128)).method.generator.blocks == 6  # type: ignore[attr-defined]
    assert cyclegan(data(128)).method.identity == 0  # type: ignore[attr-defined]


def test_pix2pixhd_has_the_authors_settings() -> None:
    recipe = pix2pixhd(data(64, channels=3))
    method = recipe.method
    assert isinstance(method, Pix2PixConfig)
    assert (method.loss, method.l1, method.feature_matching) == ("least_squares", 0.0, 10.0)
    assert method.generator_first


@pytest.mark.parametrize(("size", "halvings"), [(32, 5), (64, 6), (96, 5), (512, 8)])
def test_the_unet_halves_as_often_as_it_can(size: int, halvings: int) -> None:
    assert pix2pix(data(size)).method.generator.halvings == halvings  # type: ignore[attr-defined]


@pytest.mark.parametrize("make_recipe", [pix2pix_cpu, cyclegan_cpu])
@pytest.mark.parametrize("direction", ["to_partner", "to_record"])
def test_the_small_ones_are_small_and_take_a_step_in_either_direction(
    make_recipe: Callable[[DataInfo], Recipe], direction: str
) -> None:
    recipe = make_recipe(data(32))
    recipe = replace(recipe, method=replace(recipe.method, direction=direction))  # type: ignore[call-arg]
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())
    assert decode(AnyMethod, json.loads(json.dumps(encode(recipe.method)))) == recipe.method


@pytest.mark.parametrize(
    ("name", "info", "told"),
    [
        ("pix2pix", pictures(64), r"have no partners .* with --pair COLUMN, FOLDER, left or right$"),
        ("cyclegan", pictures(64), r"with --pair COLUMN, FOLDER, left or right, or a second set with --unpaired OTHER"),
        ("pix2pix", data(unpaired=True), "stands a second set, in which none has a partner of its own"),
        ("pix2pix_cpu", data(64, 32), "are 32 x 32, and the pictures 64 x 64; diorama prepare --size N brings both"),
        ("pix2pix", data(50), r"halves them 5 times: .* multiples of 32 .* with --size 32 or --size 64"),
        ("pix2pixhd", data(40), r"multiples of 16 and at least 32 .* with --size 32 or --size 48"),
        ("cyclegan_cpu", data(30), r"at least 32 .* with --size 32"),
        ("pix2pix", replace(data(), media=clips().media), "holds clips; this recipe translates pictures"),
    ],
)
def test_what_cannot_be_learned_of_is_refused_with_what_to_do(name: str, info: DataInfo, told: str) -> None:
    with pytest.raises(BadConfig, match=told) as refused:
        make(name, info)
    assert "\n" not in str(refused.value)
