"""Image generators that take noise away step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from diorama.core.contracts import Condition, Denoise, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.networks.catalog import Denoiser
from diorama.processes.bound import bound_times, variational_bound
from diorama.processes.gaussian import Target
from diorama.processes.levels import DiscreteProcessConfig
from diorama.processes.precondition import TargetDenoise
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.guidance import ClassifierFree
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class DiffusionSynthesizerConfig(SynthesizerConfig):
    """A trained diffusion model.

    Args:
        media: what it draws; height and width are multiples of ``denoiser.multiple``.
        classes: label names; empty when it reads no labels.
        denoiser: the network.
        process: how data become noise.
        target: what the network predicts.
        sampler: how noise becomes data.
        guidance: scale of classifier-free guidance; 1 is none.
        clip: clean samples are limited to [-1, 1] on the way.
    """

    media: MediaSpec
    classes: tuple[str, ...] = ()
    denoiser: Denoiser
    process: DiscreteProcessConfig = field(default_factory=DiscreteProcessConfig)
    target: Target = "noise"
    sampler: DDIMConfig | AncestralConfig = field(default_factory=DDIMConfig)
    guidance: float = 1.0
    clip: bool = True

    def __post_init__(self) -> None:
        embedding, multiple = self.denoiser.embedding, self.denoiser.multiple
        if self.media.kind != "image":
            raise ValueError("media.kind: this network draws images, not clips")
        if self.media.height % multiple or self.media.width % multiple:
            size = f"{self.media.height} x {self.media.width}"
            raise ValueError(f"media: height and width must be multiples of {multiple} for this network, got {size}")
        if len(self.classes) != embedding.classes:
            raise ValueError(f"classes: {len(self.classes)} names, but the network's table has {embedding.classes}")
        if self.guidance != 1 and not embedding.unconditional:
            raise ValueError("guidance: needs a network with a null label (denoiser.embedding.unconditional)")

    def build(self) -> DiffusionSynthesizer:
        """A synthesizer with a freshly initialised network."""
        return DiffusionSynthesizer(self)


class DiffusionSynthesizer(Synthesizer):
    """``denoiser`` finds the noise in a picture; the sampler takes it away."""

    def __init__(self, config: DiffusionSynthesizerConfig) -> None:
        super().__init__()
        self.config: DiffusionSynthesizerConfig = config
        self.denoiser = config.denoiser.build()
        self.process = config.process.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(c, h, w), as the pictures."""
        return self.config.media.shape

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage for each step of the sampler, with the current guess and the noise level.

        A model with classes reads ``condition["label"]`` (b,) int64; without it, one that knows a null label draws
        from all classes.

        Raises:
            BadInput: a label is needed and missing, or is no class.
        """
        draws = StepNoise(self.noise_shape, seed=seed, first=first, count=noise.shape[0], device=noise.device)
        return self.config.sampler.run(self.denoise(condition), noise, self.process, draws)

    def denoise(self, condition: Condition) -> Denoise:
        """The network as ``denoise(x, level)`` under a condition, with the config's guidance."""
        label, clip = self._label(condition), self.config.clip
        if label is None or self.config.guidance == 1:
            return self._plain(label, clip=clip)
        # The sum of both predictions is limited, not each before it, so that guidance acts on what the network said.
        conditional, unconditional = (self._plain(known, clip=False) for known in (label, None))
        return ClassifierFree(conditional, unconditional, self.config.guidance, clip=clip)

    def _plain(self, label: Tensor | None, *, clip: bool) -> TargetDenoise:
        return TargetDenoise(self.denoiser, self.config.target, label=label, clip=clip)

    def _label(self, condition: Condition) -> Tensor | None:
        classes, label = self.config.classes, condition.get("label")
        if not classes:
            return None
        if label is None:
            if self.config.denoiser.embedding.unconditional:
                return None
            raise BadInput(f"this model needs a label, one of {list(classes)}")
        if bool(((label < 0) | (label >= len(classes))).any()):
            raise BadInput(f"label: must be in 0 … {len(classes) - 1}, the index of one of {list(classes)}")
        return label

    @torch.no_grad()
    def bits_per_dim(
        self,
        images: Tensor,
        *,
        condition: Condition | None = None,
        steps: int | None = None,
        seed: int = 0,
        first: int = 0,
    ) -> Tensor:
        """An upper bound on the code length of pictures, without guidance.

        Args:
            images: (b, c, h, w) in [-1, 1], on the model's device.
            condition: as for :meth:`stages`.
            steps: terms of the bound that are evaluated; ``None`` for all T. Fewer give an estimate that is
                unbiased over seeds.
            seed: with ``first``, names the noise.
            first: index of the first picture.

        Returns:
            (b,) float32, bits per dimension.

        Raises:
            BadInput: the pictures are not stored as integers, so that there is no bound.

        Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 5.
        """
        media, sampler = self.config.media, self.config.sampler
        if media.dtype not in ("uint8", "uint16"):
            raise BadInput(f"bits per dimension need integer pixels, these are {media.dtype}")
        noise = StepNoise(media.shape, seed=seed, first=first, count=images.shape[0], device=images.device)
        nats = variational_bound(
            self._plain(self._label(condition or {}), clip=self.config.clip),
            images,
            self.process,
            noise,
            times=bound_times(self.process.steps, steps, seed),
            variance=sampler.variance if isinstance(sampler, AncestralConfig) else "small",
            bins=round(media.high - media.low) + 1,
        )
        return nats / (images[0].numel() * math.log(2))
