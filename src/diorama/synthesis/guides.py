"""Guides: a second, frozen network that a diffusion model has beside its own, and is guided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, ConditionSpec, Level, MediaSpec
from diorama.core.worded import kind_in_words
from diorama.networks.catalog import ConditionEncoder, Denoiser
from diorama.nn.attention import perturbed_attention, self_attentions
from diorama.processes.catalog import AnyPreconditioning, AnyProcess
from diorama.processes.precondition import Network, NetworkDenoise
from diorama.processes.threshold import Threshold
from diorama.samplers.classifier_guidance import Gradient
from diorama.synthesis.classifier import NoisyClassifier, NoisyClassifierConfig


@dataclass(frozen=True, kw_only=True)
class DenoiserGuideConfig:
    """A denoiser of the same media and the same process as the model that it guides: a smaller or an earlier one.

    Args:
        conditions: what it is given, of what the model is given.
        encoder: turns that into what the network reads; ``None`` hands it on as it is.
        denoiser: the network.
        preconditioning: what goes into the network and what comes out of it.
    """

    conditions: tuple[ConditionSpec, ...] = ()
    encoder: ConditionEncoder | None = None
    denoiser: Denoiser
    preconditioning: AnyPreconditioning

    def build(self) -> DenoiserGuide:
        """The guide, freshly initialised."""
        return DenoiserGuide(self)


class DenoiserGuide(nn.Module):
    """See :class:`DenoiserGuideConfig`."""

    def __init__(self, config: DenoiserGuideConfig) -> None:
        super().__init__()
        self.config = config
        self.denoiser = config.denoiser.build()
        self.encoder = None if config.encoder is None else config.encoder.build()

    def denoise(self, condition: Condition, network: Network | None = None) -> NetworkDenoise:
        """The guide as ``denoise(x, level)``, its clean samples not limited.

        Args:
            condition: of the samples, all that the guided model is given.
            network: stands in for the guide's, where its pass is recorded.
        """
        given = {spec.key: condition[spec.key] for spec in self.config.conditions}
        return network_denoise(network or self.denoiser, self.encoder, self.config.preconditioning, given)


def network_denoise(
    network: Network,
    encoder: nn.Module | None,
    preconditioning: AnyPreconditioning,
    condition: Condition,
    threshold: Threshold | None = None,
) -> NetworkDenoise:
    """A network as ``denoise(x, level)`` for samples with these conditions, with what the encoder makes of them."""
    read: dict[str, Tensor] = {**condition} if encoder is None else {**condition, **encoder(condition)}
    return NetworkDenoise(network, preconditioning, read, threshold=threshold)


AnyGuide = DenoiserGuideConfig | NoisyClassifierConfig
"""What a model may be guided by."""


def other_process(guides: AnyProcess, models: AnyProcess) -> str:
    """What is said of a guide whose noise process is not the model's: the kinds, or the fields that differ."""
    kinds = kind_in_words(guides), kind_in_words(models)
    if kinds[0] != kinds[1]:
        return (
            f"its noise process is of the kind {kinds[0]}, and the model's of the kind {kinds[1]}; take a guide that "
            "was trained with the model's"
        )
    pairs = {field.name: (getattr(guides, field.name), getattr(models, field.name)) for field in fields(models)}
    other = ", ".join(f"{name} {own} in place of {wanted}" for name, (own, wanted) in pairs.items() if own != wanted)
    return f"its noise process is another {kinds[0]} one than the model's: {other}"


def check_guide(guide: AnyGuide, drawn: MediaSpec, process: AnyProcess, conditions: Sequence[ConditionSpec]) -> None:
    """See that a guide can guide a model.

    Args:
        guide: the guide.
        drawn: what the model's network draws.
        process: the model's.
        conditions: what the model is given.

    Raises:
        ValueError: it takes other samples, knows another noise process, or is given what the model is not.
    """
    own = {spec.key: spec for spec in conditions}
    if isinstance(guide, NoisyClassifierConfig):
        if guide.media.shape != drawn.shape:
            raise ValueError(f"guide: looks at {guide.media.in_words()}, and the model draws {drawn.in_words()}")
        if guide.process != process:
            raise ValueError(f"guide: {other_process(guide.process, process)}")
        if "label" not in own or own["label"].names != guide.names:
            names = own["label"].names if "label" in own else "none"
            raise ValueError(f"guide: tells the labels {guide.names} apart, and the model's are {names}")
        return
    if guide.denoiser.in_channels != drawn.channels:
        raise ValueError(f"guide: takes {guide.denoiser.in_channels} channels, and the model draws {drawn.channels}")
    for spec in guide.conditions:
        if spec.key not in own:
            raise ValueError(f"guide: is given {spec.key}, which this model is not given")
        for what in ("shape", "names", "null"):
            theirs, ours = getattr(spec, what), getattr(own[spec.key], what)
            if theirs != ours:
                raise ValueError(f"guide: {what} of its {spec.key} is {theirs}, of the model's {ours}")


def check_perturbed(denoiser: Denoiser, layers: Sequence[int]) -> None:
    """See that a network's own attention can be perturbed, so that it guides itself.

    Args:
        denoiser: the network.
        layers: of its self-attention; empty for all.

    Raises:
        ValueError: it has none, or fewer.
    """
    with torch.device("meta"):
        network = denoiser.build()
    if not self_attentions(network):
        raise ValueError(
            "guidance_kind: pag needs self-attention, which this network has none of; guide it by another model "
            "(--guide MODEL)"
        )
    try:
        with perturbed_attention(network, layers):
            pass
    except ValueError as problem:
        raise ValueError(f"guidance_kind: pag: {problem}") from problem


def towards(classifier: NoisyClassifier, label: Tensor) -> Gradient:
    """The gradient towards labels (b,), and none for samples whose label is the null, which is none of the classes."""
    count = len(classifier.config.names)
    known = label < count
    gradient = classifier.gradient(label.clamp(max=count - 1))

    def masked(x: Tensor, level: Level) -> Tensor:
        found = gradient(x, level)
        return found * known.view(-1, *(1,) * (found.dim() - 1))

    return masked
