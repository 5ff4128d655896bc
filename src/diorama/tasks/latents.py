"""Places in the latent space of a model: named by seeds, and what lies between them.

Reference: T. White, "Sampling generative networks", arXiv:1609.04468, section 2 (spherical interpolation).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.core.errors import BadConfig, BadInput, WrongValue
from diorama.core.rng import MOST_SAMPLES, StepNoise
from diorama.processes.gaussian import like
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import SampleConditions, completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.gan import GANSynthesizer
from diorama.synthesis.vae import VAESynthesizer
from diorama.tasks.edit import in_pixels

Along = Literal["z", "w"]
"""``z`` is the latent vector or the noise that a sample starts from, ``w`` the styles that a StyleGAN makes of it."""

_STRAIGHT = 1e-4
"""Radians; of smaller angles the arc is its chord."""


@dataclass(frozen=True)
class Sample:
    """One sample of a model.

    Args:
        seed: names the noise.
        index: its number among the samples of the seed.
    """

    seed: int
    index: int = 0

    def __str__(self) -> str:
        return f"{self.seed}:{self.index}" if self.index else str(self.seed)


def samples_named(words: Sequence[str]) -> tuple[Sample, ...]:
    """Samples by words ``SEED`` (its first sample) or ``SEED:NUMBER``.

    Args:
        words: one for each sample.

    Raises:
        BadConfig: a word is neither.
    """
    found = []
    for word in words:
        seed, _, index = word.partition(":")
        if not seed.isdecimal() or not (index or "0").isdecimal() or word.endswith(":"):
            raise BadConfig(f"{word!r} names no sample; it is SEED, or SEED:NUMBER such as 0:3 for sample 3 of seed 0")
        if int(seed) >= 1 << 64 or int(index or 0) >= MOST_SAMPLES:
            raise BadConfig(f"{word!r}: seeds lie in [0, 2^64), and numbers of samples in [0, 2^32)")
        found.append(Sample(int(seed), int(index or 0)))
    return tuple(found)


def slerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the arc between two vectors, their lengths changing evenly from one's to the other's.

    The middle of a straight line between normal vectors of n values is shorter than nearly every such vector; on the
    arc, all are as long as the ends.

    Args:
        start: one, of any shape.
        end: likewise.
        share: (b,) of the way, in [0, 1].

    Returns:
        (b, …); an end itself where the share is 0 or 1 and, of opposite vectors, the straight line.

    Reference: arXiv:1609.04468, section 2.
    """
    a, b = start.double().flatten(), end.double().flatten()
    lengths = a.norm(), b.norm()
    rows = share.double()[:, None]
    if min(lengths) == 0:
        return ((1 - rows) * a + rows * b).view(-1, *start.shape).to(start.dtype)
    a_unit, b_unit = a / lengths[0], b / lengths[1]
    # The arc cosine of the product would lose half of the digits of small angles.
    angle = 2 * torch.atan2((a_unit - b_unit).norm(), (a_unit + b_unit).norm())
    if angle < _STRAIGHT or torch.pi - angle < _STRAIGHT:
        direction = (1 - rows) * a_unit + rows * b_unit
    else:
        direction = (((1 - rows) * angle).sin() * a_unit + (rows * angle).sin() * b_unit) / angle.sin()
    points = direction * ((1 - rows) * lengths[0] + rows * lengths[1])
    return points.view(-1, *start.shape).to(start.dtype)


def lerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the straight line between two, (b, …); arguments as of :func:`slerp`."""
    return torch.lerp(start, end, share.view(-1, *[1] * start.dim()))


class LatentSpace(ABC):
    """Where a model's samples lie, and what it draws at other places.

    Noise that layers or samplers add on the way is that of one sample at all places, so that it stands still where the
    place moves.

    Args:
        model: what draws.
        conditions: what the samples are given, in turn.

    Raises:
        BadInput: the model must be given something that the conditions lack.
    """

    along: Along

    def __init__(self, model: Synthesizer, conditions: SampleConditions) -> None:
        self.model, self.conditions = model, conditions
        self.given([0])  # what is lacking is said before anything is written

    @abstractmethod
    def places(self, samples: Sequence[Sample]) -> Tensor:
        """Where samples lie, (n, …)."""

    @abstractmethod
    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        """Places (b, …) on the way from one place to another, at shares (b,) of it."""

    @abstractmethod
    def draw(self, places: Tensor, still: Sample) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of places (b, …), with the other noise of one sample."""

    def given(self, indices: Sequence[int]) -> Condition:
        """What the samples of these numbers are given, on the model's device."""
        whole = completed(self.model.config.conditions, self.conditions.of(indices), len(indices))
        return {key: value.to(self.model.device) for key, value in whole.items()}


class _Arcs(LatentSpace):
    """What spaces of normal vectors share."""

    along: Along = "z"

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        """On the arc, see :func:`slerp`."""
        return slerp(start, end, share)


