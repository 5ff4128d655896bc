"""What rooms hand to one another: batches, conditions, losses, noise levels, predictions, and what the data is.

Everything here is a plain value or a protocol. The words are those of docs/house.md: a *batch* is what the
loader yields, a *condition* is the part of it that a generator may be given, a *side* is what a prepared record has
beside its pixels, a *process* says how data become noise, a *level* is a place in it, a *stage* is what a sampler
yields on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.numbers import counted

Batch = Mapping[str, Tensor]
"""Tensors under the names of :data:`BATCH_KEYS`."""


def pixels_of(batch: Batch) -> Tensor:
    """The pictures or clips of a batch."""
    return batch["image"] if "image" in batch else batch["video"]


Condition = Mapping[str, Tensor]
"""The part of a batch that a generator is given; the same names."""

NOTHING_GIVEN: Condition = MappingProxyType({})
"""The empty condition."""

BATCH_KEYS: Mapping[str, str] = {
    "image": "(b, c, h, w) float32 in [-1, 1]",
    "video": "(b, c, t, h, w) float32 in [-1, 1]",
    "audio": "(b, samples) float32",
    "label": "(b,) int64, or (b, k) float for several or soft labels",
    "text": "(b, n, d) float32, token features",
    "text_mask": "(b, n) bool, True where a token is real",
    "pooled": "(b, d) float32, one feature for the whole text",
    "tokens": "(b, n) int64",
    "lengths": "(b,) int64, valid frames or tokens of each sample",
    "mask": "(b, 1, h, w) or (b, 1, t, h, w) float32 in [0, 1], 1 where the model must draw",
    "target": "like image or video: what paired training aims at",
    "pose": "(b, ...) float32",
    "action": "(b, t) int64 or (b, t, a) float32",
    "fps": "(b,) float32, frames a second",
    "augment": "(b, a) float32, how a picture was altered before training saw it; zeros where it was not",
    "guidance": "(b,) float32, the scale of the guidance that a distilled network is to answer at; 1 for none",
    "index": "(b,) int64, the record's place in its split",
    "latent": "(b, c, h, w) or (b, c, t, h, w) float32, a codec's latents of the record, unit variance",
    "noise": "like image, video or latent: the normal noise that the record meets, where it was chosen for it",
}
"""The closed set of batch keys with their shapes. A new kind of condition is added here and nowhere else."""


@dataclass(frozen=True, kw_only=True)
class MediaSpec:
    """What one picture or clip of a data set is, in the units it is stored in.

    Args:
        kind: ``"image"`` or ``"video"``.
        channels: colour channels, 1 to N.
        height: pixels.
        width: pixels.
        frames: frames of a clip; ``None`` for images.
        fps: frames a second; ``None`` for images and for clips whose clock is unknown.
        dtype: type of the stored values.
        low: the stored value that -1 stands for.
        high: the stored value that +1 stands for.
    """

    kind: Literal["image", "video"]
    channels: int
    height: int
    width: int
    frames: int | None = None
    fps: float | None = None
    dtype: Literal["uint8", "uint16", "float16", "float32"] = "uint8"
    low: float = 0.0
    high: float = 255.0

    def __post_init__(self) -> None:
        if (self.kind == "video") != (self.frames is not None):
            raise ValueError(f"a video has frames and an image has none, got {self.kind} with frames={self.frames}")
        if not self.high > self.low:
            raise ValueError(f"high must be above low, got low={self.low} high={self.high}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(c, h, w) of an image, (c, t, h, w) of a clip."""
        if self.frames is None:
            return (self.channels, self.height, self.width)
        return (self.channels, self.frames, self.height, self.width)

    def in_words(self, count: int | None = None) -> str:
        """``1,200 pictures of 64 x 48, 3 channels, uint8``: width by height; of clips also how long they are.

        Args:
            count: of records; ``None`` leaves it out.
        """
        one = "picture" if self.frames is None else "clip"
        what = f"{one}s" if count is None else counted(count, one)
        size = f"{self.width} x {self.height}, {counted(self.channels, 'channel')}, {self.dtype}"
        if self.frames is None:
            return f"{what} of {size}"
        rate = f", {self.fps:g} frames a second" if self.fps else ""
        return f"{what} of {counted(self.frames, 'frame')} of {size}{rate}"


