"""A second set beside the first, of any length, of which a record is drawn at every reading by an order of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.data.dataset import Split, open_dataset
from diorama.data.gather import FromFiles, wanted_of
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.resident import Resident
from diorama.data.schedule import Schedule
from diorama.data.training_sets import open_training_data
from tests.data.pictures import picture, prepared, save

FIRST, SECOND = 9, 5


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of pictures in colour and in grey, of other sizes and lengths, all for training."""
    for number in range(FIRST):
        save(picture(number, (16, 16)), tmp_path / "cats" / "train" / f"{number}.png")
    for number in range(SECOND):
        save(picture(50 + number, (20, 20), 1), tmp_path / "dogs" / "train" / f"{number}.png")
    return tmp_path / "cats", tmp_path / "dogs"


@pytest.fixture
def split(sources: tuple[Path, Path], tmp_path: Path) -> Split:
    first, second = sources
    return prepared(first, tmp_path / "out", unpaired=second)[0].split("train")


def _drawn(batches: list[Batch]) -> list[tuple[int, bytes]]:
    """Which record stands beside which picture of the second set."""
    return [
        (int(index), target.numpy().tobytes())
        for batch in batches
        for index, target in zip(batch["index"], batch["target"], strict=True)
    ]


def test_both_sets_are_prepared_and_the_second_is_a_side_of_the_first(
    sources: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = sources
    dataset, audit = prepared(first, tmp_path / "out", unpaired=second)
    alone, _ = prepared(second, tmp_path / "alone")
    assert audit.records == FIRST
    assert dataset.second is not None
    assert dataset.second.info.sha256 == alone.info.sha256
    (spec,) = dataset.info.sides
    assert spec.unpaired
    assert spec.shape == (1, 16, 16)
    batch = dataset.split("train").read(np.arange(FIRST))
    own = alone.split("train").read(np.arange(FIRST) % SECOND)["image"]
    torch.testing.assert_close(batch["target"], own)
    open_dataset(tmp_path / "out").verify()
    assert open_training_data(tmp_path / "out").info.sides == dataset.info.sides


def test_the_hash_names_the_second_set_and_is_what_it_was_without_one(
    sources: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = sources
    hashes = {
        prepared(first, tmp_path / str(number), name="x", unpaired=other)[0].info.sha256
        for number, other in enumerate((None, second, first))
    }
    assert len(hashes) == 3


def test_each_record_of_the_second_set_is_drawn_once_before_any_is_drawn_again(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=SECOND, seed=3, workers=0), "cpu")
    epochs = [[target for _, target in _drawn(list(loader(step)))] for step in range(6)]
    assert all(len(set(epoch)) == SECOND for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_what_stands_beside_a_record_changes_from_epoch_to_epoch_and_with_the_seed(split: Split) -> None:
    def beside(seed: int) -> list[tuple[int, bytes]]:
        loader = Loader([(split, 1.0)], LoaderConfig(batch_size=9, seed=seed, workers=0), "cpu")
        return [pair for step in range(8) for pair in _drawn(list(loader(step)))]

    pairs = beside(0)
    assert pairs == beside(0) != beside(1)
    assert max(len({target for index, target in pairs if index == record}) for record in range(FIRST)) > 2


@pytest.mark.parametrize("step", [0, 4, 100_001])
def test_what_is_drawn_is_a_function_of_seed_and_step_whatever_the_processes(split: Split, step: int) -> None:
    unions = []
    for world in (1, 2, 4):
        ranks = []
        for rank in range(world):
            config = LoaderConfig(batch_size=8, rank=rank, world_size=world, seed=3, flip=True, workers=0)
            loader = Loader([(split, 1.0)], config, "cpu")
            if world == 2:
                loader(step + 7)  # steps that were asked for before make no difference
            ranks += _drawn(list(loader(step)))
        unions.append(ranks)
    assert unions[0] == unions[1] == unions[2]


def test_it_is_mirrored_on_its_own(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=64, seed=1, flip=True, workers=0), "cpu")
    (batch,) = loader(0)
    images = split.read(batch["index"].numpy())["image"]
    assert split.second is not None
    seconds = {row.numpy().tobytes() for row in split.second.read(np.arange(SECOND))["image"]}
    flips = [not torch.equal(one, image) for one, image in zip(batch["image"], images, strict=True)]
    others = [target.numpy().tobytes() not in seconds for target in batch["target"]]
    assert {(True, True), (True, False), (False, True), (False, False)} == set(zip(flips, others, strict=True))


def test_kept_on_a_device_it_is_what_the_files_give(split: Split, sources: tuple[Path, Path], tmp_path: Path) -> None:
    other = prepared(sources[0], tmp_path / "other", unpaired=sources[1], split=(1, 0, 0))[0].split("train")
    sets = [split, other]
    wanted = wanted_of(sets, None)
    files, kept = FromFiles(sets, wanted), Resident(sets, wanted, torch.device("cpu"))
    chosen = Schedule([FIRST, FIRST], [1, 2], 0, True, [SECOND, SECOND]).at(5, 40)
    for key, value in files(chosen).items():
        assert torch.equal(kept(chosen)[key], value), key


def test_previews_are_always_the_same(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=2, workers=0), "cpu")
    batch = loader.preview(7)
    torch.testing.assert_close(batch["target"], split.read(np.arange(7))["target"])


