"""``edit``: samples of a generator, or given pictures that it draws again, moved along directions of its styles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import write_json
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.media.convert import displayable, to_float, to_stored
from diorama.media.formats import SampleFormat
from diorama.media.stamp import SyntheticStamp
from diorama.nn.similarity import psnr
from diorama.synthesis.formats import check_format, write_sample
from diorama.synthesis.gan import LayerNoise
from diorama.synthesis.sample_place import emptied, made_ready, writing
from diorama.synthesis.samples import SampleProgress
from diorama.tasks.directions import StyleStatistics
from diorama.tasks.edit import AT_ONCE
from diorama.tasks.invert import LOSS, Inversion, inverted
from diorama.tasks.latents import Sample, Styles
from diorama.tasks.move_sheets import MoveSheets
from diorama.tasks.pictures import look_at, picture_files, read_picture

_INVERTED_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A direction, and how far to go along it.

    Args:
        word: as it was asked for.
        vector: (n, style) what one amount adds to the style of each layer.
        amounts: one edit for each.
        facts: how it was found.
    """

    word: str
    vector: Tensor
    amounts: tuple[float, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Moves:
    """What is added to styles: directions that are gone together, edit by edit.

    Args:
        directions: at least one; each has as many amounts, or one for all edits.

    Raises:
        BadConfig: they have different numbers of amounts.
    """

    directions: tuple[Direction, ...]

    def __post_init__(self) -> None:
        counts = {len(each.amounts) for each in self.directions} - {1}
        if len(counts) > 1:
            raise BadConfig(
                f"along: directions have {' and '.join(map(str, sorted(counts)))} amounts; give as many of each"
            )

    @property
    def amounts(self) -> list[tuple[float, ...]]:
        """Of each edit, how far along each direction."""
        count = max(len(each.amounts) for each in self.directions)
        return [tuple(each.amounts[i % len(each.amounts)] for each in self.directions) for i in range(count)]

    def shift(self, amounts: Sequence[float]) -> Tensor:
        """(n, style) that is added."""
        parts = [amount * each.vector for amount, each in zip(amounts, self.directions, strict=True)]
        return torch.stack(parts).sum(dim=0)

    def evenly(self, frames: int) -> list[Tensor]:
        """Shifts of a film that goes from the first edit's to the last's, or from nothing to that of a single one."""
        stops = [self.shift(amounts) for amounts in self.amounts]
        stops = stops if len(stops) > 1 else [torch.zeros_like(stops[0]), *stops]
        places = [i * (len(stops) - 1) / max(1, frames - 1) for i in range(frames)]
        return [torch.lerp(stops[int(p)], stops[min(int(p) + 1, len(stops) - 1)], p - int(p)) for p in places]

    def in_words(self, amounts: Sequence[float]) -> str:
        """``sefa.0:2 pca.1:-1``"""
        return " ".join(f"{each.word}:{amount:g}" for amount, each in zip(amounts, self.directions, strict=True))

    def in_json(self) -> list[Mapping[str, Any]]:
        """For the list of samples."""
        return [{"direction": each.word, "amounts": list(each.amounts), **each.facts} for each in self.directions]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is moved.

    Args:
        told: what it is, in words.
        styles: (n, style).
        noise: of the layers, of one sample.
        given: the picture that it draws again, (h, w, 3) uint8; ``None`` for samples.
        facts: of an inversion.
    """

    told: Mapping[str, str]
    styles: Tensor
    noise: LayerNoise | None
    given: np.ndarray | None = None
    facts: Mapping[str, Any] | None = None


class Samples:
    """Samples of the model as what is moved."""

    settings: Mapping[str, Any] = {}
    edits_pictures = False

    def __init__(self, styles: Styles, samples: Sequence[Sample]) -> None:
        self.styles, self.samples = styles, samples
        self.count, self.seed = len(samples), samples[0].seed

    @property
    def notes(self) -> list[str]:
        """What people are told in the end."""
        return []

    def check(self, out: Path) -> None:
        """Nothing can be wrong."""

    @torch.no_grad()
    def each(self, progress: Callable[[float], None]) -> Iterator[Source]:
        """One after another; nothing takes long enough to be told."""
        for sample, place in zip(self.samples, self.styles.places(self.samples), strict=True):
            noise = self.styles.gan.layer_noise(1, seed=sample.seed, first=sample.index)
            yield Source(told={"sample": str(sample)}, styles=place, noise=noise)


class GivenPictures:
    """Given pictures, inverted, as what is moved.

    Args:
        styles: of the model.
        statistics: of its styles.
        source: a picture, or a folder of them.
        how: space and steps.
    """

    edits_pictures, seed = True, 0

    def __init__(self, styles: Styles, statistics: StyleStatistics, source: Path, how: Inversion) -> None:
        self.styles, self.statistics, self.how = styles, statistics, how
        self.files = picture_files(source)
        self.count = len(self.files)
        self.settings: Mapping[str, Any] = {"inversion": how.in_json()}
        self._found: list[float] = []

    @property
    def notes(self) -> list[str]:
        """How near the model comes to what is given."""
        if not self._found:
            return []
        mean = sum(self._found) / len(self._found)
        return [f"inverted in {self.how.space} with PSNR {mean:.2f} dB on average (by {LOSS})"]

    def check(self, out: Path) -> None:
        """Look at all of them.

        Raises:
            BadInput: one cannot be read, or ``out`` holds them.
        """
        if out.resolve() == self.files[0].resolve().parent:
            raise BadInput(f"{out}: holds the pictures that are given, which would be replaced; choose another folder")
        look_at(self.files, self.styles.model.config.media, fitted=True)

    def each(self, progress: Callable[[float], None]) -> Iterator[Source]:
        """Invert a few at a time.

        Args:
            progress: called with the share that is inverted of all.
        """
        media, gan = self.styles.model.config.media, self.styles.gan
        for first in range(0, self.count, _INVERTED_AT_ONCE):
            files = self.files[first : first + _INVERTED_AT_ONCE]
            stored = np.stack([read_picture(file, media, fitted=True) for file in files])
            target = to_float(stored, media).to(gan.device)
            part = partial(self._told, progress, first, len(files))
            found = inverted(self.styles, self.statistics, target, first, self.how, progress=part)
            with torch.no_grad():
                drawn = to_stored(gan.of_styles(found.styles, found.noise).float().clamp(-1, 1), media)
            likeness = psnr(to_float(drawn, media), to_float(stored, media))
            self._found += likeness.tolist()
            for i, file in enumerate(files):
                yield Source(
                    told={"input": file.name},
                    styles=found.styles[i],
                    noise=None if found.noise is None else [layer[i : i + 1] for layer in found.noise],
                    given=displayable(target[i : i + 1])[0],
                    facts={"input": file.name, "psnr": round(float(likeness[i]), 3)},
                )

    def _told(self, progress: Callable[[float], None], first: int, few: int, share: float) -> None:
        progress((first + share * few) / self.count)


def moved(
    styles: Styles,
    sources: Samples | GivenPictures,
    moves: Moves,
    out: Path,
    stamp: SyntheticStamp,
    *,
    sheets: MoveSheets,
    asked: SampleFormat | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Iterator[SampleProgress]:
    """Write edits into a folder: edit *j* of source *i* is number ``edits * i + j``; with ``samples.json``.

    Args:
        styles: of the model.
        sources: samples, or given pictures.
        moves: what is added to their styles.
        out: new, empty, or of older samples, which are replaced.
        stamp: the model and how it draws, for the marks.
        sheets: a strip and a film beside it.
        asked: format of the files; ``None`` for what holds the data without loss.
        progress: called with the share of all pictures that is inverted.

    Yields:
        Progress after each source.

    Raises:
        BadInput: a picture cannot be read, or ``out`` cannot be written.
    """
    media = styles.model.config.media
    check_format(media, asked)
    sources.check(out)
    made_ready(out)
    emptied(out)
    rows, inversions = list[dict[str, Any]](), list[Mapping[str, Any]]()

    def write_list() -> None:
        head = {"format": 1, "model": stamp.model, "recipe": stamp.recipe, "task": "edit"}
        head |= {
            "sampling": styles.model.sampling.in_json(),
            "settings": {"along": moves.in_json(), **sources.settings},
        }
        with writing(out):
            write_json(out / LIST, head | ({"inversions": inversions} if inversions else {}) | {"samples": rows})

    write_list()
    total = sources.count * len(moves.amounts)
    try:
        for source in sources.each(progress):
            drawn = draw_moved(styles, source, [moves.shift(amounts) for amounts in moves.amounts])
            inversions += [] if source.facts is None else [source.facts]
            for amounts, pixels in zip(moves.amounts, to_stored(drawn, media), strict=True):
                told = {**source.told, "along": moves.in_words(amounts)}
                with writing(out):
                    name = write_sample(out / f"{len(rows):06d}", pixels, media, replace(stamp, condition=told), asked)
                index = len(rows)
                rows.append({"file": name, "seed": stamp.seed, "index": index, "condition": told, "model": stamp.model})
            film = draw_moved(styles, source, moves.evenly(sheets.frames)) if sheets.films else None
            sheets.take(source.given, drawn, film)
            yield SampleProgress(len(rows), total)
        sheets.write(stamp)
    finally:
        write_list()


@torch.no_grad()
def draw_moved(styles: Styles, source: Source, shifts: Sequence[Tensor]) -> Tensor:
    """Pictures (b, c, h, w) in [-1, 1] of a source, moved by shifts (n, style)."""
    places = source.styles + torch.stack(list(shifts)).to(source.styles.device)
    parts = [styles.gan.of_styles(lot, source.noise) for lot in places.split(AT_ONCE)]
    return torch.cat(parts).float().clamp(-1, 1)
