"""Both stages of ESRGAN as runs: the second starts from the first, and a resumed one draws the same squares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.data.dataset import Dataset
from diorama.recipes.enlarging import esrgan_cpu, rrdb_psnr_cpu
from diorama.synthesis.picture import PictureSynthesizer
from diorama.synthesis.store import load
from diorama.training.folder import read_state
from diorama.training.recipe import Recipe
from diorama.training.run import TrainOptions, train
from tests.data.pictures import picture, prepared, save

OPTIONS = TrainOptions(device="cpu", preview_at_stop=False)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("pairs")
    for number in range(5):
        save(picture(number, (32, 32)), root / "in" / ("train" if number < 4 else "val") / f"{number}.png")
    return prepared(root / "in", root / "out", size=32, small=16)[0]


def short(recipe: Recipe) -> Recipe:
    """Two steps of two pictures of a narrow model."""
    method: Any = recipe.method
    changes: dict[str, Any] = {"network": replace(method.network, features=4, growth=2, blocks=1), "crop": 8}
    if hasattr(method, "discriminator"):
        changes["discriminator"] = replace(method.discriminator, features=2)
    return replace(
        recipe, method=replace(method, **changes), images=4, batch_size=2, preview_every=4, checkpoint_every=2
    )


def test_the_second_stage_goes_on_with_the_first_and_continues_bit_for_bit(pairs: Dataset, tmp_path: Path) -> None:
    list(train(short(rrdb_psnr_cpu(pairs.info)), pairs.path, tmp_path / "psnr", OPTIONS))
    options, recipe = replace(OPTIONS, start_from=tmp_path / "psnr"), short(esrgan_cpu(pairs.info))
    first, *_ = list(train(recipe, pairs.path, tmp_path / "whole", options))
    assert "discriminator begins anew" in first.notes[0]
    assert "are new" not in first.notes[0]
    for tick in train(recipe, pairs.path, tmp_path / "parts", options):
        if tick.step == 1:
            break
    list(train(recipe, pairs.path, tmp_path / "parts", options))
    whole, parts = (read_state(tmp_path / name / "checkpoints/000000002")["method"] for name in ("whole", "parts"))
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert not any(name.startswith("frozen") for name in whole)
    model = load(tmp_path / "whole")
    assert isinstance(model, PictureSynthesizer)
    assert model.of_picture(torch.zeros(1, 3, 9, 11)).shape == (1, 3, 18, 22)