def test_a_split_that_the_second_set_lacks_is_said_and_has_no_such_side(
    sources: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = sources
    save(picture(90, (16, 16)), first / "test" / "90.png")
    dataset, audit = prepared(first, tmp_path / "out", unpaired=second)
    assert any("the second set has no test" in note for note in audit.notes)
    assert not dataset.split("test").info.sides
    with pytest.raises(BadInput, match="its records have no 'target'"):
        Loader([(dataset.split("test"), 1.0)], LoaderConfig(batch_size=1, keys=("target",)), "cpu")


def test_a_label_of_the_source_is_the_second_set(tmp_path: Path) -> None:
    for number in range(8):
        for kind in ("cat", "dog"):
            split = "test" if number < 2 else "train"
            save(picture(number + 50 * (kind == "dog"), (16, 16)), tmp_path / "in" / split / kind / f"{number}.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", unpaired="dog")
    assert dataset.second is not None
    assert dataset.splits == dataset.second.splits == {"train": 6, "test": 2}
    assert {record.label for record in dataset[:]} == {"cat"}
    assert {record.label for record in dataset.second[:]} == {"dog"}
    assert any("label 'dog': they are the second set" in note for note in audit.notes)


@pytest.mark.parametrize(
    ("unpaired", "told"),
    [
        ("bird", "--unpaired bird: there is no such file or folder, and no record of cats has this label"),
        ("empty", "empty"),
    ],
)
def test_a_second_set_that_is_none_is_refused_and_nothing_is_written(
    sources: tuple[Path, Path], tmp_path: Path, unpaired: str, told: str
) -> None:
    (tmp_path / "empty").mkdir()
    other = tmp_path / unpaired if unpaired == "empty" else unpaired
    with pytest.raises(BadInput, match=told) as refused:
        prepared(sources[0], tmp_path / "out", unpaired=other)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_data_without_a_second_set_are_described_as_before(sources: tuple[Path, Path], tmp_path: Path) -> None:
    prepared(sources[0], tmp_path / "out", small=8)
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert "unpaired" not in json.dumps(manifest["info"])


def test_cats_and_dogs_are_two_sets(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    archive = real_data("cats_dogs128") / "cats_dogs128.zip"
    dataset, _ = prepared(archive, tmp_path / "out", size=16, unpaired="dog")
    assert dataset.second is not None
    assert dataset.splits == dataset.second.splits == {"train": 900, "test": 200}
