"""Models that are given pictures, while they train: what previews show, what they are measured against, resuming."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core.contracts import Batch
from diorama.data.dataset import Dataset, Split
from diorama.evaluation.protocol import Interval, Result
from diorama.evaluation.run import Evaluation
from diorama.media.image import read_image
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.translation import cyclegan_cpu, pix2pix_cpu
from diorama.training import monitoring
from diorama.training.folder import read_state
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train
from tests.data.pictures import picture, prepared, save

OPTIONS = TrainOptions(device="cpu", preview_at_stop=False)
TRAIN, VAL = 4, 3


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("pairs")
    for number in range(TRAIN + VAL):
        name = f"{'train' if number < TRAIN else 'val'}/{number}.png"
        save(picture(number, (32, 32)), root / "in" / "photos" / name)
        save(picture(100 + number, (32, 32), 1), root / "in" / "maps" / name)
    rows = "\n".join(
        f"photos/{s}/{n}.png,maps/{s}/{n}.png,{s}" for n, s in enumerate(["train"] * TRAIN + ["val"] * VAL)
    )
    (root / "rows.csv").write_text(f"path,map,split\n{rows}\n")
    return prepared(root / "in", root / "out", size=32, table=root / "rows.csv", pair="map")[0]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two sets of other lengths; the second has nothing to validate with."""
    root = tmp_path_factory.mktemp("sets")
    for number in range(7):
        save(picture(number, (32, 32)), root / "a" / ("train" if number < 5 else "val") / f"{number}.png")
    for number in range(3):
        save(picture(50 + number, (32, 32)), root / "b" / "train" / f"{number}.png")
    return prepared(root / "a", root / "out", size=32, unpaired=root / "b")[0]


def short(recipe: Recipe, images: int, **changes: Any) -> Recipe:
    """A few steps, of which the last one ends with a preview and a measurement."""
    evaluation = EvaluationConfig(every=images, samples=20)
    whole = replace(recipe, images=images, preview_every=images, checkpoint_every=images, evaluation=evaluation)
    return replace(whole, **changes)


@pytest.fixture
def held_against(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Split, int]]:
    """The records that samples were held against, and how many samples; every measurement is 1."""
    seen: list[tuple[Split, int]] = []

    def measure(drawn: Iterable[Batch], split: Any, metrics: Sequence[str], *, seed: int = 0) -> Evaluation:
        seen.append((split, sum(len(batch["index"]) for batch in drawn)))
        interval = Interval(low=0, high=2, method="made up")
        return Evaluation(results=(Result(metric=metrics[0], value=1.0, interval=interval, samples=seen[-1][1]),))

    monkeypatch.setattr(monitoring, "reference_features", lambda split, *_: split)
    monkeypatch.setattr(monitoring, "measure_shared", measure)
    monkeypatch.setattr(monitoring, "why_not_measured", lambda *_: "")
    monkeypatch.setattr("diorama.training.run.why_not_measured", lambda *_: "")
    return seen


@pytest.mark.parametrize("direction", ["to_partner", "to_record"])
def test_held_out_pictures_are_given_and_shown_beside_what_is_drawn_and_the_truth(
    direction: str, pairs: Dataset, tmp_path: Path, held_against: list[tuple[Split, int]]
) -> None:
    recipe = pix2pix_cpu(pairs.info)
    method = replace(recipe.method, direction=direction)  # type: ignore[call-arg]
    list(train(short(recipe, 2, method=method), pairs.path, tmp_path / "run", OPTIONS))
    sheet = read_image((tmp_path / "run/samples/001.png").read_bytes(), "001.png").pixels
    # Three records, each between what it is given and what it should draw: two beside one another, one below.
    assert sheet.shape == (2 * (32 + 2) + 2, 2 * (3 * 32 + 2) + 2, 3)
    val = pairs.split("val")
    shown = [sheet[2 + 34 * (n // 2) :, 2 + 98 * (n % 2) :][:32, :96] for n in range(VAL)]
    photos, maps = val.stored(np.arange(VAL)), val.sides["target"].stored(val.sides["target"].firsts)
    given, true = (photos, maps) if direction == "to_partner" else (maps, photos)
    for panel in shown:
        (record,) = [n for n in range(VAL) if np.array_equal(panel[:, :32], np.broadcast_to(given[n], (32, 32, 3)))]
        assert np.array_equal(panel[:, 64:], np.broadcast_to(true[record], (32, 32, 3)))
    card = (tmp_path / "run/model/README.md").read_text()
    assert f"Draws 32×32 pictures of {true.shape[-1]} channels" in card
    key = "image" if direction == "to_partner" else "target"
    assert f'.sample(16, seed=0, condition={{"{key}": given}})' in card
    ((reals, samples),) = held_against
    # No more samples than there are pictures to draw them of.
    assert (reals.info.media.channels, samples) == (true.shape[-1], VAL)
    assert np.array_equal(reals.stored(np.arange(VAL)), true)


def test_a_second_set_without_held_out_pictures_is_drawn_of_those_it_has(sets: Dataset, tmp_path: Path) -> None:
    recipe = cyclegan_cpu(sets.info)
    method = replace(recipe.method, direction="to_record")  # type: ignore[call-arg]
    first, *_ = train(short(recipe, 1, method=method), sets.path, tmp_path / "run", OPTIONS)
    assert "no split `val` that is large enough" in first.notes[-1]
    sheet = read_image((tmp_path / "run/samples/001.png").read_bytes(), "001.png").pixels
    assert sheet.shape[1] % (2 * 32 + 2) == 2  # input and drawn: nobody knows the truth


def test_a_resumed_run_shows_the_same_older_pictures(sets: Dataset, tmp_path: Path) -> None:
    recipe = cyclegan_cpu(sets.info)
    generator = CycleGANGeneratorConfig(width=4, blocks=1)
    method = replace(recipe.method, history=2, generator=generator)  # type: ignore[call-arg]
    recipe = replace(recipe, method=method, images=6, checkpoint_every=3, evaluation=EvaluationConfig(samples=0))
    list(train(recipe, sets.path, tmp_path / "whole", OPTIONS))
    for tick in train(recipe, sets.path, tmp_path / "parts", OPTIONS):
        if tick.step == 4:
            break
    list(train(recipe, sets.path, tmp_path / "parts", OPTIONS))
    whole, parts = (read_state(tmp_path / name / "checkpoints/000000006")["method"] for name in ("whole", "parts"))
    assert int(whole["drawn_records.filled"]) == 2
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_a_recipe_that_reads_no_second_set_says_how_much_it_leaves(sets: Dataset, tmp_path: Path) -> None:
    recipe = replace(short(dcgan_cpu(sets.info), 8), preview_every=0, evaluation=EvaluationConfig(every=0, samples=0))
    opening = next(iter(train(recipe, sets.path, tmp_path / "run", OPTIONS)))
    (note,) = [each for each in opening.notes if "second" in each]
    assert "5 records of the first set alone" in note
    assert "none of the 3 of the second" in note


def test_a_recipe_that_reads_the_second_set_or_has_none_says_nothing_of_it(
    sets: Dataset, pairs: Dataset, tmp_path: Path
) -> None:
    for number, (recipe, data) in enumerate([(cyclegan_cpu(sets.info), sets), (dcgan_cpu(pairs.info), pairs)]):
        plain = replace(short(recipe, 8), preview_every=0, evaluation=EvaluationConfig(every=0, samples=0))
        opening = next(iter(train(plain, data.path, tmp_path / str(number), OPTIONS)))
        assert not [each for each in opening.notes if "second" in each]
