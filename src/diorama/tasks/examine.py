"""What tasks share that report on given pictures: a folder of files for each picture, and a report of numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.core.errors import BadInput
from diorama.core.files import write_json
from diorama.media.convert import to_float
from diorama.media.formats import format_named
from diorama.media.image import suffix_for, write_image
from diorama.media.stamp import SyntheticStamp
from diorama.synthesis.conditions import completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.formats import check_format, write_sample
from diorama.synthesis.sample_place import emptied, made_ready, writing
from diorama.synthesis.samples import SampleProgress
from diorama.tasks.edit import AT_ONCE, EditOptions
from diorama.tasks.pictures import look_at, picture_files, read_picture

REPORT = "report.json"


@dataclass(frozen=True, kw_only=True)
class GivenPicture:
    """One picture on its way to be examined.

    Args:
        pixels: (h, w, c) in stored units.
        x: the same, (1, c, h, w) in [-1, 1] on the model's device.
        place: among the given pictures.
        draws: the numbers of its samples and their condition, cut into batches.
        seed: names the noise.
    """

    pixels: np.ndarray
    x: Tensor
    place: int
    draws: Sequence[tuple[range, Condition]]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What is found of one picture.

    Args:
        drawn: pictures (h, w, c) in stored units that a model had a part in, by name; they are marked.
        computed: pictures that it had none in.
        maps: (h, w) float, at least 0, by name; written as numbers, and as a picture in which white is the largest.
        facts: for the report.
    """

    drawn: Mapping[str, np.ndarray]
    computed: Mapping[str, np.ndarray] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class Examination(ABC):
    """A verb on pictures that reports: what it finds of each, and of all of them."""

    verb: str

    @property
    @abstractmethod
    def model(self) -> DiffusionSynthesizer:
        """What draws."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What the report says of how it examines."""

    @abstractmethod
    def examine(self, given: GivenPicture) -> Examined:
        """What is found of one picture."""

    @abstractmethod
    def summary(self, facts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """What the report says of all pictures together."""


def examined(
    examination: Examination, source: Path, out: Path, model_sha256: str, options: EditOptions
) -> Iterator[SampleProgress]:
    """Examine a picture or a folder of them: a numbered folder for each, and ``report.json``.

    All pictures are looked at before anything is written.

    Args:
        examination: the verb.
        source: a picture, or a folder of them.
        out: new, empty, or of an older report, which is replaced.
        model_sha256: the model's hash, for the marks.
        options: seed, count of samples for each picture, conditions, format.

    Yields:
        Progress after each picture.

    Raises:
        BadInput: a picture cannot be read or is none that the model reads, or ``out`` cannot be written.
    """
    media = examination.model.config.media
    chosen = None if options.format is None else format_named(options.format)
    check_format(media, chosen)
    files = picture_files(source)
    if out.resolve() in files[0].resolve().parents:
        raise BadInput(f"{out}: holds the pictures that are given, which would be replaced; choose another folder")
    look_at(files, media)
    made_ready(out, REPORT)
    emptied(out)
    how = examination.model.sampling
    stamp = SyntheticStamp(model=model_sha256, seed=options.seed, recipe=options.recipe, composite=True, **asdict(how))
    rows: list[dict[str, Any]] = []
    head = {"format": 1, "task": examination.verb, "model": model_sha256, "recipe": options.recipe}
    head |= {"sampling": how.in_json(), "seed": options.seed, "count": options.count}
    head |= {"settings": dict(examination.settings())}

    def write_report() -> None:
        facts = [row["found"] for row in rows]
        found = dict(examination.summary(facts)) if facts else {}
        with writing(out):
            write_json(out / REPORT, {**head, "summary": found, "pictures": rows})

    write_report()
    try:
        for place, file in enumerate(files):
            found = examination.examine(_given(examination, file, place, options))
            folder = out / f"{place:06d}"
            with writing(out):
                folder.mkdir()
                told = {"input": file.name, **options.conditions.in_words(place * options.count)}
                marked = SyntheticStamp(**(asdict(stamp) | {"condition": told}))
                for name, pixels in found.drawn.items():
                    write_sample(folder / name, pixels, media, marked, chosen)
                for name, pixels in found.computed.items():
                    write_image((folder / name).with_suffix(suffix_for(media)), pixels)
                whitest = {name: _write_map(folder / name, values) for name, values in found.maps.items()}
            rows.append({"input": file.name, "folder": folder.name, "found": dict(found.facts), "white": whitest})
            yield SampleProgress(len(rows), len(files))
    finally:
        write_report()


def _given(examination: Examination, file: Path, place: int, options: EditOptions) -> GivenPicture:
    model = examination.model
    pixels = read_picture(file, model.config.media)
    size = options.batch_size or AT_ONCE
    first, stop = place * options.count, (place + 1) * options.count
    draws = []
    for start in range(first, stop, size):
        indices = range(start, min(stop, start + size))
        condition = completed(model.config.conditions, options.conditions.of(indices), len(indices))
        draws.append((indices, {key: value.to(model.device) for key, value in condition.items()}))
    x = to_float(np.stack([pixels]), model.config.media).to(model.device)
    return GivenPicture(pixels=pixels, x=x, place=place, draws=draws, seed=options.seed)


def _write_map(stem: Path, values: np.ndarray) -> float:
    """Write a map (h, w) as float32 numbers and as a grey picture; the value that is white in it."""
    white = float(values.max())
    write_image(stem.with_suffix(".npy"), values.astype(np.float32)[..., None])
    grey = np.rint(values * (255 / white)) if white > 0 else np.zeros_like(values)
    write_image(stem.with_suffix(".png"), grey.astype(np.uint8)[..., None])
    return white
