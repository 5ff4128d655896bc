"""What has a size that a recipe does not take is told which sizes it does take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.data.pack import pack_arrays
from diorama.recipes.catalog import ENTRIES, resolve
from diorama.recipes.sizes import recipes_for, sizes_instead


def info_of(height: int, width: int, *, frames: int | None = None) -> DataInfo:
    media = MediaSpec(kind="video" if frames else "image", channels=3, height=height, width=width, frames=frames)
    return DataInfo(name="x", media=media)


def packed(folder: Path, side: int, channels: int = 3) -> Path:
    media = MediaSpec(kind="image", channels=channels, height=side, width=side)
    pack_arrays(folder, {"train": np.zeros((2, side, side, channels), np.uint8)}, media, name="x")
    return folder


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


def test_a_size_that_all_take_is_said_in_short(tmp_path: Path) -> None:
    assert recipes_for(packed(tmp_path / "d", 32)) == (
        "every recipe for pictures takes pictures of 32 x 32 with 3 channels"
    )


def test_what_a_recipe_refuses_for_another_reason_is_named(tmp_path: Path) -> None:
    told = recipes_for(packed(tmp_path / "d", 32, channels=1))
    assert told == "every recipe for pictures but lite takes pictures of 32 x 32 with 1 channel"


def test_a_size_that_few_take_names_those_that_the_others_take(tmp_path: Path) -> None:
    told = recipes_for(packed(tmp_path / "d", 50))
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
