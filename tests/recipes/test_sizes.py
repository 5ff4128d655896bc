"""What has a size that a recipe does not take is told which sizes it does take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.errors import BadConfig
from diorama.recipes.catalog import resolve
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
    assert recipes_for(info_of(16, 16)) == (
        "every recipe for pictures but r3gan, fastgan, fastgan_cpu takes pictures of 16 x 16 with 3 channels; "
        "these take --size 32"
    )


@pytest.mark.parametrize(
    ("side", "told"),
    [
        (50, "pictures of 50 x 50 with 3 channels are taken by gan2014; the others take --size 32 or --size 64"),
        (30, "dcgan, dcgan_cpu, dcgan_toy, vae_gan, vae_gan_cpu, vae, vae_cpu, vae_toy; the others take --size 32"),
    ],
)
def test_what_makes_a_generator_of_the_data_alone_is_named(side: int, told: str) -> None:
    words = recipes_for(info_of(side, side))
    assert told in words
    assert "student" not in words
    assert "lite" not in words


@pytest.mark.parametrize(
    ("side", "channels", "frames", "recipe"),
    [(32, 3, None, "ddpm_cpu"), (64, 3, 16, "mocogan_cpu"), (50, 3, None, None), (7, 3, 16, None)],
)
def test_a_first_training_is_proposed_where_one_takes_the_data(
    side: int, channels: int, frames: int | None, recipe: str | None
) -> None:
    assert first_for(info_of(side, side, channels=channels, frames=frames)) == recipe


@pytest.mark.parametrize(("partner", "recipe"), [(64, "edm_upscale_cpu"), (32, "pix2pix_cpu"), (16, "ddpm_cpu")])
def test_enlarging_is_proposed_where_partners_are_larger_and_translation_where_they_are_alike(
    partner: int, recipe: str
) -> None:
    info, media = info_of(32, 32), info_of(partner, partner).media
    side = SideSpec(key="target", kind="picture", shape=media.shape, media=media)
    assert first_for(replace(info, sides=(side,))) == recipe


def test_a_recipe_that_enlarges_is_told_the_nearest_small_size_beside_the_large_one() -> None:
    larger = MediaSpec(kind="image", channels=3, height=32, width=32)
    side = SideSpec(key="target", kind="picture", shape=larger.shape, media=larger)
    told = sizes_instead(resolve("srresnet_cpu"), replace(info_of(5, 5), sides=(side,)))
    assert told.endswith("diorama prepare SOURCE --out FOLDER --size 32 --small 8")
