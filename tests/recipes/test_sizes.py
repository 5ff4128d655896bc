"""What has a size that a recipe does not take is told which sizes it does take."""

from __future__ import annotations

import pytest

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.recipes.catalog import ENTRIES, resolve
from diorama.recipes.sizes import first_for, recipes_for, sizes_instead


def info_of(height: int, width: int, *, channels: int = 3, frames: int | None = None) -> DataInfo:
    media = MediaSpec(kind="video" if frames else "image", channels=channels, height=height, width=width, frames=frames)
    return DataInfo(name="x", media=media)


@pytest.mark.parametrize(
    ("recipe", "side", "nearest"), [("dcgan_cpu", 50, (48, 52)), ("ddpm_cpu", 50, (48, 52)), ("ddpm", 31, (28, 32))]
)
def test_the_nearest_sizes_are_taken_and_none_is_nearer(recipe: str, side: int, nearest: tuple[int, int]) -> None:
    function, info = resolve(recipe), info_of(side, side)
    assert f"--size {nearest[0]} or --size {nearest[1]}" in sizes_instead(function, info)
    for size in range(nearest[0], nearest[1] + 1):
        try:
            function(info_of(size, size))
        except BadConfig:
            assert size not in nearest
        else:
            assert size in nearest


def test_where_no_size_helps_none_is_named() -> None:
    assert sizes_instead(resolve("dcgan_cpu"), info_of(64, 64, frames=16)) == ""


def test_a_size_that_all_take_is_said_in_short() -> None:
    assert recipes_for(info_of(32, 32)) == ("every recipe for pictures takes pictures of 32 x 32 with 3 channels")


def test_what_a_recipe_refuses_for_another_reason_is_named() -> None:
    told = recipes_for(info_of(32, 32, channels=1))
    assert told == "every recipe for pictures but lite takes pictures of 32 x 32 with 1 channel"


def test_a_size_that_few_take_names_those_that_the_others_take() -> None:
    told = recipes_for(info_of(50, 50))
    listed, _, sizes = told.partition("; the others take ")
    assert sizes == "--size 48 or --size 52"
    taken = listed.partition("are taken by ")[2].split(", ")
    for entry in ENTRIES:
        if entry.kind == "image" and entry.name not in ("ddpm_class", "ddpm_class_cpu"):
            try:
                entry.function()(info_of(50, 50))
            except BadConfig:
                assert entry.name not in taken
            else:
                assert entry.name in taken


@pytest.mark.parametrize(
    ("side", "channels", "frames", "recipe"),
    [(32, 3, None, "ddpm_cpu"), (64, 3, 16, "mocogan_cpu"), (50, 3, None, None), (7, 3, 16, None)],
)
def test_a_first_training_is_proposed_where_one_takes_the_data(
    side: int, channels: int, frames: int | None, recipe: str | None
) -> None:
    assert first_for(info_of(side, side, channels=channels, frames=frames)) == recipe