@dataclass(frozen=True, kw_only=True)
class SideSpec:
    """An array that every record of a data set has beside its pixels.

    Args:
        key: the key of :data:`BATCH_KEYS` that it is read under.
        kind: ``text`` is UTF-8 and is read as byte tokens; ``picture`` is a picture or clip in stored units, read in
            [-1, 1] and mirrored with its record; ``values`` are read as they are stored.
        shape: of one as it is read, without the batch axis; a ragged first axis counts the longest of the set, to
            which the loader pads with zeros.
        ragged: the first axis of ``shape`` differs from record to record.
        media: units and size of a ``picture``; else ``None``.
        dtype: type of ``values`` in a batch.
        several: the most alternatives that a record has (captions, say), of which one is drawn at every reading.
        mirrored: the second half of every record's alternatives belong to its mirror image (latents that a codec was
            given mirrored pictures for), and are drawn where the record is read mirrored.
        unpaired: of a ``picture``: it belongs to no record but to a second set, of any length, of which one is drawn at
            every reading, and mirrored, on its own.
    """

    key: str
    kind: Literal["text", "picture", "values"]
    shape: tuple[int, ...]
    ragged: bool = False
    media: MediaSpec | None = None
    dtype: Literal["float32", "int64", "bool"] = "float32"
    several: int = 1
    mirrored: bool = False
    unpaired: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.key not in BATCH_KEYS:
            raise ValueError(f"key: {self.key!r} is no key of a batch; known are {', '.join(BATCH_KEYS)}")
        if self.unpaired and self.kind != "picture":
            raise ValueError(f"unpaired: only pictures are, got {self.kind!r} of {self.key}")
        if (self.kind == "picture") != (self.media is not None):
            raise ValueError(f"media: a side of kind 'picture' has it and no other, got {self.kind!r} of {self.key}")
        if self.kind == "text" and not (self.ragged and len(self.shape) == 1):
            raise ValueError(f"shape: a text is ragged and (n,), got {self.shape} of {self.key}")
        if self.media is not None and (self.ragged or self.shape != self.media.shape):
            raise ValueError(f"shape: a picture has that of its media, {self.media.shape}, got {self.shape}")
        if (self.ragged and not self.shape) or min((self.several, *self.shape[self.ragged :])) < 1:
            raise ValueError(f"shape: {self.several} of {self.shape} cannot be, of {self.key}")


@dataclass(frozen=True, kw_only=True)
class ConditionSpec:
    """One thing that a generator may be given.

    Args:
        key: its key in a condition, of :data:`BATCH_KEYS`.
        shape: of one sample's, without the batch axis; () for a label.
        names: of labels: label *i* is ``names[i]``.
        null: fills the tensor where nothing is given; ``None`` where something must be.
        dropout: share of training samples that are given the null in its place, so that the model can be guided:
            J. Ho, T. Salimans, arXiv:2207.12598, algorithm 1.
        bounds: the least and the largest value of numbers that the model was taught; ``None`` for any.
    """

    key: str
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    null: float | None = None
    dropout: float = 0.0
    bounds: tuple[float, float] | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.key not in BATCH_KEYS:
            raise ValueError(f"key: {self.key!r} is no key of a batch; known are {', '.join(BATCH_KEYS)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout of {self.key}: must be in [0, 1), got {self.dropout}")
        if self.dropout and self.null is None:
            raise ValueError(f"dropout of {self.key}: needs a null, which takes the place of what is dropped")


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """What a recipe may know of the data.

    Args:
        name: the data set's name, for titles.
        media: what one record is.
        classes: label names; label *i* in a batch is ``classes[i]``. Empty when there are no labels.
        count: records in the training split.
        sha256: content hash of the prepared data.
        sides: what every record has beside its pixels.
    """

    name: str
    media: MediaSpec
    classes: tuple[str, ...] = ()
    count: int = 0
    sha256: str = ""
    sides: tuple[SideSpec, ...] = ()

    @property
    def conditions(self) -> tuple[ConditionSpec, ...]:
        """What a generator of these data can be given: the label, then the sides; nothing has a null or dropout."""
        label = (ConditionSpec(key="label", names=self.classes),) if self.classes else ()
        return (*label, *(ConditionSpec(key=side.key, shape=side.shape) for side in self.sides))

    def condition(self, key: str) -> ConditionSpec | None:
        """What the data offer under a key; ``None`` where they have nothing of it."""
        return next((spec for spec in self.conditions if spec.key == key), None)


