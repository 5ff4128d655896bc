"""Video generators that draw a clip from a content code and motion noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.networks.catalog import VideoGenerator
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class VideoGANSynthesizerConfig(SynthesizerConfig):
    """A trained video generator.

    Args:
        media: what it draws; ``frames`` is the length of its clips.
        classes: labels it can be asked for: label *i* is category *i* of the generator. Empty where categories have no
            names.
        generator: the network.
    """

    media: MediaSpec
    classes: tuple[str, ...] = ()
    generator: VideoGenerator

    def build(self) -> VideoGANSynthesizer:
        """A synthesizer with a freshly initialised generator."""
        return VideoGANSynthesizer(self)


class VideoGANSynthesizer(Synthesizer):
    """``generator`` turns one flat noise vector into a clip.

    The vector holds the content code, the motion state before the first frame, the noise of every frame, and one value
    for each category: the largest names the category that is drawn when no label is given.
    """

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
        count = votes.shape[1]
        label = condition.get("label", votes.argmax(dim=1))
        if int(label.max()) >= count or int(label.min()) < 0:
            raise BadInput(f"label must be from 0 to {count - 1}, got {label.tolist()}")
        return self.generator.one_hot(label)
