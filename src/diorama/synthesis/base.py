"""The Synthesizer: anything that can be asked for samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, MediaSpec, Stage
from diorama.core.rng import initial_noise


class SynthesizerConfig(ABC):
    """A frozen dataclass that describes a synthesizer: its media, label names, networks, process and sampler.

    Every config has a field ``media``. One that lacks ``classes`` draws without labels.
    """

    media: MediaSpec
    classes: tuple[str, ...] = ()

    @abstractmethod
    def build(self) -> Synthesizer: ...


class Synthesizer(nn.Module, ABC):
    """What inference needs, bundled. Subclasses say how noise becomes samples, in :meth:`stages`."""

    config: SynthesizerConfig

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape, without the batch axis, of the standard normal noise that one sample starts from."""

    @abstractmethod
    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """Turn noise into samples step by step; the last stage's ``x`` holds the samples in [-1, 1].

        Args:
            noise: (b, *noise_shape), on the model's device.
            condition: tensors with batch size b, on the model's device.
            seed: with ``first``, names the draws of samplers that need more noise on their way.
            first: index of the first sample of this batch.
        """

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @torch.no_grad()
    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        first: int = 0,
        condition: Condition | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Draw samples ``first … first + count - 1`` of a seed.

        Args:
            count: how many; they are drawn in one batch.
            seed: names the noise. Sample *i* of a seed is the same whatever the batch size or device.
            first: index of the first sample.
            condition: tensors whose batch size is ``count``.
            noise: (count, *noise_shape) standard normal, in place of the seed's.

        Returns:
            (count, *media.shape) float32 in [-1, 1].
        """
        if noise is None:
            noise = initial_noise(self.noise_shape, seed=seed, first=first, count=count)
        elif tuple(noise.shape) != (count, *self.noise_shape):
            raise ValueError(f"noise must have shape {(count, *self.noise_shape)}, got {tuple(noise.shape)}")
        given = {key: value.to(self.device) for key, value in (condition or {}).items()}
        last = deque(self.stages(noise.to(self.device), given, seed=seed, first=first), maxlen=1)
        if not last:
            raise RuntimeError(f"{type(self).__name__}.stages yielded nothing")
        return last[0].x.float().clamp(-1, 1)