@dataclass(frozen=True)
class Moment:
    """Where training stands when a loss is taken: completed steps and images seen."""

    step: int
    images: int


class Loss(NamedTuple):
    """What a phase returns: the mean to descend, shape (), and named scalars for the log."""

    value: Tensor
    scalars: Mapping[str, Tensor] = {}


@dataclass(frozen=True)
class Level:
    """A place in a noise process, ``x = alpha * clean + sigma * noise``.

    Args:
        t: time, grows with noise, ``t = 0`` is data.
        alpha: signal scale; 0 (pure noise) is legal.
        sigma: noise scale.
        until: the second time of two-time models, else ``None``.

    All are tensors that broadcast against ``x``.
    """

    t: Tensor
    alpha: Tensor
    sigma: Tensor
    until: Tensor | None = None


class Process(Protocol):
    """How data become noise: ``x = alpha(t) * clean + sigma(t) * noise`` for real t from 0 to ``end``.

    Methods answer in the type of ``t`` and on its device; samplers ask in float64 on the CPU.
    """

    @property
    def end(self) -> float:
        """The largest time, at which samples start."""
        ...

    def at(self, t: Tensor) -> Level:
        """The levels of times of any shape; ``at(0)`` is clean data."""
        ...

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t, each of the shape of ``t``."""
        ...

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times at which ``sigma / alpha`` is ``ratio``, the inverse of :meth:`at`."""
        ...

    def prior_scale(self, t: Tensor) -> Tensor:
        """Standard deviation of the normal noise that stands for a sample at time t."""
        ...


class Prediction(NamedTuple):
    """What a denoiser says of ``x``.

    Attributes:
        clean: the clean sample.
        log_variance: of the reverse step, if it is learned.
        unclipped: the clean sample before it was limited to the data's range; ``None`` where it was not.
        variance_share: where the reverse step's variance lies between the posterior's, 0, and that of the step, 1, in
            their logarithms, if that is what is learned.
        gradient: by x, of the log-probability of what the samples are guided towards; it is for ancestral sampling
            alone, which moves the mean of a step by variance times it.
    """

    clean: Tensor
    log_variance: Tensor | None = None
    unclipped: Tensor | None = None
    variance_share: Tensor | None = None
    gradient: Tensor | None = None


class Denoise(Protocol):
    """``denoise(x, level) -> Prediction``, the meaning every diffusion-like network is given."""

    def __call__(self, x: Tensor, level: Level) -> Prediction: ...


class DrawNoise(Protocol):
    """``noise(i, k)`` is the k-th normal draw, of the shape of ``x``, that a sampler makes in its step *i*."""

    def __call__(self, i: int, k: int = 0) -> Tensor: ...


@dataclass(frozen=True)
class Stage:
    """What a sampler yields after each step: the state, and where they exist the current guess and the level."""

    x: Tensor
    clean: Tensor | None = None
    level: Level | None = None


Samples = Iterator[Tensor]
"""Batches of pictures (b, c, h, w) or clips (b, c, t, h, w), float32 in [-1, 1]."""
