"""Pictures that an extractor was trained on are recognised under any name."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.data.dataset import Dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.geometry import SHAPES
from diorama.evaluation.familiar import familiar_share, fingerprints, is_world, warnings_of
from diorama.media.image import read_image
from diorama.media.resize import fit
from tests.evaluation.world_data import older, said_to_be_of_the_world


def _smooth(n: int, side: int, seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(n, 3, 7, 7, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(coarse, size=side, mode="bicubic").clamp(0, 1) * 255).to(torch.uint8)


def _open_mix(folder: Path, split: str, count: int) -> np.ndarray:
    found: list[np.ndarray] = []
    with tarfile.open(folder / "open_mix64.tar") as tar:
        for member in tar:
            if member.isfile() and f"{split}/" in member.name:
                content = tar.extractfile(member)
                assert content is not None
                found.append(read_image(content.read(), member.name).pixels)
            if len(found) == count:
                break
    return np.stack(found)


def _dataset(path: Path, pixels: np.ndarray, name: str = "holiday", classes: tuple[str, ...] = ()) -> Dataset:
    media = MediaSpec(kind="image", channels=pixels.shape[-1], height=pixels.shape[1], width=pixels.shape[2])
    labels = {"train": np.zeros(len(pixels), np.int64)} if classes else None
    return pack_arrays(path, {"train": pixels}, media, name=name, classes=classes, labels=labels)


def _warnings(dataset: Dataset) -> list[str]:
    split = dataset.split("train")
    return warnings_of(split, np.arange(len(split)), ["lite"])


def test_the_hash_survives_a_change_of_size() -> None:
    large, small = fingerprints(_smooth(20, 64)), fingerprints(_smooth(20, 40))
    assert familiar_share(small, large) > 0.4
    assert familiar_share(fingerprints(_smooth(20, 64, seed=1)), large) == 0


def test_flat_pictures_tell_nothing() -> None:
    flat = torch.full((4, 1, 32, 32), 7, dtype=torch.uint8)
    assert familiar_share(fingerprints(flat), fingerprints(flat)) == 0


@pytest.mark.parametrize("side", [64, 32])
def test_training_pictures_are_recognised(real_data: Callable[[str], Path], tmp_path: Path, side: int) -> None:
    pixels = fit(_open_mix(real_data("open_mix64"), "train", 60), (side, side), "crop")
    dataset = _dataset(tmp_path / "data", pixels)
    (warning,) = _warnings(dataset)
    assert "'lite' was trained on pictures among these" in warning
    (_, second) = warnings_of(dataset.split("train"), np.arange(60), ["lite", "lite2"])
    assert "'lite2' was trained on pictures among these" in second


def test_other_pictures_are_not(tmp_path: Path) -> None:
    pixels = _smooth(60, 32, seed=2).permute(0, 2, 3, 1).numpy()
    assert _warnings(_dataset(tmp_path / "data", pixels)) == []
    split = _dataset(tmp_path / "other", pixels).split("train")
    assert warnings_of(split, np.arange(0), ["lite"]) == []
    assert warnings_of(split, np.arange(5), ["inception"]) == []


@pytest.mark.parametrize("by", ["what drew it", "its classes"])
def test_the_world_is_known_by_what_drew_it_and_by_its_classes(tmp_path: Path, by: str) -> None:
    pixels = _smooth(4, 32).permute(0, 2, 3, 1).numpy()
    if by == "its classes":
        dataset = _dataset(tmp_path / "data", pixels, "copy", tuple(sorted(SHAPES)))
        assert not is_world(dataset.split("train")), "a new preparation says what drew it"
        dataset = older(dataset)
    else:
        dataset = said_to_be_of_the_world(_dataset(tmp_path / "data", pixels, "copy"))
    assert is_world(dataset.split("train"))
    (warning,) = _warnings(dataset)
    assert "built-in world" in warning


def test_a_name_says_nothing(tmp_path: Path) -> None:
    pixels = _smooth(60, 32, seed=2).permute(0, 2, 3, 1).numpy()
    dataset = _dataset(tmp_path / "data", pixels, "world cup")
    assert not is_world(dataset.split("train"))
    assert _warnings(dataset) == []
