"""A strip of edits, a row for each source, and a film in which all sources are moved at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from diorama.core.errors import BadConfig
from diorama.media.convert import displayable
from diorama.media.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from diorama.media.grid import about_square, enlarged, grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.synthesis.sample_place import writing
from diorama.synthesis.sheets import check_shown

SHOWN = 16
"""Sources on a strip or in a film: the first."""


@dataclass(kw_only=True)
class MoveSheets:
    """What is shown of edits beside their own files.

    Args:
        strip: a picture, a row for each source: the given picture if there is one, and its edits; ``None`` for none.
        film: a clip; ``None`` for none.
        frames: of the film.
        fps: frames a second.

    Raises:
        BadConfig: there are too few frames, or no such rate.
    """

    strip: Path | None = None
    film: Path | None = None
    frames: int = 48
    fps: float = 24.0
    _rows: list[np.ndarray] = field(default_factory=list)
    _clips: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise BadConfig(f"frames: a film has at least 2, got {self.frames}")
        if not 0 < self.fps <= 240:
            raise BadConfig(f"fps: must be above 0 and at most 240, got {self.fps:g}")

    @property
    def films(self) -> bool:
        """Whether the next source is wanted in the film."""
        return self.film is not None and len(self._clips) < SHOWN

    def check(self, out: Path) -> None:
        """See that both can be written, before anything is drawn.

        Args:
            out: the folder of the edits.

        Raises:
            BadInput: they cannot.
        """
        if self.strip is not None:
            check_shown(self.strip, tuple(PICTURE_SUFFIXES), "strip", out=out)
        if self.film is not None:
            check_shown(self.film, tuple(VIDEO_SUFFIXES), "film", out=out)

    def take(self, given: np.ndarray | None, edits: Tensor, frames: Tensor | None) -> None:
        """Keep what is shown of a source.

        Args:
            given: the picture that is edited, (h, w, 3) uint8.
            edits: (k, c, h, w) in [-1, 1].
            frames: of the film, where :attr:`films`.
        """
        if self.strip is not None and len(self._rows) < SHOWN:
            own = [] if given is None else [given]
            self._rows.append(np.stack([*own, *displayable(edits)]))
        if frames is not None:
            self._clips.append(displayable(frames))

    def write(self, stamp: SyntheticStamp) -> None:
        """Write them.

        Args:
            stamp: of all edits.

        Raises:
            BadInput: they cannot be written.
        """
        whole = replace(stamp, index=None, condition={})
        if self.strip is not None and self._rows:
            with writing(self.strip):
                self.strip.parent.mkdir(parents=True, exist_ok=True)
                write_image(self.strip, grid(np.concatenate(self._rows), len(self._rows[0])), whole)
        if self.film is not None and self._clips:
            height, width = self._clips[0].shape[1:3]
            frames = grid(np.stack(self._clips), about_square(len(self._clips), height, width))
            with writing(self.film):
                self.film.parent.mkdir(parents=True, exist_ok=True)
                write_video(self.film, enlarged(frames), self.fps, whole)
