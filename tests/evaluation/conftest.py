"""Small data sets of the built-in world, prepared once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.data.dataset import Dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World

SIDE, FRAMES = 32, 4


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """80 training and 60 test pictures of the world, under a name that no extractor was trained on."""
    world = World(size=SIDE, seed=3)
    splits = {"train": world.pictures(np.arange(80)), "test": world.pictures(np.arange(80, 140))}
    media = MediaSpec(kind="image", channels=3, height=SIDE, width=SIDE)
    return pack_arrays(tmp_path_factory.mktemp("pictures") / "data", splits, media, name="shapes")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 training and 22 test clips of four frames."""
    world = World(size=SIDE, video=True, frames=FRAMES, seed=3)
    splits = {"train": world.clips(np.arange(24)), "test": world.clips(np.arange(24, 46))}
    media = MediaSpec(kind="video", channels=3, height=SIDE, width=SIDE, frames=FRAMES, fps=8.0)
    return pack_arrays(tmp_path_factory.mktemp("clips") / "data", splits, media, name="moving shapes")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder for features."""
    return tmp_path / "features"