class GANLatents(_Arcs):
    """Latent vectors of a GAN."""

    def __init__(self, model: GANSynthesizer, conditions: SampleConditions) -> None:
        super().__init__(model, conditions)
        self.gan = model

    def places(self, samples: Sequence[Sample]) -> Tensor:
        """See :meth:`LatentSpace.places`."""
        return torch.cat([self.gan.latents(1, seed=each.seed, first=each.index) for each in samples])

    def draw(self, places: Tensor, still: Sample) -> Tensor:
        """See :meth:`LatentSpace.draw`."""
        noise = self.gan.layer_noise(1, seed=still.seed, first=still.index)
        return self.gan.of_latents(places, self.given([0] * len(places)), noise)


class Styles(LatentSpace):
    """Styles of a StyleGAN."""

    along: Along = "w"

    def __init__(self, model: GANSynthesizer, conditions: SampleConditions) -> None:
        super().__init__(model, conditions)
        self.gan = model

    def places(self, samples: Sequence[Sample]) -> Tensor:
        """Styles (n, layers, style); what the samples are given is taken in turn."""
        z = GANLatents(self.gan, self.conditions).places(samples)
        return self.gan.styles(z, self.given(range(len(samples))))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """How many layers read a style, and the length of one."""
        readers = self.gan.style_generator.readers()
        return len(readers), readers[0].shape[1]

    def untruncated(self, z: Tensor, indices: Sequence[int]) -> Tensor:
        """Styles (b, style) of latent vectors (b, latent), without truncation.

        Args:
            z: latent vectors.
            indices: of the samples, for what they are given.
        """
        return self.gan.style_generator.styles(z, self.given(indices))[:, 0]

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        """On the straight line."""
        return lerp(start, end, share)

    def draw(self, places: Tensor, still: Sample) -> Tensor:
        """See :meth:`LatentSpace.draw`."""
        return self.gan.of_styles(places, self.gan.layer_noise(1, seed=still.seed, first=still.index))


class Noise(_Arcs):
    """The noise that a diffusion model or a VAE starts from."""

    def places(self, samples: Sequence[Sample]) -> Tensor:
        """See :meth:`LatentSpace.places`."""
        return torch.cat([self.model.noise(1, seed=each.seed, first=each.index) for each in samples])

    def draw(self, places: Tensor, still: Sample) -> Tensor:
        """See :meth:`LatentSpace.draw`."""
        model, given = self.model, self.given([0] * len(places))
        if not isinstance(model, DiffusionSynthesizer):
            return deque(model.stages(places, given), maxlen=1)[0].x
        config, count = model.config, len(places)
        times = config.spacing.times(config.process, config.steps)
        own = StepNoise(model.noise_shape, seed=still.seed, first=still.index, count=1, device=model.device)

        def draws(i: int, k: int = 0) -> Tensor:
            return own(i, k).expand(count, *model.noise_shape)

        x = like(config.process.prior_scale(times[0]), places) * places
        denoise = model.denoise(given, sampler=config.sampler)
        (last,) = deque(config.sampler.run(denoise, x, config.process, times, draws), maxlen=1)
        return in_pixels(model, last.x)


def latent_space(model: Synthesizer, conditions: SampleConditions, along: Along | None, verb: str) -> LatentSpace:
    """The latent space of a model.

    Args:
        model: of pictures.
        conditions: what the samples are given.
        along: ``None`` for ``w`` where there is one, else ``z``.
        verb: the command, for messages.

    Raises:
        BadInput: the model has none, or no such one.
    """
    given = [spec.key for spec in model.config.conditions if spec.key not in ("label", "tokens")]
    if model.config.media.kind != "image" or given:
        what = f"is given {given[0]} with each sample" if given else "draws clips"
        raise BadInput(f"{verb}: serves models that draw pictures of noise, a label or a text, and this one {what}")
    if not isinstance(model, (GANSynthesizer, DiffusionSynthesizer, VAESynthesizer)):
        raise BadInput(f"{verb}: serves GANs, VAEs and diffusion models of pictures, and this is a {model.kind}")
    if along == "w" or (along is None and isinstance(model, GANSynthesizer) and model.has_styles):
        return Styles(require_styles(model, verb), conditions)
    if len(conditions.words) > 1:
        raise WrongValue(f"{verb}: several labels or texts need styles to go between (--along w); along z give one")
    return GANLatents(model, conditions) if isinstance(model, GANSynthesizer) else Noise(model, conditions)


def require_styles(model: Synthesizer, verb: str) -> GANSynthesizer:
    """The model, if its generator makes styles of latent vectors.

    Raises:
        BadInput: it does not; the message says which do.
    """
    if isinstance(model, GANSynthesizer) and model.has_styles:
        return model
    what = model.kind
    if isinstance(model, GANSynthesizer):
        what += f" with a generator of {type(model.config.generator).__name__.removesuffix('GeneratorConfig')}"
    raise BadInput(f"{verb}: needs a generator with styles (w): StyleGAN, StyleGAN2 or StyleGAN3; this is a {what}")
