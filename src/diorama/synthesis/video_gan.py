"""Video generators that draw a clip from a content code and motion noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.catalog import VideoGenerator
from diorama.synthesis.base import Synthesizer, SynthesizerConfig

NO_CATEGORY = -1
"""The label of a clip whose category is left to its noise."""


@dataclass(frozen=True, kw_only=True)
class VideoGANSynthesizerConfig(SynthesizerConfig):
    """A trained video generator.

    Args:
        media: what it draws; ``frames`` is the length of its clips.
        conditions: empty, or the label: label *i* is category *i* of the generator, and its null, -1, leaves the
            category to the noise.
        generator: the network.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    generator: VideoGenerator

    def __post_init__(self) -> None:
        if any(spec.key != "label" or spec.null != NO_CATEGORY for spec in self.conditions):
            raise ValueError(f"conditions: only a label with the null {NO_CATEGORY} is read, got {self.conditions}")
        if len(self.classes) > self.generator.categories:
            raise ValueError(f"conditions: {len(self.classes)} labels, but {self.generator.categories} categories")

    def build(self) -> VideoGANSynthesizer:
        """A synthesizer with a freshly initialised generator."""
        return VideoGANSynthesizer(self)


class VideoGANSynthesizer(Synthesizer):
    """``generator`` turns one flat noise vector into a clip.

    The vector holds the content code, the motion state before the first frame, the noise of every frame, and one value
    for each category: the largest names the category that is drawn when no label is given.
    """

    kind = "GAN of clips"

    config: VideoGANSynthesizerConfig

    def __init__(self, config: VideoGANSynthesizerConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = config.generator.build()

    @property
    def frames(self) -> int:
        """Length of a clip."""
        assert self.config.media.frames is not None, "MediaSpec makes sure that videos have frames"
        return self.config.media.frames

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(content + motion + frames * motion + categories,)"""
        return (sum(self._parts),)

    @property
    def _parts(self) -> tuple[int, int, int, int]:
        network = self.config.generator
        return network.content, network.motion, self.frames * network.motion, network.categories

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the clips. ``condition["label"]`` (b,) picks the category where the generator has categories."""
        content, initial, draws, votes = noise.split(self._parts, dim=1)
        category = self._category(votes, condition) if self.config.generator.categories else None
        yield Stage(x=self.generator(content, initial, draws.unflatten(1, (self.frames, -1)), category))

    def _category(self, votes: Float[Tensor, "b k"], condition: Condition) -> Float[Tensor, "b k"]:
        chosen = votes.argmax(dim=1)
        if "label" in condition:
            chosen = torch.where(condition["label"] == NO_CATEGORY, chosen, condition["label"])
        return self.generator.one_hot(chosen)
