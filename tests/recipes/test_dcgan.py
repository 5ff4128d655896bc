"""DCGAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.dcgan import dcgan, dcgan_cpu
from tests.recipes.families import clips, one_step, parameters, pictures


def test_the_papers_settings() -> None:
    recipe = dcgan(pictures(64))
    adam = recipe.optimizers["generator"]
    assert (recipe.batch_size, adam.rate.peak, adam.betas) == (128, 2e-4, (0.5, 0.999))
    assert parameters(recipe) == 6_342_272


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3), (64, 4)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = dcgan_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_it_survives_json() -> None:
    method = dcgan_cpu(pictures()).method
    assert decode(AnyMethod, encode(method)) == method


def test_clips_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        dcgan(clips())
