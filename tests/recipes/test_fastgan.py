"""FastGAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.errors import BadConfig
from diorama.recipes.fastgan import fastgan, fastgan_cpu
from tests.recipes.families import clips, one_step, parameters, pictures


def test_it_has_the_authors_settings() -> None:
    recipe = fastgan(pictures(256))
    assert (recipe.batch_size, recipe.images) == (8, 400_000)
    assert {(o.rate.peak, o.betas) for o in recipe.optimizers.values()} == {(2e-4, (0.5, 0.999))}


@pytest.mark.parametrize(("size", "channels"), [(32, 3), (128, 1)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = fastgan_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_other_data_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        fastgan(clips())
    with pytest.raises(BadConfig, match="squares of 32, 64"):
        fastgan(pictures(96))
