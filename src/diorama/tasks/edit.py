"""What all edits of pictures share: given pictures in, edited ones out, each marked as a composite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.files import write_json
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.media.convert import to_float
from diorama.media.formats import SampleFormat, format_named
from diorama.media.stamp import SyntheticStamp
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions, completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.formats import check_format, write_sample
from diorama.synthesis.sample_place import emptied, made_ready, writing
from diorama.synthesis.samples import SampleProgress
from diorama.tasks.pictures import look_at, picture_files, read_picture

AT_ONCE = 16
"""Samples of one forward pass."""


@dataclass(frozen=True, kw_only=True)
class EditOptions:
    """How pictures are edited and written.

    Args:
        seed: names the noise.
        count: edits of each picture; edit *j* of picture *i* is number ``count * i + j``, and always the same.
        conditions: what each edit is given beside its picture.
        batch_size: edits of one forward pass; ``None`` for 16.
        format: of the files, ``png``, ``jpeg`` or ``webp``; ``None`` for what holds the data without loss.
        recipe: the model's, for the files' marks.
    """

    seed: int = 0
    count: int = 1
    conditions: SampleConditions = NOTHING
    batch_size: int | None = None
    format: SampleFormat | None = None
    recipe: str = ""

    def __post_init__(self) -> None:
        for name in ("count", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")


@dataclass(frozen=True, kw_only=True)
class GivenBatch:
    """Some pictures on their way to be edited.

    Args:
        pixels: (b, h, w, c) in stored units.
        x: the same, (b, c, h, w) in [-1, 1] on the model's device.
        places: of each, its place among the given pictures.
        first: number of the first edit; they follow one another.
        seed: names the noise.
        condition: what they are given, with batch size b.
    """

    pixels: np.ndarray
    x: Tensor
    places: Sequence[int]
    first: int
    seed: int
    condition: Mapping[str, Tensor] = field(default_factory=dict)


class Edit(ABC):
    """A verb on pictures: how a batch of them is edited."""

    verb: str

    @property
    @abstractmethod
    def model(self) -> Synthesizer:
        """What draws."""

    @property
    def reads(self) -> MediaSpec:
        """What it is given."""
        return self.model.config.media

    @property
    def any_size(self) -> bool:
        """Whether pictures may be of another size than :attr:`reads` says, and so are edited one at a time."""
        return False

    @property
    def fitted(self) -> bool:
        """Whether pictures of another size are scaled, and cut to their middle, which is said."""
        return False

    def fit(self, size: tuple[int, int]) -> str | None:
        """What is done to a picture of a (height, width) in pixels so that the model can read it, for people.

        Raises:
            BadInput: the model cannot read one of that size.
        """
        return None

    @property
    def specs(self) -> Sequence[ConditionSpec]:
        """What an edit is given beside its picture."""
        return self.model.config.conditions

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What the list of samples says of how it edits."""

    @abstractmethod
    def draw(self, given: GivenBatch) -> np.ndarray:
        """Edited pictures (b, h', w', c) in the stored units of what the model draws."""


def require_diffusion(model: Synthesizer, verb: str) -> DiffusionSynthesizer:
    """The model, if it is one whose way from noise can be entered.

    Raises:
        BadInput: it draws in one pass, draws clips, or is given a picture itself.
    """
    if not isinstance(model, DiffusionSynthesizer):
        raise BadInput(
            f"{verb}: needs a diffusion model, such as the recipes ddpm, edm and flow_cpu train, and this is a "
            f"{model.kind}"
        )
    if model.config.media.kind != "image":
        raise BadInput(f"{verb}: edits pictures, and this model draws clips")
    if any(spec.key == "image" for spec in model.config.conditions):
        raise BadInput(f"{verb}: this model enlarges pictures that it is given; use upscale")
    return model


