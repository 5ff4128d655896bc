"""The world as a source: records like any other's, without a file."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.data.sources.base import Source
from diorama.data.sources.world import CLIPS, PICTURES, WorldSource, world_source
from diorama.data.synthetic.world import CLASSES, World


def test_records_are_the_worlds_pictures_with_their_facts() -> None:
    world = World(size=32)
    source: Source = WorldSource(world=world, count=150)
    items = list(source.items())
    assert source.files == len(items) == 150
    assert len({item.path for item in items}) == 150
    for index in (0, 127, 128, 149):
        item = items[index]
        assert item.kind == "array"
        assert np.array_equal(item.load(), world.pictures(np.array([index]))[0])
        assert item.facts["label"] == CLASSES[world.labels(np.array([index]))[0]]
        assert item.facts["caption"] == world.captions(np.array([index]))[0]
    assert not source.skipped
    assert "seed 0" in source.notes[0]


def test_clips_are_records_too() -> None:
    source = WorldSource(world=World(size=32, video=True, frames=3), count=17)
    loaded = [item.load() for item in source.items()]
    assert len(loaded) == 17
    assert all(isinstance(clip, np.ndarray) and clip.shape == (3, 32, 32, 3) for clip in loaded)


@pytest.mark.parametrize(("word", "count", "video"), [("world", PICTURES, False), ("world-video", CLIPS, True)])
def test_words_name_the_sources(word: str, count: int, video: bool) -> None:
    source = world_source(word, size=32, frames=8, seed=4)
    assert source.name == word
    assert source.count == count
    assert source.world == World(size=32, video=video, frames=8, seed=4)


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        WorldSource(world=World(), count=0)
