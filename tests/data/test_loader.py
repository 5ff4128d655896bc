"""Batches by step: the same records whatever the number of processes, threads or places they are kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Split
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.pack import pack_arrays
from tests.data.pictures import packed


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return packed(tmp_path / "d", 50, classes=3).split("train")


def _rows(batches: list[Batch] | tuple[Batch, ...]) -> list[tuple[int, bytes]]:
    return [
        (int(index), image.numpy().tobytes())
        for batch in batches
        for index, image in zip(batch["index"], batch["image"], strict=True)
    ]


def test_the_union_of_a_step_is_the_same_for_any_number_of_processes(split: Split) -> None:
    for step in (0, 3, 1_000_003):
        unions = []
        for world in (1, 2, 4):
            ranks = []
            for rank in range(world):
                config = LoaderConfig(batch_size=8, rank=rank, world_size=world, seed=3, flip=True, workers=0)
                ranks += _rows(list(Loader([(split, 1.0)], config, "cpu")(step)))
            unions.append(ranks)
        assert unions[0] == unions[1] == unions[2]


def test_an_epoch_shows_every_record_once(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=10, workers=0), "cpu")
    seen = [int(i) for step in range(5) for batch in loader(step) for i in batch["index"]]
    assert sorted(seen) == list(range(50))


@pytest.mark.parametrize("ways", [{"workers": 2}, {"resident": True}, {"micro_batch": 3, "workers": 0}])
def test_every_way_of_reading_gives_the_same_batches(split: Split, ways: dict[str, int]) -> None:
    plain = Loader([(split, 1.0)], LoaderConfig(batch_size=8, flip=True, workers=0), "cpu")
    other = Loader([(split, 1.0)], LoaderConfig(batch_size=8, flip=True, **ways), "cpu")
    for step in (0, 1, 2, 9, 4, 5):
        assert _rows(list(plain(step))) == _rows(list(other(step)))
    other.close()


def test_micro_batches_divide_the_share_of_a_process(split: Split) -> None:
    config = LoaderConfig(batch_size=16, world_size=2, rank=1, micro_batch=3, workers=0)
    sizes = [len(batch["index"]) for batch in Loader([(split, 1.0)], config, "cpu")(0)]
    assert sizes == [3, 3, 2]


def test_about_half_of_the_pictures_are_mirrored(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=50, flip=True, workers=0), "cpu")
    mirrored = 0
    for step in range(10):
        for batch in loader(step):
            upright = split.read(batch["index"].numpy())["image"]
            for image, own in zip(batch["image"], upright, strict=True):
                assert torch.equal(image, own) or torch.equal(image, own.flip(-1))
                mirrored += not torch.equal(image, own)
    assert 200 < mirrored < 300


def test_labels_travel_with_their_pictures(split: Split) -> None:
    (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=50), "cpu")(0)
    assert batch["label"].tolist() == (batch["index"] % 3).tolist()
    assert batch["image"].dtype == torch.float32
    assert batch["image"].min() >= -1
    assert batch["image"].max() <= 1


@pytest.mark.parametrize("resident", [True, False])
def test_several_sets_are_drawn_by_weight(tmp_path: Path, resident: bool) -> None:
    one, other = (packed(tmp_path / str(seed), 20, seed=seed).split("train") for seed in (1, 2))
    config = LoaderConfig(batch_size=100, resident=resident, workers=0)
    loader = Loader([(one, 3.0), (other, 1.0)], config, "cpu")
    from_one = 0
    for step in range(10):
        for batch in loader(step):
            for image, first, second in zip(
                batch["image"], one.read(batch["index"])["image"], other.read(batch["index"])["image"], strict=True
            ):
                assert torch.equal(image, first) or torch.equal(image, second)
                from_one += torch.equal(image, first)
    assert from_one == 750


def test_previews_are_the_first_records_unmirrored(split: Split) -> None:
    loader = Loader([(split, 1.0)], LoaderConfig(batch_size=2, flip=True), "cpu")
    assert loader.preview(5)["index"].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(loader.preview(5)["image"], split.read(np.arange(5))["image"])
    assert len(loader.preview(60)["index"]) == 60
    loader.close()


def test_clips_are_mirrored_along_their_width(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (4, 3, 6, 6, 3), dtype=np.uint8)
    media = MediaSpec(kind="video", channels=3, height=6, width=6, frames=3)
    split = pack_arrays(tmp_path / "d", {"train": clips}, media).split("train")
    (batch,) = Loader([(split, 1.0)], LoaderConfig(batch_size=16, flip=True, workers=0), "cpu")(0)
    upright = split.read(batch["index"].numpy())["video"]
    kinds = {
        "as is" if torch.equal(v, u) else "mirrored" if torch.equal(v, u.flip(-1)) else "broken"
        for v, u in zip(batch["video"], upright, strict=True)
    }
    assert kinds == {"as is", "mirrored"}


def test_sets_that_differ_or_are_missing_are_refused(tmp_path: Path) -> None:
    small, large = packed(tmp_path / "a", 3).split("train"), packed(tmp_path / "b", 3, size=16).split("train")
    with pytest.raises(BadInput, match=r"16x16x3.*8x8x3"):
        Loader([(small, 1.0), (large, 1.0)], LoaderConfig(batch_size=2), "cpu")
    with pytest.raises(BadInput, match="no split"):
        Loader([], LoaderConfig(batch_size=2), "cpu")


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"batch_size": 3, "world_size": 2}, {"rank": 1}, {"micro_batch": 0}]
)
def test_configs_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        LoaderConfig(**({"batch_size": 4} | wrong))


def test_a_damaged_record_stops_the_reader_threads_with_its_message(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 16, 80, 80, 3), dtype=np.uint8)
    media = MediaSpec(kind="video", channels=3, height=80, width=80, frames=16)
    dataset = pack_arrays(tmp_path / "d", {"train": clips}, media)
    shard = tmp_path / "d" / "shards" / "00000.tar"
    content = bytearray(shard.read_bytes())
    content[1000:200_000] = bytes(199_000)
    shard.write_bytes(bytes(content))
    loader = Loader([(dataset.split("train"), 1.0)], LoaderConfig(batch_size=2), "cpu")
    with pytest.raises(BadInput, match="damaged"):
        loader(0)
    loader.close()
