"""Sides that frozen parts compute: the same as computed at every step, once, and for the weights that made them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from diorama.core.contracts import SideSpec
from diorama.core.errors import BadConfig
from diorama.data.computed_sides import ComputedSide, SideCache
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.pack import pack_arrays
from diorama.data.training_sets import TrainingData, open_training_data
from tests.data.pictures import packed

_CPU = torch.device("cpu")
_HASH = {"codec": "c" * 64}
_LATENT = SideSpec(key="latent", kind="values", shape=(3, 2, 2))


def _encode(x: Tensor) -> Tensor:
    """A codec without weights: averages of blocks."""
    return torch.nn.functional.avg_pool2d(x, 4)


def _latents(encode: Callable[[Tensor], Tensor] = _encode, of: str = "image") -> ComputedSide:
    return ComputedSide(spec=_LATENT, of=of, encoder="codec", encode=encode)


def _unasked(x: Tensor) -> Tensor:
    raise AssertionError("computed again")


@pytest.fixture
def data(tmp_path: Path) -> TrainingData:
    return open_training_data([packed(tmp_path / name, 70, seed=n).path for n, name in enumerate("ab")])


def _cached(
    data: TrainingData, side: ComputedSide, cache: Path, *, flip: bool = False, sha256: dict[str, str] = _HASH
) -> TrainingData:
    sides = SideCache(data, [side], sha256, flip=flip, cache=cache)
    for _ in sides.compute(_CPU):
        pass
    return sides.opened()


@pytest.mark.parametrize("flip", [False, True])
def test_cached_latents_are_those_of_the_pictures_that_are_read(data: TrainingData, tmp_path: Path, flip: bool) -> None:
    cached = _cached(data, _latents(), tmp_path / "cache", flip=flip)
    loader = Loader(cached.train, LoaderConfig(batch_size=64, flip=flip), _CPU)
    for step in range(3):
        (batch,) = loader(step)
        torch.testing.assert_close(batch["latent"], _encode(batch["image"]))
    assert all(split.info.sides == () for split, _ in data.train)


def test_progress_counts_the_records_of_all_sets_and_nothing_is_computed_twice(
    data: TrainingData, tmp_path: Path
) -> None:
    sides = SideCache(data, [_latents()], _HASH, flip=False, cache=tmp_path / "cache")
    assert [tuple(progress) for progress in sides.compute(_CPU)] == [(64, 140), (70, 140), (134, 140), (140, 140)]
    _cached(data, _latents(_unasked), tmp_path / "cache")


def test_computing_that_was_broken_off_goes_on(data: TrainingData, tmp_path: Path) -> None:
    seen: list[int] = []

    def counted(x: Tensor) -> Tensor:
        seen.append(len(x))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return _encode(x)

    with pytest.raises(KeyboardInterrupt):
        _cached(data, _latents(counted), tmp_path / "cache")
    cached = _cached(data, _latents(), tmp_path / "cache")
    batch = cached.train[0][0].read(np.arange(70))
    torch.testing.assert_close(batch["latent"], _encode(batch["image"]))


def test_another_encoder_or_source_is_computed_anew(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 8, 3), dtype=np.uint8)
    media = packed(tmp_path / "plain", 1).info.media
    pack_arrays(tmp_path / "pairs", {"train": pictures[0]}, media, sides={"train": {"target": pictures[1]}})
    data = open_training_data(tmp_path / "pairs")
    of_image = _cached(data, _latents(), tmp_path / "cache")
    of_target = _cached(data, _latents(of="target"), tmp_path / "cache", flip=True)
    other = _cached(data, _latents(lambda x: -_encode(x)), tmp_path / "cache", sha256={"codec": "d" * 64})
    batch = of_image.train[0][0].read(np.arange(8))
    torch.testing.assert_close(other.train[0][0].read(np.arange(8))["latent"], -batch["latent"])
    (mirrored,) = Loader(of_target.train, LoaderConfig(batch_size=32, flip=True), _CPU)(0)
    torch.testing.assert_close(mirrored["latent"], _encode(mirrored["target"]))


def test_every_caption_has_its_own_features(tmp_path: Path) -> None:
    captions = [["a", "bb", "ccc"], ["d"], ["ee", "f"]] * 30
    pictures = np.zeros((90, 8, 8, 3), np.uint8)
    media = packed(tmp_path / "plain", 1).info.media
    pack_arrays(tmp_path / "told", {"train": pictures}, media, sides={"train": {"tokens": captions}})
    spec = SideSpec(key="text", kind="values", shape=(3, 2))

    def features(tokens: Tensor) -> Tensor:
        return torch.stack([tokens, -tokens], dim=-1).float()

    side = ComputedSide(spec=spec, of="tokens", encoder="codec", encode=features)
    cached = _cached(open_training_data(tmp_path / "told"), side, tmp_path / "cache", flip=True)
    loader = Loader(cached.train, LoaderConfig(batch_size=30, flip=True), _CPU)
    lengths = set()
    for step in range(4):
        (batch,) = loader(step)
        torch.testing.assert_close(batch["text"], features(batch["tokens"]))
        lengths |= set((batch["tokens"] > 0).sum(1).tolist())
    assert lengths == {1, 2, 3}


def test_latents_that_came_with_the_data_are_not_taken_for_computed_ones(tmp_path: Path) -> None:
    media = packed(tmp_path / "plain", 1).info.media
    latents = np.zeros((4, 3, 2, 2), np.float32)
    pack_arrays(
        tmp_path / "d", {"train": np.zeros((4, 8, 8, 3), np.uint8)}, media, sides={"train": {"latent": latents}}
    )
    with pytest.raises(BadConfig, match="have latent already"):
        SideCache(open_training_data(tmp_path / "d"), [_latents()], _HASH, flip=False, cache=tmp_path / "cache")
