"""Image generators that draw in one pass from a latent vector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.core.worded import network_name
from diorama.networks.adversarial.base import GeneratorConfig, StyleGenerator
from diorama.networks.catalog import Generator
from diorama.nn.standing import batch_norms, take_standing_statistics
from diorama.synthesis.base import AS_TRAINED, OF_GANS, Sampling, Synthesizer, SynthesizerConfig, not_drawn_so
from diorama.synthesis.conditions import labels_in_turn
from diorama.synthesis.truncation import LEAST, truncated

_STANDING_BATCH = 64
"""Samples of one batch that standing statistics are taken of."""
_STANDING_SEED = (1 << 64) - 1
"""Of these samples; the last of all, so that nobody's own are drawn."""

LayerNoise = Literal["const"] | Sequence[Tensor]
"""What the layers of a generator add: what it stores, or for each layer a tensor (b, 1, h, w)."""


@dataclass(frozen=True, kw_only=True)
class GANSynthesizerConfig(SynthesizerConfig):
    """A trained image generator.

    Args:
        media: what it draws.
        conditions: what the generator reads; empty where that is nothing but noise.
        generator: the network.
        psi: truncation, in the generator's own terms: the threshold of latent values, or how much is left of the
            distance from the mean style; ``None`` for none.
        cutoff: how many layers the mean style is for, the coarsest first; ``None`` for all.
        standing: batches of samples over which the statistics of batch norms are taken anew before anything is drawn;
            ``None`` for those of training.
        stored_noise: layers add the noise that the generator stores, the same for all samples; else each sample has
            its own, as in training.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    generator: Generator
    psi: float | None = field(default=None, metadata={LATER: True})
    cutoff: int | None = field(default=None, metadata={LATER: True})
    standing: int | None = field(default=None, metadata={LATER: True})
    stored_noise: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not isinstance(self.generator, GeneratorConfig):
            raise ValueError(
                f"generator: {type(self.generator).__name__} must extend GeneratorConfig of "
                "diorama.networks.adversarial.base, and its network take (z, condition)"
            )
        check_conditions(self.conditions, self.generator.reads, self.generator.classes)
        _check_truncation(self)
        if self.stored_noise and not self.generator.stores_noise:
            raise ValueError(f"stored_noise: a {network_name(self.generator)} stores no noise for its layers")

    def build(self) -> GANSynthesizer:
        """A synthesizer with a freshly initialised generator."""
        return GANSynthesizer(self)


def check_conditions(conditions: tuple[ConditionSpec, ...], reads: tuple[str, ...], classes: int) -> None:
    """See that a network is given what it reads, and nothing else.

    Args:
        conditions: what there is.
        reads: keys of what the network reads.
        classes: labels that it knows.

    Raises:
        ValueError: the message names the key.
    """
    keys = [spec.key for spec in conditions]
    if set(keys) != set(reads):
        raise ValueError(f"conditions: the network reads {list(reads)}, given are {keys}")
    label = next((spec for spec in conditions if spec.key == "label"), None)
    if label is not None and len(label.names) != classes:
        raise ValueError(f"conditions: {len(label.names)} label names, but the network knows {classes} classes")


def _check_truncation(config: GANSynthesizerConfig) -> None:
    kind = config.generator.truncation
    if kind != "styles" and config.cutoff is not None:
        raise ValueError("cutoff: belongs to generators with styles, which are truncated layer by layer")
    if config.cutoff is not None:
        _check_cutoff(config.cutoff, config)
    if kind == "latent" and config.psi is not None and not config.psi >= LEAST:
        raise ValueError(f"psi: is the largest latent value here, and must be at least {LEAST:g}, got {config.psi:g}")


def _check_cutoff(cutoff: int, config: GANSynthesizerConfig) -> None:
    if config.psi is None:
        raise ValueError("cutoff: says for which layers psi is, and there is no psi")
    most = config.generator.style_layers
    if cutoff < 1 or (most and cutoff > most):
        limit = f" and at most {most}, the layers of this generator" if most else ""
        raise ValueError(f"cutoff: must be at least 1{limit}, got {cutoff}")


class GANSynthesizer(Synthesizer):
    """``generator`` turns a standard normal latent vector into a picture."""

    kind = "GAN"

    def __init__(self, config: GANSynthesizerConfig) -> None:
        super().__init__()
        self.config: GANSynthesizerConfig = config
        self.generator = config.generator.build()
        self._settled = config.standing is None
        """Whether the statistics of the generator's batch norms are those that the config asks for."""

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return (self.generator.config.latent,)

    @property
    def sampling(self) -> Sampling:
        """Truncation and standing statistics."""
        return Sampling(psi=self.config.psi, cutoff=self.config.cutoff, standing=self.config.standing)

    def resampled(self, sampling: Sampling) -> GANSynthesizer:
        """See :meth:`Synthesizer.resampled`; a generator with other statistics is a copy."""
        if sampling == AS_TRAINED:
            return self
        asked = {name: getattr(sampling, name) for name in OF_GANS if getattr(sampling, name) is not None}
        if sampling != Sampling(**asked):
            super().resampled(replace(sampling, **dict.fromkeys(OF_GANS)))
        truncation = self.config.generator.truncation
        if truncation == "none" and (sampling.psi is not None or sampling.cutoff is not None):
            what = type(self.config.generator).__name__.removesuffix("Config")
            raise BadInput(f"psi: this model's generator, a {what}, cannot be truncated; leave that out")
        if sampling.standing is not None and not batch_norms(self.generator):
            raise BadInput("standing: this model's generator has no batch norm; leave that out")
        try:
            config = replace(self.config, **asked)
        except ValueError as problem:
            raise not_drawn_so(problem) from problem
        other = copy.copy(self)
        other.config = config
        if config.standing is not None:
            # A shallow copy has the very dict of modules that this one has.
            other._modules = {**self._modules, "generator": copy.deepcopy(self.generator)}
            other._settled = False
        return other

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the pictures."""
        self._settle()
        yield Stage(x=self._draw(noise, condition, seed=seed, first=first))

    @property
    def has_styles(self) -> bool:
        """Whether the generator makes styles (w) of latent vectors (z), and pictures of styles."""
        return isinstance(self.generator, StyleGenerator)

    @property
    def style_generator(self) -> StyleGenerator:
        """The generator, where :attr:`has_styles`.

        Raises:
            TypeError: it makes none.
        """
        if not isinstance(self.generator, StyleGenerator):
            raise TypeError(f"a {network_name(self.config.generator)} makes no styles")
        return self.generator

    def latents(self, count: int, *, seed: int = 0, first: int = 0) -> Tensor:
        """The latent vectors (count, latent) of samples, without values beyond psi where it is the largest of them."""
        return self._latents(self.noise(count, seed=seed, first=first), seed=seed, first=first)

    def styles(self, z: Tensor, condition: Condition) -> Tensor:
        """Styles (b, n, style) of latent vectors, truncated as the config says; of generators that have some.

        Args:
            z: (b, latent).
            condition: all that the config's conditions name, with batch size b.
        """
        return self.style_generator.styles(z, condition, **self._truncation())

    def layer_noise(self, count: int, *, seed: int = 0, first: int = 0) -> LayerNoise | None:
        """The noise that the layers of samples add: (count, …) for each layer, ``"const"`` for what the generator
        stores, ``None`` where it adds none."""
        if self.config.stored_noise:
            return "const"
        return [
            StepNoise(shape, seed=seed, first=first, count=count, device=self.device)(layer)
            for layer, shape in enumerate(self.config.generator.layer_noise)
        ] or None

    def of_latents(self, z: Tensor, condition: Condition, noise: LayerNoise | None) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of latent vectors.

        Args:
            z: (b, latent), as :meth:`latents` draws them.
            condition: all that the config's conditions name, with batch size b.
            noise: as :meth:`layer_noise` draws it; of one sample for all, or of b.
        """
        self._settle()
        return self._of_latents(z, condition, noise)

    def of_styles(self, styles: Tensor, noise: LayerNoise | None) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of styles (b, n, style); of generators that have some.

        Args:
            styles: as :meth:`styles` makes them.
            noise: as :meth:`layer_noise` draws it; of one sample for all, or of b.
        """
        return self.style_generator.draw(styles, **_noise_given(noise, len(styles)))

    def _draw(self, z: Tensor, condition: Condition, *, seed: int, first: int) -> Tensor:
        noise = self.layer_noise(len(z), seed=seed, first=first)
        return self._of_latents(self._latents(z, seed=seed, first=first), condition, noise)

    def _of_latents(self, z: Tensor, condition: Condition, noise: LayerNoise | None) -> Tensor:
        return self.generator(z, condition, **self._truncation(), **_noise_given(noise, len(z)))

    def _settle(self) -> None:
        """Take the statistics of batch norms that the config asks for, once."""
        if not self._settled:
            take_standing_statistics(self.generator, self._standing_batches())
            self._settled = True

    def _latents(self, z: Tensor, *, seed: int, first: int) -> Tensor:
        psi = self.config.psi
        if psi is None or self.config.generator.truncation != "latent":
            return z
        return truncated(z, psi, seed=seed, first=first)

    def _truncation(self) -> dict[str, Any]:
        """What a generator that is truncated by styles is told of that."""
        config = self.config
        if config.psi is None or config.generator.truncation == "latent":
            return {}
        return {"psi": config.psi, "cutoff": config.cutoff}

    def _standing_batches(self) -> Iterator[Callable[[], Tensor]]:
        """Batches of samples with their labels in turn, one after another."""
        assert self.config.standing is not None
        others = [spec.key for spec in self.config.conditions if spec.key != "label"]
        if others:
            raise BadInput(f"standing: this model is given {', '.join(others)}, which nothing can be drawn without")
        for start in range(0, self.config.standing * _STANDING_BATCH, _STANDING_BATCH):
            yield partial(self._standing_batch, start)

    def _standing_batch(self, start: int) -> Tensor:
        condition: dict[str, Tensor] = {}
        for spec in self.config.conditions:
            table = labels_in_turn(spec).of(range(start, start + _STANDING_BATCH))
            condition = {key: rows.to(self.device) for key, rows in table.items()}
        z = self.noise(_STANDING_BATCH, seed=_STANDING_SEED, first=start)
        return self._draw(z, condition, seed=_STANDING_SEED, first=start)


def _noise_given(noise: LayerNoise | None, count: int) -> dict[str, Any]:
    """The argument by which a generator is told the noise of its layers, for so many samples."""
    if noise is None:
        return {}
    if isinstance(noise, str):
        return {"noise": noise}
    return {"noise": [layer.expand(count, *layer.shape[1:]) for layer in noise]}
