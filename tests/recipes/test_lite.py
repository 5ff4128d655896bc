"""The recipe of the feature network."""

from __future__ import annotations

import pytest

from diorama.core.errors import BadConfig
from diorama.networks.features.lite import LITE2, LiteConfig
from diorama.recipes.lite import lite, lite2
from tests.recipes.families import clips, one_step, pictures


def test_takes_a_step_and_has_the_packages_network() -> None:
    recipe = lite(pictures(64))
    assert recipe.method.encoder == LiteConfig()  # type: ignore[attr-defined]
    assert all(value > 0 for value in one_step(recipe).values())


def test_the_second_names_collections_with_the_network_of_its_weights() -> None:
    recipe = lite2(pictures(64, classes=("a", "b")))
    assert recipe.method.encoder == LITE2.config  # type: ignore[attr-defined]
    assert recipe.method.collections == 2  # type: ignore[attr-defined]
    assert all(value > 0 for value in one_step(recipe).values())
    with pytest.raises(BadConfig, match="no labels"):
        lite2(pictures(64))


def test_learns_from_colour_pictures_only() -> None:
    with pytest.raises(BadConfig, match="colour pictures"):
        lite(pictures(channels=1))
    with pytest.raises(BadConfig, match="colour pictures"):
        lite(clips())