def require_way(model: Synthesizer, verb: str) -> DiffusionSynthesizer:
    """As :func:`require_diffusion`, of what enters the way between its first and its last level.

    Raises:
        BadInput: as there, or the model knows one level alone.
    """
    walking = require_diffusion(model, verb)
    spacing = walking.config.spacing
    if isinstance(spacing, RatioSpacing) and len(spacing.ratios) == 1:
        raise BadInput(
            f"{verb}: this model was trained to draw in one step, and begins with noise alone; take one that draws in "
            "many, such as the teacher that it was distilled from"
        )
    return walking


def in_latents(model: DiffusionSynthesizer, x: Tensor) -> Tensor:
    """Pictures (b, c, h, w) as what the network draws: latents of a model with a codec, else themselves."""
    return x if model.codec is None else model.codec.encode(x)


def in_pixels(model: DiffusionSynthesizer, x: Tensor) -> Tensor:
    """The inverse of :func:`in_latents`."""
    return x if model.codec is None else model.codec.decode(x)


def edited(edit: Edit, source: Path, out: Path, model_sha256: str, options: EditOptions) -> Iterator[SampleProgress]:
    """Edit a picture or a folder of them into a folder of samples: numbered files and ``samples.json``.

    All pictures are looked at before anything is written.

    Args:
        edit: the verb.
        source: a picture, or a folder of them.
        out: new, empty, or of older samples, which are replaced.
        model_sha256: the model's hash, for the marks.
        options: seed, conditions, format.

    Yields:
        Progress after each batch.

    Raises:
        BadInput: a picture cannot be read or is none that the model reads, or ``out`` cannot be written.
    """
    media = edit.model.config.media
    chosen = None if options.format is None else format_named(options.format)
    check_format(media, chosen)
    files = picture_files(source)
    if out.resolve() == files[0].resolve().parent:
        raise BadInput(f"{out}: holds the pictures that are given, which would be replaced; choose another folder")
    look_at(files, edit.reads, any_size=edit.any_size, fitted=edit.fitted, fit=edit.fit)
    made_ready(out)
    emptied(out)
    how = edit.model.sampling
    stamp = SyntheticStamp(model=model_sha256, seed=options.seed, recipe=options.recipe, composite=True, **asdict(how))
    rows: list[dict[str, Any]] = []
    total, size = len(files) * options.count, 1 if edit.any_size else options.batch_size or AT_ONCE

    def write_list() -> None:
        document = {"format": 1, "model": model_sha256, "recipe": options.recipe, "sampling": how.in_json()}
        with writing(out):
            write_json(out / LIST, document | {"task": edit.verb, "settings": dict(edit.settings()), "samples": rows})

    write_list()
    try:
        for start in range(0, total, size):
            indices = range(start, min(total, start + size))
            drawn = edit.draw(_batch(edit, files, indices, options))
            for index, pixels in zip(indices, drawn, strict=True):
                told = {"input": files[index // options.count].name, **options.conditions.in_words(index)}
                marked = SyntheticStamp(**(asdict(stamp) | {"index": index, "condition": told}))
                with writing(out):
                    name = write_sample(out / f"{index:06d}", pixels, media, marked, chosen)
                rows.append(
                    {"file": name, "seed": options.seed, "index": index, "condition": told, "model": stamp.model}
                )
            yield SampleProgress(len(rows), total)
    finally:
        write_list()


def _batch(edit: Edit, files: Sequence[Path], indices: range, options: EditOptions) -> GivenBatch:
    places = [index // options.count for index in indices]
    read = {
        place: read_picture(files[place], edit.reads, any_size=edit.any_size, fitted=edit.fitted)
        for place in set(places)
    }
    pixels = np.stack([read[place] for place in places])
    device = edit.model.device
    condition = completed(edit.specs, options.conditions.of(indices), len(indices))
    return GivenBatch(
        pixels=pixels,
        x=to_float(pixels, edit.reads).to(device),
        places=places,
        first=indices.start,
        seed=options.seed,
        condition={key: value.to(device) for key, value in condition.items()},
    )
