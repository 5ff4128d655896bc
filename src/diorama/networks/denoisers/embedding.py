"""What a denoising U-Net is told besides the picture: the time of the noise process, a label, how it was augmented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.nn.timestep import TimeKind, TimeMLP, guidance_features, time_features

_SCALE_FEATURES = 256
"""Waves of a scale of guidance."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """How time and label become one vector.

    Args:
        width: of the vector; ``None`` is four times the network's first width.
        time: waves of the time, random waves of its logarithm, or a table.
        sine_first: sines before cosines, of ``sinusoidal``.
        shift: of the frequencies of ``sinusoidal``, see :func:`diorama.nn.timestep.sinusoidal`.
        steps: rows of the table of ``learned``.
        label: no label, a table of ``classes``, a number embedded like the time, or a ready vector.
        classes: rows of the label table.
        unconditional: the table has one more row, the null label ``classes``, which stands for any class.
        two_times: how far away a second, earlier time is gets an embedding of its own, which is added: for models that
            jump from one time to another.
        guidance: the scale of a teacher's guidance is read, whose waves are added likewise (C. Meng et al.,
            arXiv:2210.03142, section 3.1).
        augment: numbers that tell how a picture was altered in training, added to the features of the time by a layer
            of their own (T. Karras et al., arXiv:2206.00364, appendix F.2); 0 for none.
    """

    width: int | None = None
    time: TimeKind = "sinusoidal"
    sine_first: bool = True
    shift: float = 1.0
    steps: int | None = None
    label: Literal["none", "table", "number", "vector"] = "none"
    classes: int = 0
    unconditional: bool = False
    two_times: bool = field(default=False, metadata={LATER: True})
    augment: int = field(default=0, metadata={LATER: True})
    guidance: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.augment < 0:
            raise ValueError(f"augment must be at least 0, got {self.augment}")
        if self.two_times and self.time != "sinusoidal":
            raise ValueError(f"two_times: goes with sinusoidal times, got {self.time!r}")
        if (self.label == "table") != (self.classes > 0):
            raise ValueError(f"label 'table' goes with classes, got label={self.label!r} classes={self.classes}")
        if (self.time == "learned") != (self.steps is not None):
            raise ValueError(f"time 'learned' goes with steps, got time={self.time!r} steps={self.steps}")

    @property
    def null_label(self) -> int | None:
        """The row of the label table that stands for any class."""
        return self.classes if self.unconditional else None


class LevelEmbedding(nn.Module):
    """Time (b,) and label -> (b, width), before any activation.

    Args:
        config: how.
        channels: the network's first width.
    """

    def __init__(self, config: EmbeddingConfig, channels: int) -> None:
        super().__init__()
        self.width = config.width or 4 * channels
        self.time_features, features = time_features(
            config.time, channels, sine_first=config.sine_first, shift=config.shift, steps=config.steps
        )
        self.time_mlp = TimeMLP(features, self.width)
        self.gap_mlp = TimeMLP(features, self.width) if config.two_times else None
        self.augment = nn.Linear(config.augment, features, bias=False) if config.augment else None
        self.guidance = nn.Linear(_SCALE_FEATURES, features, bias=False) if config.guidance else None
        self.null_label = config.null_label
        self.whole_times = config.time == "learned"
        self.label: nn.Embedding | TimeMLP | nn.Identity | None = None
        if config.label == "table":
            self.label = nn.Embedding(config.classes + config.unconditional, self.width)
        elif config.label == "number":
            self.label = TimeMLP(features, self.width)
        elif config.label == "vector":
            self.label = nn.Identity()

    def forward(
        self, t: Tensor, label: Tensor | None, augment: Tensor | None = None, guidance: Tensor | None = None
    ) -> Tensor:
        """Embed.

        Args:
            t: (b,) times; with two times (b, 2), of which the second is how far it is to the second time.
            label: (b,) classes or numbers, or (b, width) vectors; ``None`` without labels, and for the null label.
            augment: (b, a) numbers of an augmentation; ``None`` for pictures as they are.
            guidance: (b,) scales, of a network that reads them.

        Raises:
            ValueError: a label or a scale is missing or not wanted, or numbers of an augmentation are not wanted.
        """
        if self.whole_times:
            t = t.long()
        gap = None
        if self.gap_mlp is not None:
            t, gap = t.unbind(1)
        embedded = self._embedded(self.time_mlp, t, self._beside_time(augment, guidance))
        if gap is not None and self.gap_mlp is not None:
            embedded = embedded + self._embedded(self.gap_mlp, gap)
        if self.label is None:
            if label is not None:
                raise ValueError("this network takes no label")
            return embedded
        if label is None:
            if self.null_label is None:
                raise ValueError("this network needs a label")
            label = torch.full_like(t, self.null_label, dtype=torch.long)
        if isinstance(self.label, TimeMLP):
            label = self.time_features(label)
        return embedded + self.label(label)

    def _beside_time(self, augment: Tensor | None, guidance: Tensor | None) -> Tensor | None:
        """What is added to the features of the time, (b, features)."""
        beside: Tensor | None = None
        if augment is not None:
            if self.augment is None:
                raise ValueError("this network cannot be told of augmentation")
            beside = self.augment(augment.to(self.augment.weight.dtype))
        if (guidance is None) != (self.guidance is None):
            raise ValueError(f"this network {'takes no' if self.guidance is None else 'needs a'} scale of guidance")
        if self.guidance is not None and guidance is not None:
            waves = guidance_features(guidance - 1, _SCALE_FEATURES).to(self.guidance.weight.dtype)
            scale: Tensor = self.guidance(waves)
            beside = scale if beside is None else beside + scale
        return beside

    def _embedded(self, mlp: TimeMLP, t: Tensor, beside: Tensor | None = None) -> Tensor:
        features = self.time_features(t).to(mlp.inner.weight.dtype)
        embedded: Tensor = mlp(features if beside is None else features + beside)
        return embedded
