"""The search for equal and nearly equal records."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.data import duplicates
from diorama.data.duplicates import alike_in_detail, equal_groups, join, near_pairs, signatures
from diorama.media.image import read_image
from tests.data.pictures import picture


def _pairs(found: np.ndarray) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in found]


def _slow_pairs(found: np.ndarray) -> list[tuple[int, int]]:
    """The definition, pair by pair."""
    exact = found.astype(np.float64)
    flat = exact.reshape(len(exact), -1, 3)
    contrast = np.sqrt(((flat - flat.mean(1, keepdims=True)) ** 2).mean((1, 2)))
    pairs = []
    for i in range(len(exact)):
        for j in range(i + 1, len(exact)):
            bound = min(12.0, 0.5 * contrast[i], 0.5 * contrast[j])
            for other in (exact[j], exact[j][:, :, ::-1]):
                if np.sqrt(((exact[i] - other) ** 2).mean()) <= bound:
                    pairs.append((i, j))
                    break
    return pairs


def _jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return read_image(buffer.getvalue(), "x.jpg").pixels


def test_copies_in_disguise_are_found_and_others_are_not() -> None:
    originals = [picture(seed, (32, 32)) for seed in range(30)]
    copies = [
        _jpeg(originals[3], 60),
        originals[7][:, ::-1],
        np.clip(originals[11].astype(int) + 6, 0, 255).astype(np.uint8),
    ]
    found = near_pairs(signatures(np.stack([*originals, *copies])))
    assert _pairs(found) == [(3, 30), (7, 31), (11, 32)]


def test_the_search_equals_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    rng = np.random.default_rng(0)
    base = np.stack([picture(seed % 12, (16, 16)) for seed in range(40)]).astype(np.float64)
    noisy = base + rng.normal(0, rng.uniform(0, 25, (40, 1, 1, 1)), base.shape)
    flipped = np.where(rng.random((40, 1, 1, 1)) < 0.5, noisy, noisy[:, :, ::-1])
    found = signatures(flipped.clip(0, 255).astype(np.uint8))
    assert _pairs(near_pairs(found)) == _slow_pairs(found)
    assert len(_slow_pairs(found)) > 5


def test_pictures_of_equal_shades_and_other_detail_are_no_duplicates() -> None:
    rng = np.random.default_rng(0)
    shades = picture(1, (64, 64)).astype(np.float64)
    # Grey grain of 2 pixels: averages over the 4 pixels of a signature's colour hide most of it.
    grain = rng.normal(0, 14, (2, 32, 32, 1)).repeat(2, 1).repeat(2, 2)
    one, other = (shades + grain).clip(0, 255).astype(np.uint8)
    stack = np.stack([one, other, _jpeg(one, 70), one[:, ::-1], np.roll(one, 2, axis=1)])
    assert (0, 1) in _pairs(near_pairs(signatures(stack)))
    all_pairs = np.array([(0, 1), (0, 2), (0, 3), (0, 4)])
    assert _pairs(alike_in_detail(all_pairs, stack.__getitem__)) == [(0, 2), (0, 3), (0, 4)]


def test_plain_pictures_and_small_shapes_are_no_duplicates() -> None:
    plain = np.stack([np.full((16, 16, 3), shade, np.uint8) for shade in (100, 103, 106)])
    dots = np.zeros((2, 64, 64, 3), np.uint8)
    dots[0, 8:14, 8:14], dots[1, 40:46, 30:36] = 255, 255
    assert len(near_pairs(signatures(plain))) == 0
    assert len(near_pairs(signatures(dots))) == 0


@pytest.mark.parametrize(("dtype", "scale"), [("uint16", 257), ("float32", 0.01)])
def test_other_types_and_channels_have_signatures_too(dtype: str, scale: float) -> None:
    stack = np.stack([picture(seed, (20, 28), channels=5) for seed in range(3)])
    found = signatures((stack * np.float64(scale)).astype(dtype))
    assert found.shape == (3, 1, 16, 16, 3)
    assert found.dtype == np.uint8
    assert found.max() > 100


def test_equal_digests_are_grouped_in_order() -> None:
    digests = np.array([[5] * 16, [1] * 16, [5] * 16, [2] * 16, [1] * 16, [5] * 16], np.uint8)
    assert [group.tolist() for group in equal_groups(digests)] == [[0, 2, 5], [1, 4]]


def test_pairs_join_into_groups() -> None:
    assert join([(4, 7), (1, 2), (7, 9), (0, 1)]) == [[0, 1, 2], [4, 7, 9]]
    assert join([]) == []


@pytest.mark.slow
@pytest.mark.long
def test_recall_on_the_near_duplicates_of_cifar10(real_data: Callable[[str], Path]) -> None:
    """All pairs under RMS 10 (the same photograph) are found, and 23 of all 25; two plain skies only look alike."""
    folder = real_data("cifar10")
    names, pixels = [], []
    for split in ("train", "test"):
        with tarfile.open(folder / f"{split}.tar.gz") as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None:
                    names.append(member.name)
                    pixels.append(read_image(file.read(), member.name).pixels)
    numbers = {name: number for number, name in enumerate(names)}
    found = set(_pairs(alike_in_detail(near_pairs(signatures(np.stack(pixels))), pixels.__getitem__)))
    with (folder / "near_duplicates.csv").open() as lines:
        listed = [
            (float(row["rms_16x16"]), tuple(sorted((numbers[row["test_path"]], numbers[row["train_path"]]))))
            for row in csv.DictReader(lines)
        ]
    assert all(pair in found for distance, pair in listed if distance < 10)
    assert sum(pair in found for _, pair in listed) >= 23
    assert len(found) < 100
