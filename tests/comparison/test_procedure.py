"""What is given to a comparison is looked at before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.comparison.mixture import fit
from diorama.comparison.options import CompareOptions
from diorama.comparison.procedure import train_and_measure
from diorama.core.contracts import MediaSpec
from diorama.core.durations import Budget
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.data.pack import pack_arrays
from diorama.media.image import write_image
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


def black(folder: Path) -> Dataset:
    return pack_arrays(folder, {"train": np.zeros((24, 32, 32, 3), np.uint8)}, MEDIA)


def test_a_run_that_has_saved_no_model_is_refused_before_training(tmp_path: Path) -> None:
    data = black(tmp_path / "data")
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    (run / "recipe.json").write_text("{}")
    options = CompareOptions(runs=(run,), device="cpu")
    with pytest.raises(BadInput, match="has saved no model yet"):
        list(train_and_measure(["vae_toy"], data.path, out, options))
    assert not (out / "runs").exists()


def test_a_model_of_another_size_is_refused_before_training(tmp_path: Path) -> None:
    data, wide = black(tmp_path / "data"), replace(MEDIA, width=64)
    model = fit(lambda: iter([torch.rand(20, *wide.shape) * 2 - 1]), wide)
    store.save(tmp_path / "wide", model.config, model.state_dict(), Provenance(recipe="mixture"), "a card")
    options = CompareOptions(budget=Budget(images=32), runs=(tmp_path / "wide",), count=20, device="cpu")
    with pytest.raises(BadInput, match=r"wide: draws \(3, 32, 64\), but the records of arrays are \(3, 32, 32\)"):
        list(train_and_measure(["vae_toy"], data.path, tmp_path / "out", options))
    assert not (tmp_path / "out").exists()


def test_the_budget_is_said_first(tmp_path: Path) -> None:
    options = CompareOptions(budget=Budget(images=40), device="cpu")
    first = next(train_and_measure(["vae_toy"], black(tmp_path / "data").path, tmp_path / "out", options))
    assert first.note == "each recipe trains for 40 images"


@pytest.mark.parametrize(
    ("size", "count", "words"), [(16, 20, "is 16x16 and the reference 32x32"), (32, 4, "theirs.*4")]
)
def test_samples_of_another_size_or_too_few_are_refused_before_training(
    tmp_path: Path, size: int, count: int, words: str
) -> None:
    data = black(tmp_path / "data")
    for number in range(count):
        write_image(tmp_path / "theirs" / f"{number}.png", np.zeros((size, size, 3), np.uint8))
    given = {"theirs": tmp_path / "theirs"}
    options = CompareOptions(budget=Budget(images=32), samples=given, count=20, device="cpu")
    with pytest.raises(BadInput, match=words):
        list(train_and_measure(["vae_toy"], data.path, tmp_path / "out", options))
    assert not (tmp_path / "out").exists()
