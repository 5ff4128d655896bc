"""What rooms hand to one another: batches, losses, noise levels, predictions, and what the data is.

Everything here is a plain value. The words are those of the architecture page: a *batch* is what the
loader yields, a *condition* is the part of it that a generator may be given, a *level* is a place in a
noise process, a *stage* is what a sampler yields on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

Batch = Mapping[str, Tensor]
"""Tensors under the names of :data:`BATCH_KEYS`."""

Condition = Mapping[str, Tensor]
"""The part of a batch that a generator is given; the same names."""

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
    "index": "(b,) int64, the record's place in its split",
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


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """What a recipe may know of the data.

    Args:
        name: the data set's name, for titles.
        media: what one record is.
        classes: label names; label *i* in a batch is ``classes[i]``. Empty when there are no labels.
        count: records in the training split.
        sha256: content hash of the prepared data.
    """

    name: str
    media: MediaSpec
    classes: tuple[str, ...] = ()
    count: int = 0
    sha256: str = ""


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
        t: time, grows with noise, ``t = 0`` is data. For discrete processes the step's index.
        alpha: signal scale; 0 (pure noise) is legal.
        sigma: noise scale.
        until: the second time of two-time models, else ``None``.

    All are tensors that broadcast against ``x``.
    """

    t: Tensor
    alpha: Tensor
    sigma: Tensor
    until: Tensor | None = None


class Prediction(NamedTuple):
    """What a denoiser says of ``x``: the clean sample, and the log-variance of the reverse step if it is learned."""

    clean: Tensor
    log_variance: Tensor | None = None


class Denoise(Protocol):
    """``denoise(x, level) -> Prediction``, the meaning every diffusion-like network is given."""

    def __call__(self, x: Tensor, level: Level) -> Prediction: ...


class DrawNoise(Protocol):
    """``noise(i)`` is the normal draw, of the shape of ``x``, that a sampler uses at its step *i*."""

    def __call__(self, i: int) -> Tensor: ...


@dataclass(frozen=True)
class Stage:
    """What a sampler yields after each step: the state, and where they exist the current guess and the level."""

    x: Tensor
    clean: Tensor | None = None
    level: Level | None = None


Samples = Iterator[Tensor]
"""Batches of pictures (b, c, h, w) or clips (b, c, t, h, w), float32 in [-1, 1]."""
