"""The built-in world as a source, so that ``diorama prepare world`` needs no files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from diorama.data.sources.base import Item, Skip
from diorama.data.synthetic.world import CLASSES, World

WORLD, WORLD_VIDEO = "world", "world-video"
"""The words that name the source where a path is expected: pictures, and clips."""

PICTURES, CLIPS = 4000, 1000
"""How many scenes the two sources have when nothing else is asked."""

_BLOCK = 128
_BLOCK_FRAMES = 16


@dataclass(frozen=True, kw_only=True)
class WorldSource:
    """Scenes ``0 … count - 1`` of a world as records with label, caption and scene index.

    No split is given: ``prepare`` splits them as it splits any source.

    Args:
        world: what is drawn.
        count: scenes.
    """

    world: World
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count}")

    @property
    def name(self) -> str:
        """``"world"`` or ``"world-video"``."""
        return WORLD_VIDEO if self.world.video else WORLD

    @property
    def files(self) -> int:
        """As many as there are scenes."""
        return self.count

    @property
    def rows_used(self) -> int:
        """None: it has no tables."""
        return 0

    @property
    def skipped(self) -> Sequence[Skip]:
        """Nothing."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """Which scenes they are."""
        return (f"scenes 0 to {self.count - 1} of the built-in world of seed {self.world.seed}",)

    def items(self) -> Iterator[Item]:
        """The records in order; scenes are drawn in blocks, when the first of a block is loaded."""
        size = _BLOCK_FRAMES if self.world.video else _BLOCK
        for first in range(0, self.count, size):
            indices = np.arange(first, min(first + size, self.count))
            block = _Block(self.world, indices)
            labels, captions = self.world.labels(indices), self.world.captions(indices)
            # Items that are looked over and not loaded, as for a count, draw nothing.
            for place, index in enumerate(indices):
                yield Item(
                    path=f"{index:06d}",
                    facts={"label": CLASSES[labels[place]], "caption": captions[place]},
                    kind="array",
                    load=block.loader(place),
                )


class _Block:
    """Consecutive scenes, drawn together once and kept while one of their records is."""

    def __init__(self, world: World, indices: np.ndarray) -> None:
        self.world, self.indices = world, indices
        self._drawn: np.ndarray | None = None

    def loader(self, place: int) -> Callable[[], np.ndarray]:
        def load() -> np.ndarray:
            if self._drawn is None:
                draw = self.world.clips if self.world.video else self.world.pictures
                self._drawn = draw(self.indices)
            return self._drawn[place]

        return load


def world_source(
    word: str, *, count: int | None = None, size: int | None = None, frames: int | None = None, seed: int = 0
) -> WorldSource:
    """The source that ``"world"`` or ``"world-video"`` names.

    Args:
        word: one of the two.
        count: scenes; :data:`PICTURES` or :data:`CLIPS` by default.
        size: pixels a side, 64 by default.
        frames: of a clip, 16 by default.
        seed: of the world.
    """
    video = word == WORLD_VIDEO
    world = World(size=size or 64, video=video, frames=frames or 16, seed=seed)
    return WorldSource(world=world, count=count or (CLIPS if video else PICTURES))
