"""Drawing samples into a folder: numbered files, each marked as synthetic, and a list of what they are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.core.files import write_json
from diorama.media.convert import to_stored
from diorama.media.image import suffix_for, write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.store import load, model_hash, read_provenance

LIST = "samples.json"
EXACT_BATCH = 8
"""Samples of one forward pass under ``exact``; always as many, always cut at the same indices."""
_UNKNOWN_FPS = 8.0
_NUMBERED = re.compile(r"\d{6,}(\.\w+)?")


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """How samples are drawn.

    Args:
        batch_size: samples of one forward pass. It does not change what a sample is, only its rounding.
        first: index of the first sample.
        label: a class name, its number, or ``all`` for the classes in turn; ``None`` leaves it to the model.
        exact: bit-equal files on one machine whatever ``first`` and the count are, at a fixed small batch.
        precision: ``bf16`` is faster where the device has it.
        video: how clips are written; ``frames`` makes a numbered folder of pictures for each clip.
        device: where a model that is given as a path is loaded.
        recipe: name for the files' marks; by default the one in the model folder's provenance.
        catalog: config classes of a user's own.
    """

    batch_size: int = 64
    first: int = 0
    label: str | None = None
    exact: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    video: Literal["mp4", "gif", "webm", "frames"] = "mp4"
    device: str = "cpu"
    recipe: str | None = None
    catalog: tuple[type, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.first < 0:
            raise ValueError(f"batch_size must be positive and first not negative, got {self}")
        if self.exact and self.precision != "fp32":
            raise ValueError("exact samples are drawn in fp32")


@dataclass(frozen=True)
class DrawProgress:
    """How far drawing is: samples written, and of how many."""

    done: int
    count: int


def sample(
    model: Synthesizer | Path | str,
    count: int,
    *,
    seed: int = 0,
    out: Path | str,
    options: DrawOptions | None = None,
) -> Iterator[DrawProgress]:
    """Draw samples into a folder.

    Writes ``000000.png …`` (``.tif`` or ``.npy`` where the model's data are not 8-bit grey or colour; MP4, or what
    ``options.video`` says, for clips) and ``samples.json``; nothing else. An older folder of samples is replaced; when
    the caller stops early, the list holds what was written.

    Args:
        model: a synthesizer, a model folder or a run folder.
        count: samples.
        seed: names the noise; sample *i* of a seed is always the same.
        out: folder; new, empty, or of older samples.
        options: batch, labels, formats.

    Yields:
        Progress after each batch.

    Raises:
        BadInput: no such model or label, or ``out`` holds other files or cannot be written.
    """
    chosen = options or DrawOptions()
    if count < 1:
        raise BadInput(f"count must be at least 1, got {count}")
    drawn = _Drawing(model, seed, Path(out), chosen)
    drawn.start()
    try:
        for indices in _batches(count, chosen):
            drawn.write(indices)
            yield DrawProgress(len(drawn.rows), count)
    finally:
        drawn.write_list()


def draw_batches(
    model: Synthesizer, count: int, *, seed: int = 0, options: DrawOptions | None = None
) -> Iterator[tuple[Sequence[int], Tensor]]:
    """Draw samples in memory: index numbers and (b, *media.shape) in [-1, 1], batch by batch.

    Raises:
        BadInput: the model has no such label.
    """
    chosen = options or DrawOptions()
    labels = _labels(model, chosen.label)
    for indices in _batches(count, chosen):
        yield indices, _draw(model, indices, seed, labels, chosen)


def _batches(count: int, options: DrawOptions) -> Iterator[range]:
    """Index ranges; under ``exact`` they are cut at multiples of the fixed batch."""
    end, start = options.first + count, options.first
    size = EXACT_BATCH if options.exact else options.batch_size
    while start < end:
        step = size - start % size if options.exact else size
        yield range(start, min(start + step, end))
        start += step


def _draw(model: Synthesizer, indices: range, seed: int, labels: Sequence[int] | None, options: DrawOptions) -> Tensor:
    whole = indices
    if options.exact:
        # A sample's rounding depends on its row and on the batch, so both must be functions of its index.
        start = indices.start - indices.start % EXACT_BATCH
        whole = range(start, start + EXACT_BATCH)
    condition = None
    if labels is not None:
        condition = {"label": torch.tensor([labels[i % len(labels)] for i in whole])}
    faster = torch.autocast(model.device.type, torch.bfloat16) if options.precision == "bf16" else nullcontext()
    with faster:
        drawn = model.sample(len(whole), seed=seed, first=whole.start, condition=condition)
    return drawn[indices.start - whole.start :][: len(indices)]


def _labels(model: Synthesizer, asked: str | None) -> Sequence[int] | None:
    """Numbers of the labels to be drawn in turn; ``None`` where none is asked for."""
    if asked is None:
        return None
    classes = model.config.classes
    if not classes:
        raise BadInput(f"label {asked!r}: this model was trained without labels and cannot be asked for one")
    if asked in classes:
        return [classes.index(asked)]
    if asked == "all":
        return range(len(classes))
    if asked.isdecimal() and int(asked) < len(classes):
        return [int(asked)]
    raise BadInput(f"label {asked!r}: the model knows {', '.join(classes)}, or their numbers, or all")


class _Drawing:
    """One call of :func:`sample`: the model, where its samples go, and what has been written."""

    def __init__(self, model: Synthesizer | Path | str, seed: int, out: Path, options: DrawOptions) -> None:
        self.seed, self.out, self.options = seed, out, options
        self.rows: list[dict[str, Any]] = []
        recipe = options.recipe
        if isinstance(model, Synthesizer):
            self.model = model
        else:
            self.model = load(model, device=options.device, catalog=options.catalog)
            recipe = recipe or read_provenance(model).recipe_name
        self.labels = _labels(self.model, options.label)
        self.stamp = SyntheticStamp(model=model_hash(model), seed=seed, recipe=recipe or "")

    def start(self) -> None:
        """Make the folder, or clear one that an earlier call filled."""
        with _writing(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            names = [entry.name for entry in self.out.iterdir()]
            if names and LIST not in names:
                raise BadInput(f"{self.out}: is not empty and holds no {LIST}; choose another folder for the samples")
            for name in names:
                if _NUMBERED.fullmatch(name):
                    _remove(self.out / name)
        self.write_list()

    def write(self, indices: range) -> None:
        """Draw and write the samples of these indices."""
        media = self.model.config.media
        stored = to_stored(_draw(self.model, indices, self.seed, self.labels, self.options), media)
        for index, pixels in zip(indices, stored, strict=True):
            with _writing(self.out):
                name = write_sample(self.out / f"{index:06d}", pixels, media, self.stamp, self.options.video)
            condition = {}
            if self.labels is not None:
                condition["label"] = self.model.config.classes[self.labels[index % len(self.labels)]]
            self.rows.append(
                {"file": name, "seed": self.seed, "index": index, "condition": condition, "model": self.stamp.model}
            )

    def write_list(self) -> None:
        """Write ``samples.json``."""
        document = {"format": 1, "model": self.stamp.model, "recipe": self.stamp.recipe, "samples": self.rows}
        with _writing(self.out):
            write_json(self.out / LIST, document)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What the system says against writing becomes a message that names the folder."""
    try:
        yield
    except OSError as problem:
        raise BadInput(f"{folder}: cannot be written ({problem.strerror})") from problem


def write_sample(
    stem: Path,
    pixels: np.ndarray,
    media: MediaSpec,
    stamp: SyntheticStamp,
    video: Literal["mp4", "gif", "webm", "frames"] = "mp4",
) -> str:
    """Write one sample in the units of its data, marked as synthetic.

    Args:
        stem: path without suffix.
        pixels: (h, w, c) or (t, h, w, c) of ``media.dtype``.
        media: what the sample is.
        stamp: the mark; NumPy files have no place for it.
        video: format of clips; those that are not 8-bit grey or colour become NumPy files.

    Returns:
        The file's name, or the folder's for ``frames``.
    """
    suffix = suffix_for(media)
    if media.kind == "image":
        write_image(stem.with_suffix(suffix), pixels, stamp)
    elif video == "frames":
        stem.mkdir()
        for number, frame in enumerate(pixels):
            write_image(stem / f"{number:04d}{suffix}", frame, stamp)
        return stem.name
    elif suffix != ".png":
        suffix = ".npy"
        write_image(stem.with_suffix(suffix), pixels)
    else:
        suffix = f".{video}"
        write_video(stem.with_suffix(suffix), pixels, media.fps or _UNKNOWN_FPS, stamp)
    return stem.with_suffix(suffix).name


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
