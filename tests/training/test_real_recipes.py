"""The small recipes on the built-in world, left and continued, in the precision that the machine has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core import runlog
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.vae import vae_cpu
from diorama.synthesis import store
from diorama.training.folder import read_state
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = World(size=32).pictures(np.arange(128))
    folder = tmp_path_factory.mktemp("data") / "world"
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    pack_arrays(folder, {"train": pictures[:96], "val": pictures[96:]}, media, name="world")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("make", [dcgan_cpu, vae_cpu, ddpm_cpu])
def test_a_real_recipe_continues_bit_for_bit(make: Callable[[DataInfo], Recipe], data: Path, tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    recipe = replace(
        make(DataInfo(name="world", media=media, count=96)),
        images=16 * 6,
        batch_size=16,
        preview_every=48,
        log_every=32,
        evaluation=EvaluationConfig(samples=0),
    )
    options = TrainOptions(device="cpu")
    list(train(recipe, data, tmp_path / "whole", options))
    for tick in train(recipe, data, tmp_path / "parts", options):
        if tick.step == 3:
            break
    list(train(recipe, data, tmp_path / "parts", options))

    whole, parts = (read_state(tmp_path / name / "checkpoints/000000006") for name in ("whole", "parts"))
    assert all(torch.equal(value, parts["method"][name]) for name, value in whole["method"].items())
    assert all(torch.equal(value, parts["averages"]["ema"][name]) for name, value in whole["averages"]["ema"].items())
    logs = [[runlog.without_clock(r) for r in runlog.read(tmp_path / n / "log.jsonl")] for n in ("whole", "parts")]
    assert logs[0] == logs[1]
    assert store.load(tmp_path / "parts").sample(2, seed=0).isfinite().all()
