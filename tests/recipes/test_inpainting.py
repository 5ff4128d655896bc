"""Recipes of networks that fill holes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.freeform import FreeFormConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.inpainting import inpaint_gan, inpaint_gan_cpu
from diorama.training.recipe import Recipe, rate
from tests.recipes.families import clips, one_step, parameters, pictures


@pytest.mark.parametrize("make", [inpaint_gan, inpaint_gan_cpu])
@pytest.mark.parametrize(("size", "layers"), [(16, 4), (32, 5), (64, 6), (100, 6), (256, 6), (512, 6)])
def test_the_discriminator_is_as_deep_as_pictures_are_large(
    make: Callable[[DataInfo], Recipe], size: int, layers: int
) -> None:
    method = make(pictures(size, channels=1)).method
    assert isinstance(method, FreeFormConfig)
    assert method.discriminator.layers == layers
    assert decode(AnyMethod, json.loads(json.dumps(encode(method)))) == method


def test_the_small_one_is_small() -> None:
    assert parameters(inpaint_gan_cpu(pictures(64))) < 800_000


@pytest.mark.parametrize("make", [inpaint_gan, inpaint_gan_cpu])
def test_rates_come_to_nothing_however_long_the_run_is(make: Callable[[DataInfo], Recipe]) -> None:
    for player in make(pictures(64)).optimizers.values():
        for length in (50_000, 2_000_000):
            assert rate(player.rate, length // 2, length) > 0.4 * player.rate.peak
            assert rate(player.rate, length, length) == 0


@pytest.mark.parametrize(
    ("info", "told"),
    [
        (clips(32), "holds clips"),
        (pictures(30), "are 30 x 30, .* prepare with --size 28$"),
        (pictures(12), "are 12 x 12, .* prepare with --size 16$"),
    ],
)
def test_what_cannot_be_filled_is_refused(info: DataInfo, told: str) -> None:
    with pytest.raises(BadConfig, match=told):
        inpaint_gan(info)


@pytest.mark.parametrize(("size", "attention"), [(32, True), (36, False)])
def test_attention_is_taken_where_maps_can_be_halved_once_more(size: int, attention: bool) -> None:
    method = inpaint_gan(pictures(size)).method
    assert isinstance(method, FreeFormConfig)
    assert method.generator.attention == attention
    small = replace(
        inpaint_gan_cpu(pictures(size)), method=replace(method, generator=replace(method.generator, width=4))
    )
    assert all(math.isfinite(value) for value in one_step(small).values())
