"""Image generators that draw in one pass from a latent vector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.core.worded import network_name
from diorama.networks.adversarial.base import GeneratorConfig
from diorama.networks.catalog import Generator
from diorama.nn.standing import batch_norms, take_standing_statistics
from diorama.synthesis.base import AS_TRAINED, OF_GANS, Sampling, Synthesizer, SynthesizerConfig, not_drawn_so
from diorama.synthesis.conditions import labels_in_turn
from diorama.synthesis.truncation import LEAST, truncated

_STANDING_BATCH = 64
"""Samples of one batch that standing statistics are taken of."""
_STANDING_SEED = (1 << 64) - 1
"""Of these samples; the last of all, so that nobody's own are drawn."""


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
    if config.psi is None:
        if config.cutoff is not None:
            raise ValueError("cutoff: says for which layers psi is, and there is no psi")
    elif kind == "latent" and not config.psi >= LEAST:
        raise ValueError(f"psi: is the largest latent value here, and must be at least {LEAST:g}, got {config.psi:g}")


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
        if not self._settled:
            take_standing_statistics(self.generator, self._standing_batches())
            self._settled = True
        yield Stage(x=self._draw(noise, condition, seed=seed, first=first))

    def _draw(self, z: Tensor, condition: Condition, *, seed: int, first: int) -> Tensor:
        config, network = self.config, self.config.generator
        given: dict[str, Any] = {}
        if config.psi is not None:
            if network.truncation == "latent":
                z = truncated(z, config.psi, seed=seed, first=first)
            else:
                given = {"psi": config.psi, "cutoff": config.cutoff}
        if config.stored_noise:
            given["noise"] = "const"
        elif network.layer_noise:
            given["noise"] = [
                StepNoise(shape, seed=seed, first=first, count=len(z), device=z.device)(layer)
                for layer, shape in enumerate(network.layer_noise)
            ]
        return self.generator(z, condition, **given)

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
