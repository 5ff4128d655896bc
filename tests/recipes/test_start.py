"""Training by a recipe's name, as the command does, and what is no recipe."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diorama
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.data.pack import pack_arrays
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.start import make
from diorama.training.recipe import TrainOptions

INFO = DataInfo(name="noise", media=MediaSpec(kind="image", channels=3, height=32, width=32))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    pack_arrays(tmp_path / "data", {"train": pixels[:32], "val": pixels[32:]}, INFO.media)
    return tmp_path / "data"


def test_a_recipe_is_trained_by_its_name(data: Path, tmp_path: Path) -> None:
    training = diorama.train("dcgan_cpu", data=data, out=tmp_path / "run", options=TrainOptions(device="cpu"))
    assert inspect.isgenerator(training)
    next(training)
    assert next(training).step == 1
    training.close()
    assert '"dcgan_cpu"' in (tmp_path / "run" / "recipe.json").read_text()


def test_a_recipe_of_ones_own_is_trained_from_its_file(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import replace\nfrom diorama.recipes.dcgan import dcgan_cpu\n"
        "def mine(info): return replace(dcgan_cpu(info), name='mine', images=8, batch_size=8)\n"
        "def nothing(info): return info\ndef broken(info): return 1 / 0\n"
    )
    training = diorama.train(f"{tmp_path / 'mine.py'}:mine", data, tmp_path / "run", TrainOptions(device="cpu"))
    next(training)
    training.close()
    assert '"mine"' in (tmp_path / "run" / "recipe.json").read_text()
    with pytest.raises(BadConfig, match=r"mine.py:nothing: must return a Recipe, got DataInfo"):
        make(f"{tmp_path / 'mine.py'}:nothing", INFO)
    with pytest.raises(BadInput, match=r"mine.py:broken: ZeroDivisionError while it made the recipe"):
        make(f"{tmp_path / 'mine.py'}:broken", INFO)


def test_a_function_and_its_name_make_the_same_recipe() -> None:
    assert make("dcgan_cpu", INFO) == make(dcgan_cpu, INFO) == dcgan_cpu(INFO)


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ("ddpm_cppu", BadConfig, r"no recipe 'ddpm_cppu' \(did you mean 'ddpm_cpu'\?\)"),
        ("gone.py:mine", BadInput, "gone.py: there is no such Python file"),
        (7, BadConfig, "must be a recipe's name, such as 'ddpm_cpu', .* got int"),
        (None, BadConfig, "got NoneType"),
    ],
)
def test_what_is_no_recipe_is_refused_at_once(recipe: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        diorama.train(recipe, data="nowhere", out="nowhere")


def test_a_recipe_that_lacks_a_part_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"captions|label|codec"):
        next(diorama.train("latent_text_cpu", data, tmp_path / "run", TrainOptions(device="cpu")))
    assert not (tmp_path / "run" / "recipe.json").exists()
