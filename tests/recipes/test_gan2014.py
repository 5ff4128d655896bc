"""The recipe of the first GAN."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.gan2014 import gan2014
from tests.recipes.families import clips, one_step, parameters, pictures


def test_digits_have_the_authors_sizes_and_take_a_step() -> None:
    recipe = gan2014(pictures(28, 1))
    # 100 → 1200 → 1200 → 784, and 784 → 240 × 5 → 240 × 5 → 1.
    assert parameters(recipe) == (101 + 1201) * 1200 + 1201 * 784 + (785 + 241) * 1200 + 241
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())
    assert decode(AnyMethod, encode(recipe.method)) == recipe.method


def test_clips_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        gan2014(clips())
