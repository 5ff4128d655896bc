"""Small sources that the tests of this room make for themselves."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
from PIL import Image

from diorama.core.contracts import MediaSpec
from diorama.data.audit import Audit
from diorama.data.dataset import Dataset, open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.prepare import PrepareOptions, prepare


def picture(seed: int, size: tuple[int, int] = (24, 24), channels: int = 3) -> np.ndarray:
    """A smooth random picture, (h, w, c) uint8: unlike any other, and compressible."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, channels), dtype=np.uint8)
    planes = [np.asarray(Image.fromarray(coarse[..., c]).resize(size[::-1], Image.BICUBIC)) for c in range(channels)]
    return np.stack(planes, axis=-1)


def save(pixels: np.ndarray, path: Path) -> Path:
    """Write a picture in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
    return path


def folder_of(folder: Path, count: int, suffix: str = ".png") -> Path:
    """A folder with ``count`` good pictures."""
    for number in range(count):
        save(picture(number), folder / f"{number:03d}{suffix}")
    return folder


def prepared(origin: Path | list[Path], out: Path, **options: object) -> tuple[Dataset, Audit]:
    """Prepare a source to the end, without workers, and open the result."""
    sources = origin if isinstance(origin, list) else [origin]
    wanted = PrepareOptions(**({"size": 16, "workers": 0} | options))  # type: ignore[arg-type]
    last = deque(prepare(sources, out, wanted), maxlen=1).pop()
    assert last.audit is not None
    return open_dataset(out), last.audit


def packed(out: Path, count: int, *, seed: int = 0, size: int = 8, classes: int = 0, split: str = "train") -> Dataset:
    """A prepared folder with ``count`` noisy pictures in one split."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    media = MediaSpec(kind="image", channels=3, height=size, width=size)
    labels = {split: np.arange(count, dtype=np.int64) % classes} if classes else None
    names = tuple(f"class {number}" for number in range(classes))
    return pack_arrays(out, {split: pixels}, media, labels=labels, classes=names)
