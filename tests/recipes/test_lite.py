"""The recipe of the feature network."""

from __future__ import annotations

import pytest

from diorama.core.errors import BadConfig
from diorama.networks.features.lite import LiteConfig
from diorama.recipes.lite import lite
from tests.recipes.families import clips, one_step, pictures


def test_takes_a_step_and_has_the_packages_network() -> None:
    recipe = lite(pictures(64))
    assert recipe.method.encoder == LiteConfig()  # type: ignore[attr-defined]
    assert all(value > 0 for value in one_step(recipe).values())


def test_learns_from_colour_pictures_only() -> None:
    with pytest.raises(BadConfig, match="colour pictures"):
        lite(pictures(channels=1))
    with pytest.raises(BadConfig, match="colour pictures"):
        lite(clips())
