"""Small data of one's own, and the command line as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diorama.cli.main import run
from diorama.data.synthetic.world import CLASSES, World
from diorama.media.image import write_image
from diorama.media.video import write_video

Run = Callable[..., str]

TINY_GAN = (
    *("--method.generator.features", "8"),
    *("--method.discriminator.features", "8"),
    *("--batch-size", "16", "--log-every", "32", "--preview-every", "64", "--evaluation.samples", "20"),
)
"""Overrides that make dcgan_cpu train in a second."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or left in the user's cache."""
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def diorama(capsys: pytest.CaptureFixture[str]) -> Run:
    """``diorama("train", …)`` gives what was printed; the exit code must be as ``code`` says."""

    def call(*words: object, code: int = 0) -> str:
        ended = run([str(word) for word in words])
        printed = capsys.readouterr()
        assert ended == code, printed.err
        assert "Traceback" not in printed.err
        return printed.out + printed.err

    return call


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder as people have it: a sub-folder for each label, odd names, one broken file and a note."""
    folder = tmp_path / "my pictures"
    world = World(size=32, seed=5)
    indices = np.arange(160)
    for index, pixels, label in zip(indices, world.pictures(indices), world.labels(indices), strict=True):
        place = folder / CLASSES[label % 2]
        place.mkdir(parents=True, exist_ok=True)
        write_image(place / f"é {index}.png", pixels)
    (folder / "notes.txt").write_text("not a picture")
    whole = next(folder.rglob("*.png")).read_bytes()
    (folder / CLASSES[0] / "broken.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of short MP4 files."""
    folder = tmp_path / "my clips"
    folder.mkdir()
    for index, frames in enumerate(World(size=32, video=True, frames=16, seed=5).clips(np.arange(32))):
        write_video(folder / f"{index}.mp4", frames, 8.0)
    return folder
