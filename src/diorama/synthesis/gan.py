"""Image generators that draw in one pass from a latent vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.catalog import Generator
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class GANSynthesizerConfig(SynthesizerConfig):
    """A trained image generator.

    Args:
        media: what it draws.
        conditions: empty, since the generator reads nothing but noise.
        generator: the network.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    generator: Generator

    def build(self) -> GANSynthesizer:
        """A synthesizer with a freshly initialised generator."""
        return GANSynthesizer(self)


class GANSynthesizer(Synthesizer):
    """``generator`` turns a standard normal latent vector into a picture."""

    kind = "GAN"

    def __init__(self, config: GANSynthesizerConfig) -> None:
        super().__init__()
        self.config: GANSynthesizerConfig = config
        self.generator = config.generator.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return (self.generator.config.latent,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the pictures. The condition is not read."""
        yield Stage(x=self.generator(noise))
