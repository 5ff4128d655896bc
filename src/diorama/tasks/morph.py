"""``morph``: a film through the latents of several samples.

Reference: T. White, "Sampling generative networks", arXiv:1609.04468; along styles: T. Karras, S. Laine, T. Aila,
arXiv:1812.04948, section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diorama.core.errors import BadConfig
from diorama.core.files import write_json
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.media.convert import displayable, to_stored
from diorama.media.formats import VIDEO_SUFFIXES
from diorama.media.grid import enlarged
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.synthesis.formats import write_sample
from diorama.synthesis.sample_place import emptied, made_ready, writing
from diorama.synthesis.samples import SampleProgress
from diorama.synthesis.sheets import check_shown
from diorama.tasks.edit import AT_ONCE
from diorama.tasks.latents import LatentSpace, Sample

A_LEG = 24
"""Frames from one sample to the next, unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """What a film shows.

    Args:
        samples: that it goes through, in order; at least two.
        frames: of the whole film, spread evenly; ``None`` for 24 from each sample to the next.
        closed: it goes back to the first sample, and ends one frame before it, so that it can be played in a loop.
        fps: frames a second.

    Raises:
        BadConfig: there are too few samples or frames, or no such rate.
    """

    samples: tuple[Sample, ...]
    frames: int | None = None
    closed: bool = False
    fps: float = 24.0

    def __post_init__(self) -> None:
        if len(self.samples) < 2:
            raise BadConfig(f"seeds: a film goes through at least two samples, got {len(self.samples)}")
        if self.frames is not None and self.frames < len(self.samples):
            raise BadConfig(f"frames: {self.frames} cannot show {len(self.samples)} samples; take as many at least")
        if not 0 < self.fps <= 240:
            raise BadConfig(f"fps: must be above 0 and at most 240, got {self.fps:g}")

    @property
    def legs(self) -> int:
        """Ways from one sample to the next."""
        return len(self.samples) - (not self.closed)

    @property
    def count(self) -> int:
        """Frames."""
        return self.frames if self.frames is not None else self.legs * A_LEG + (not self.closed)

    def place(self, frame: int) -> tuple[int, int, float]:
        """Between which two samples a frame lies, and at which share of the way from the first to the second."""
        # Whole numbers, so that frames on a sample are exactly there.
        whole = self.count if self.closed else self.count - 1
        leg, rest = divmod(frame * self.legs, whole)
        if leg == self.legs:
            leg, rest = leg - 1, whole
        return leg, (leg + 1) % len(self.samples), rest / whole


def check_film(out: Path) -> bool:
    """Whether a path is for a clip; else it is for a folder of frames.

    Raises:
        BadInput: a clip cannot be written there.
    """
    if out.suffix and not out.is_dir():
        check_shown(out, tuple(VIDEO_SUFFIXES), "film")
        return True
    return False


def morphed(space: LatentSpace, film: Film, out: Path, stamp: SyntheticStamp) -> Iterator[SampleProgress]:
    """Draw a film into a clip, or its frames into a folder of numbered files with ``samples.json``.

    Args:
        space: what draws, and where it goes along.
        film: what is shown.
        out: a file ending in .mp4, .webm or .gif; or a folder, new, empty, or of older samples, which are replaced.
        stamp: the model and how it draws, for the marks.

    Yields:
        Progress after each batch of frames.

    Raises:
        BadInput: ``out`` cannot be written.
    """
    as_clip = check_film(out)
    batches = _drawn(space, film)
    if not as_clip:
        yield from _in_folder(space, film, batches, out, stamp)
        return
    frames: list[np.ndarray] = []
    for _, drawn in batches:
        frames += list(displayable(drawn))
        yield SampleProgress(len(frames), film.count)
    told = {"morph": " ".join(map(str, film.samples)), "along": space.along, **_words(space)}
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_video(out, enlarged(np.stack(frames)), film.fps, replace(stamp, condition=told))


@torch.no_grad()
def _drawn(space: LatentSpace, film: Film) -> Iterator[tuple[range, Tensor]]:
    """Frames in order, batch by batch: their numbers, and (b, c, h, w) in [-1, 1]."""
    ends = space.places(film.samples)
    for start in range(0, film.count, AT_ONCE):
        frames = range(start, min(film.count, start + AT_ONCE))
        places = [film.place(frame) for frame in frames]
        points = [
            space.between(ends[a], ends[b], torch.tensor([share], device=ends.device, dtype=torch.float32))
            for a, b, share in places
        ]
        yield frames, space.draw(torch.cat(points), film.samples[0]).float().clamp(-1, 1)


def _in_folder(
    space: LatentSpace, film: Film, batches: Iterator[tuple[range, Tensor]], out: Path, stamp: SyntheticStamp
) -> Iterator[SampleProgress]:
    media, rows = space.model.config.media, list[dict[str, Any]]()
    settings = {"samples": [str(each) for each in film.samples], "along": space.along, "closed": film.closed}
    made_ready(out)
    emptied(out)

    def write_list() -> None:
        head = {"format": 1, "model": stamp.model, "recipe": stamp.recipe, "task": "morph"}
        head |= {"sampling": space.model.sampling.in_json(), "settings": settings | {"frames": film.count}}
        with writing(out):
            write_json(out / LIST, head | {"samples": rows})

    write_list()
    try:
        for frames, drawn in batches:
            for frame, pixels in zip(frames, to_stored(drawn, media), strict=True):
                a, b, share = film.place(frame)
                told = {"from": str(film.samples[a]), "to": str(film.samples[b]), "share": f"{share:.6g}"}
                told |= {"along": space.along, **_words(space)}
                with writing(out):
                    name = write_sample(out / f"{frame:06d}", pixels, media, replace(stamp, condition=told))
                row = {"file": name, "seed": stamp.seed, "index": frame, "condition": told, "model": stamp.model}
                rows.append(row)
            yield SampleProgress(len(rows), film.count)
    finally:
        write_list()


def _words(space: LatentSpace) -> dict[str, str]:
    """What all samples are given, where it is the same."""
    return space.conditions.in_words(0) if len(space.conditions.words) == 1 else {}
