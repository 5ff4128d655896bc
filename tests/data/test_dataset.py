"""Prepared folders: what is read back, and what damage does."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Split, is_prepared, open_dataset
from diorama.data.manifest import checksum
from diorama.data.pack import PackInfo, PackWriter, Place, pack_arrays
from diorama.data.records import encode_record
from tests.data.pictures import packed


def test_splits_give_back_pixels_labels_and_paths(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 6, 5, 3), dtype=np.uint8)
    media = MediaSpec(kind="image", channels=3, height=6, width=5)
    labels = {"train": np.arange(7) % 2, "test": np.ones(3, np.int64)}
    splits = {"train": pixels[:7], "test": pixels[7:]}
    dataset = pack_arrays(tmp_path / "d", splits, media, labels=labels, classes=("a", "b"), name="mine")
    assert dataset.splits == {"train": 7, "test": 3}
    assert dataset.info.count == 7
    assert dataset.info.classes == ("a", "b")
    assert dataset.info.name == "mine"
    split = dataset.split("test")
    assert len(split) == 3
    assert np.array_equal(split.stored(np.array([2, 0])), pixels[[9, 7]])
    assert split.paths(np.array([1])) == ["test/000001"]
    batch = dataset.split("train").read(np.array([4, 1]))
    assert batch["image"].shape == (2, 3, 6, 5)
    assert batch["label"].tolist() == [0, 1]
    assert batch["index"].tolist() == [4, 1]
    expected = torch.from_numpy(pixels[[4, 1]]).permute(0, 3, 1, 2).float() / 127.5 - 1
    torch.testing.assert_close(batch["image"], expected)


def test_what_is_known_of_a_record_may_hold_separators_of_lines(tmp_path: Path) -> None:
    pixels, caption = np.zeros((4, 4, 1), np.uint8), "one\u2028two\x85three"
    with PackWriter(tmp_path) as writer:
        for name in ("a", "b"):
            writer.append(encode_record(pixels), name, {"caption": caption})
    media = MediaSpec(kind="image", channels=1, height=4, width=4)
    writer.finish(PackInfo(name="captions", media=media), [Place(split="train")] * 2)
    split = open_dataset(tmp_path).split("train")
    assert split.facts(np.array([1, 0])) == [{"path": name, "caption": caption} for name in ("b", "a")]


def test_clips_large_enough_to_be_encoded_come_back(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (3, 16, 80, 80, 3), dtype=np.uint8)
    media = MediaSpec(kind="video", channels=3, height=80, width=80, frames=16, fps=8.0)
    split = pack_arrays(tmp_path / "d", {"train": clips}, media).split("train")
    assert np.array_equal(split.stored(np.array([2, 1])), clips[[2, 1]])
    assert split.fps(np.array([0])).tolist() == [8.0]
    assert split.shapes()[0] == (16, 80, 80, 3)
    assert split.read(np.array([0]))["video"].shape == (1, 3, 16, 80, 80)
    assert split.labels(np.array([0])) is None
    assert split.nbytes == clips.nbytes


def test_the_hash_names_content_and_not_how_it_is_stored(tmp_path: Path) -> None:
    one, same = packed(tmp_path / "a", 9), packed(tmp_path / "b", 9)
    other = packed(tmp_path / "c", 9, seed=1)
    labelled = packed(tmp_path / "d", 9, classes=2)
    assert one.info.sha256 == same.info.sha256
    assert len({one.info.sha256, other.info.sha256, labelled.info.sha256}) == 3


def test_statistics_are_those_of_the_training_pictures(tmp_path: Path) -> None:
    dataset = packed(tmp_path / "d", 20)
    pixels = dataset.split("train").stored(np.arange(20)).astype(np.float64)
    np.testing.assert_allclose(dataset.manifest["statistics"]["mean"], pixels.mean((0, 1, 2)))
    np.testing.assert_allclose(dataset.manifest["statistics"]["std"], pixels.std((0, 1, 2)))


@pytest.mark.parametrize("name", ["shards/00000.bin", "train.npy", "train.jsonl", "dataset.json"])
def test_a_flipped_byte_anywhere_is_found_and_named(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "d", 9)
    damaged = tmp_path / "d" / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(bytes(content))
    with pytest.raises(BadInput, match=name):
        open_dataset(tmp_path / "d")


def test_missing_and_shortened_files_are_named(tmp_path: Path) -> None:
    dataset = packed(tmp_path / "d", 9)
    shard = tmp_path / "d" / "shards" / "00000.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"00000\.bin.*damaged"):
        dataset.check_sizes()
    shard.unlink()
    with pytest.raises(BadInput, match=r"00000\.bin.*missing"):
        open_dataset(tmp_path / "d")


def test_large_folders_are_checked_by_length_when_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.data.manifest.CHECKED_AT_OPEN", 10)
    dataset = packed(tmp_path / "d", 9)
    shard = tmp_path / "d" / "shards" / "00000.bin"
    shard.write_bytes(bytes(shard.stat().st_size))
    open_dataset(tmp_path / "d")
    with pytest.raises(BadInput, match="hash has changed"):
        dataset.verify()


def test_other_folders_formats_and_splits_are_refused(tmp_path: Path) -> None:
    assert not is_prepared(tmp_path)
    with pytest.raises(BadInput, match="prepare"):
        open_dataset(tmp_path)
    dataset = packed(tmp_path / "d", 3)
    assert is_prepared(tmp_path / "d")
    with pytest.raises(BadInput, match="no split 'val', only train"):
        dataset.split("val")
    manifest = json.loads((tmp_path / "d" / "dataset.json").read_text())
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(manifest | {"format": "diorama-data/99"}))
    with pytest.raises(BadInput, match="diorama-data/99"):
        open_dataset(tmp_path / "d")


@pytest.mark.parametrize("name", ["../outside.bin", "/etc/passwd", "shards/../../outside.bin"])
@pytest.mark.parametrize("field", ["shards", "files"])
def test_a_manifest_that_names_files_outside_the_folder_is_refused(tmp_path: Path, field: str, name: str) -> None:
    packed(tmp_path / "d", 4)
    (tmp_path / "outside.bin").write_bytes(bytes(4096))
    manifest = json.loads((tmp_path / "d" / "dataset.json").read_text())
    del manifest["checksum"]
    manifest[field] = [name] if field == "shards" else [{"name": name, "bytes": 4096, "sha256": "0"}]
    manifest["checksum"] = checksum(manifest)
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="outside the folder"):
        open_dataset(tmp_path / "d")


def test_an_index_of_another_length_is_refused(tmp_path: Path) -> None:
    dataset = packed(tmp_path / "d", 3)
    rows = np.load(tmp_path / "d" / "train.npy")
    np.save(tmp_path / "d" / "train.npy", rows[:2])
    with pytest.raises(BadInput, match=r"train\.npy"):
        dataset.split("train")
    (tmp_path / "d" / "train.npy").write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"train\.npy"):
        dataset.split("train")


def _first_value(split: Split) -> int:
    return int(split.stored(np.array([1])).ravel()[0])


def test_a_split_is_read_in_a_process_started_by_spawn(tmp_path: Path) -> None:
    split = packed(tmp_path / "d", 3).split("train")
    expected = _first_value(split)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_first_value, (split,)) == expected
