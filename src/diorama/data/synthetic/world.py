"""The built-in world: pictures and clips of moving shapes, with everything that is true of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diorama.data.synthetic.captions import caption
from diorama.data.synthetic.draws import draw_factors
from diorama.data.synthetic.geometry import SHAPES
from diorama.data.synthetic.motion import trajectories
from diorama.data.synthetic.render import SMALLEST_SIDE, frames_of, render, render_masks
from diorama.data.synthetic.scene import Factors, Scene

CLASSES = SHAPES
"""Label names: the shape of the main object (the largest, of several the leftmost)."""

FPS = 8.0
"""Clock of the clips."""


@dataclass(frozen=True, kw_only=True)
class World:
    """An endless set of scenes; scene *i* of a seed is the same on every call and in every batch.

    Args:
        size: pixels a side, at least 16.
        video: clips instead of pictures.
        frames: of a clip, at :data:`FPS` frames a second.
        seed: in [0, 2^64).
    """

    size: int = 64
    video: bool = False
    frames: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < SMALLEST_SIDE:
            raise ValueError(f"size must be at least {SMALLEST_SIDE} pixels, got {self.size}")
        if self.frames < 1:
            raise ValueError(f"frames must be at least 1, got {self.frames}")

    def factors(self, indices: np.ndarray) -> Factors:
        """What is true of scenes, as arrays."""
        return draw_factors(np.asarray(indices), self.seed)

    def picture(self, index: int) -> tuple[Scene, np.ndarray]:
        """One scene's record and its picture, (size, size, 3) uint8 (the first frame for clips)."""
        factors = self.factors(np.array([index]))
        visible = render_masks(factors, self.size)[1]
        return factors.scenes(video=self.video, visible=visible)[0], render(factors, self.size)[0]

    def pictures(self, indices: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8."""
        return render(self.factors(indices), self.size)

    def clips(self, indices: np.ndarray) -> np.ndarray:
        """(n, frames, size, size, 3) uint8."""
        factors = self.factors(indices)
        frames = render(frames_of(factors, trajectories(factors, self.frames)), self.size)  # (n t, s, s, 3)
        return frames.reshape(len(factors), self.frames, self.size, self.size, 3)

    def positions(self, indices: np.ndarray) -> np.ndarray:
        """Centres over time, (n, frames, 3, 2) float32 in shares of the side; unused slots are meaningless."""
        return trajectories(self.factors(indices), self.frames)

    def masks(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Disjoint masks of the visible parts and visible shares.

        Returns:
            For pictures (n, 3, size, size) bool and (n, 3) float32; for clips (n, frames, 3, size, size) and
            (n, frames, 3). Slots run from the back to the front.
        """
        factors = self.factors(indices)
        if not self.video:
            return render_masks(factors, self.size)
        masks, visible = render_masks(frames_of(factors, trajectories(factors, self.frames)), self.size)
        lead = (len(factors), self.frames)
        return masks.reshape(*lead, *masks.shape[1:]), visible.reshape(*lead, visible.shape[1])

    def scenes(self, indices: np.ndarray) -> list[Scene]:
        """Typed records, visible shares included (of the first frame for clips)."""
        factors = self.factors(indices)
        return factors.scenes(video=self.video, visible=render_masks(factors, self.size)[1])

    def captions(self, indices: np.ndarray) -> list[str]:
        """One English sentence a scene."""
        return [caption(scene) for scene in self.factors(indices).scenes(video=self.video)]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """(n,) int64 into :data:`CLASSES`."""
        factors = self.factors(indices)
        return factors.shape[np.arange(len(factors)), factors.main()]

    def at(self, size: int) -> World:
        """The same scenes at another size."""
        return replace(self, size=size)
