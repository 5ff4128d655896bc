"""The table of what each choice of the recipe ``fast_cifar`` is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.fast_cifar import VARIANTS, Rows, trained, with_network

from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.fast_cifar import fast_cifar
from tests.recipes.families import pictures
from tests.training.walks import Run

ROW: dict[str, Any] = {"variant": "recipe", "seed": 0, "images": 100, "seconds": 7.0, "images_per_second": 50.0}


def _nothing(rows: list[dict[str, Any]]) -> str:
    return ""


def test_a_run_that_was_complete_keeps_the_times_of_its_training(tmp_path: Path) -> None:
    Rows(tmp_path / "table", _nothing).add(ROW | {"fd@lite": 3.0})
    again = ROW | {"seconds": None, "images_per_second": None, "fd@lite": 2.0}
    rows = Rows(tmp_path / "table", _nothing)
    rows.add(again)
    rows.add(again | {"seed": 1})
    assert json.loads((tmp_path / "table.json").read_text()) == [ROW | {"fd@lite": 2.0}, again | {"seed": 1}]
    rows.add(ROW | {"seconds": 9.0, "images_per_second": None, "fd@lite": 1.0})
    assert rows.rows[-1]["seconds"] == 9.0
    assert rows.rows[-1]["images_per_second"] is None


def test_a_complete_run_has_no_seconds(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)
    pack_arrays(tmp_path / "data", {"train": values}, pictures(8).media)
    recipe = replace(ddpm_cpu(open_dataset(tmp_path / "data").info), images=16, batch_size=8)
    first, again = (trained(recipe, tmp_path / "data", tmp_path / "run", "cpu") for _ in range(2))
    assert (first["seconds"] or 0) > 0
    assert again["seconds"] is None


def _narrow(network: DDPMUNetConfig) -> DDPMUNetConfig:
    """A network of the same shape, a sixteenth as wide."""
    heads = network.head_channels and network.head_channels // 16
    widths = tuple(width // 16 for width in network.widths)
    return replace(network, widths=widths, groups=network.groups // 16, head_channels=heads)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_takes_two_steps(name: str) -> None:
    info = pictures(8)
    recipe = VARIANTS[name][1](fast_cifar(info))
    # Without memory, whether the network of the table itself can be built.
    with torch.device("meta"):
        recipe.method.build()
    narrow = with_network(recipe, _narrow)
    images = torch.rand(2, *info.media.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    run = Run(narrow.method.build, torch.device("cpu"), config=narrow.optimizers)
    run.go(2, recorded=False, batches=lambda step: [{"image": images}])
    assert len(run.taken) == 2
    assert all(value.isfinite() for step in run.taken for value in step.losses.values())


def test_every_variant_but_the_recipe_itself_differs_from_it() -> None:
    recipe = fast_cifar(pictures(32))
    assert [name for name, (_, change) in VARIANTS.items() if change(recipe) == recipe] == ["recipe"]


def test_pictures_that_are_altered_are_mirrored_once() -> None:
    recipe = VARIANTS["augment"][1](fast_cifar(pictures(32)))
    assert isinstance(recipe.method, DiffusionMethodConfig)
    assert recipe.method.augment == 0.12
    assert not recipe.flip
