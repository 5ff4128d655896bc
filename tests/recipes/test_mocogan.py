"""MoCoGAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.mocogan import mocogan, mocogan_cpu
from tests.recipes.families import clips, one_step, parameters, pictures


def test_the_papers_settings() -> None:
    recipe = mocogan(clips(64))
    adam = recipe.optimizers["video_discriminator"]
    assert (recipe.batch_size, adam.rate.peak, adam.betas, adam.weight_decay) == (32, 2e-4, (0.5, 0.999), 1e-5)
    assert parameters(recipe) == 17_072_148


@pytest.mark.parametrize(("size", "classes"), [(32, ()), (32, ("a", "b")), (64, ())])
def test_the_small_one_is_small_and_takes_a_step(size: int, classes: tuple[str, ...]) -> None:
    recipe = mocogan_cpu(clips(size, classes=classes))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_it_survives_json() -> None:
    method = mocogan(clips(classes=("a", "b"))).method
    assert decode(AnyMethod, encode(method)) == method


def test_pictures_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="film strips"):
        mocogan(pictures())
