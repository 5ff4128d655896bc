"""A synthesizer of synthesizers: the first draws a small picture, each of the others a larger one of what came before.

Reference: J. Ho, C. Saharia, W. Chan, D. J. Fleet, M. Norouzi, T. Salimans, "Cascaded diffusion models for high
fidelity image generation", arXiv:2106.15282, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import BadConfig, BadInput
from diorama.core.seeds import fold
from diorama.synthesis.base import Sampling, Synthesizer, SynthesizerConfig, asks_nothing
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class CascadeSynthesizerConfig(SynthesizerConfig):
    """Synthesizers that draw one after another.

    Args:
        media: what the last one draws.
        conditions: what all of them are given, but the pictures that they hand on.
        first: draws from noise.
        then: each is given the picture before it as ``image``.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    first: DiffusionSynthesizerConfig | GANSynthesizerConfig
    then: tuple[DiffusionSynthesizerConfig, ...]

    def __post_init__(self) -> None:
        before = self.first.media
        for number, config in enumerate(self.then):
            spec = next((spec for spec in config.conditions if spec.key == "image"), None)
            if spec is None or spec.shape != before.shape:
                wanted = "none" if spec is None else spec.shape
                raise ValueError(
                    f"then[{number}]: is given pictures of shape {before.shape}, and its condition image is {wanted}"
                )
            before = config.media
        if self.media.shape != before.shape:
            raise ValueError(f"media: the last of the cascade draws {before.shape}, got {self.media.shape}")

    def build(self) -> CascadeSynthesizer:
        """A cascade with freshly initialised networks."""
        return CascadeSynthesizer(self, self.first.build(), [config.build() for config in self.then])


class CascadeSynthesizer(Synthesizer):
    """``first`` draws a picture, and each of ``then`` a larger one of it.

    Args:
        config: of all.
        first: built of ``config.first``.
        then: built of ``config.then``.
    """

    kind = "cascade"

    def __init__(
        self,
        config: CascadeSynthesizerConfig,
        first: DiffusionSynthesizer | GANSynthesizer,
        then: Sequence[DiffusionSynthesizer],
    ) -> None:
        super().__init__()
        self.config: CascadeSynthesizerConfig = config
        self.first, self.then = first, nn.ModuleList(then)

    @property
    def members(self) -> list[Synthesizer]:
        """All of them, in the order in which they draw."""
        return [self.first, *self.then]

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(n,): the noise of all members, one after another."""
        return (sum(math.prod(member.noise_shape) for member in self.members),)

    def resampled(self, sampling: Sampling) -> CascadeSynthesizer:
        """See :meth:`Synthesizer.resampled`; members have samplers of their own, so that there is not one to change."""
        if asks_nothing(sampling, self.kind):
            return self
        raise BadInput("sampling: a cascade's members have samplers of their own; resample them, and join them anew")

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """The stages of the first member, then those of the next, and so on."""
        parts = noise.split([math.prod(member.noise_shape) for member in self.members], dim=1)
        picture: dict[str, Tensor] = {}
        for number, (member, part) in enumerate(zip(self.members, parts, strict=True)):
            given = {spec.key: {**condition, **picture}[spec.key] for spec in member.config.conditions}
            start = part.reshape(len(part), *member.noise_shape)
            stage = Stage(start)
            # Members draw their own noise on the way, and so have seeds of their own.
            for stage in member.stages(start, given, seed=fold(seed, number), first=first):
                yield stage
            picture = {"image": stage.x.float().clamp(-1, 1)}


def cascade(first: DiffusionSynthesizer | GANSynthesizer, *then: DiffusionSynthesizer) -> CascadeSynthesizer:
    """Trained models as one.

    Args:
        first: draws from noise.
        then: each is given the picture before it.

    Raises:
        BadConfig: one is not given pictures of the size that the one before it draws.
    """
    keys: dict[str, ConditionSpec] = {}
    for member in (first, *then):
        for spec in member.config.conditions:
            if spec.key == "image":
                continue
            if keys.setdefault(spec.key, spec) != spec:
                raise BadConfig(
                    f"cascade: {spec.key} means different things to its members (classes, their order, what stands for "
                    "none, or dropout)"
                )
    try:
        config = CascadeSynthesizerConfig(
            media=(then[-1] if then else first).config.media,
            conditions=tuple(keys.values()),
            first=first.config,
            then=tuple(member.config for member in then),
        )
    except ValueError as problem:
        raise BadConfig(f"cascade: {problem}") from problem
    return CascadeSynthesizer(config, first, then).eval()
