"""A classifier of noisy pictures in a model folder: it draws nothing, and guides a diffusion model that does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from diorama.core.contracts import Condition, ConditionSpec, Level, MediaSpec, Stage
from diorama.core.errors import BadInput
from diorama.networks.catalog import Classifier
from diorama.processes.catalog import AnyPreconditioning, AnyProcess
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import like, on
from diorama.processes.precondition import TargetPreconditioning
from diorama.samplers.classifier_guidance import LabelGradient
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class NoisyClassifierConfig(SynthesizerConfig):
    """A classifier, the labels that it tells apart, and the noise that it has learned to look through.

    Args:
        media: what it looks at; pictures.
        conditions: empty, since it draws nothing.
        names: label *i* is ``names[i]``.
        classifier: the network.
        process: how data become noise; that of the model which it guides.
        preconditioning: what goes into the network, and what it is told of a level; its output is none of these.
    """

    draws: ClassVar[bool] = False

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    names: tuple[str, ...]
    classifier: Classifier
    process: AnyProcess = field(default_factory=DiscreteProcess)
    preconditioning: AnyPreconditioning = field(default_factory=TargetPreconditioning)

    def __post_init__(self) -> None:
        network, media = self.classifier, self.media
        if self.conditions:
            raise ValueError("conditions: a classifier is given nothing but noisy pictures")
        if media.kind != "image" or network.in_channels != media.channels:
            raise ValueError(
                f"classifier.in_channels: the network takes pictures of {network.in_channels} channels, these are "
                f"{media.in_words()}"
            )
        if network.classes != len(self.names):
            raise ValueError(f"classifier.classes: {network.classes}, and there are {len(self.names)} names of labels")
        if network.pooling == "attention" and (media.height, media.width) != (network.side, network.side):
            raise ValueError(
                f"classifier.side: attention pooling was made for {network.side} pixels, these are "
                f"{media.height} x {media.width}"
            )

    def build(self) -> NoisyClassifier:
        """The classifier, freshly initialised."""
        return NoisyClassifier(self)


class NoisyClassifier(Synthesizer):
    """``classifier`` says which label a noisy picture has, and so in which direction that label lies.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 4.
    """

    kind = "noisy classifier"

    def __init__(self, config: NoisyClassifierConfig) -> None:
        super().__init__()
        self.config: NoisyClassifierConfig = config
        self.classifier = config.classifier.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of a picture."""
        return self.config.media.shape

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """It has none.

        Raises:
            BadInput: always, saying what a classifier is for.
        """
        raise BadInput("this model tells labels of noisy pictures apart and draws none; it guides a model that does")

    def logits(self, x: Tensor, level: Level) -> Tensor:
        """Of every label.

        Args:
            x: (b, c, h, w) noisy pictures in the process's scale.
            level: where they are; one for all, or one each.

        Returns:
            (b, classes).
        """
        told = self.config.preconditioning.time(level).reshape(-1).to(device=x.device, dtype=x.dtype)
        logits: Tensor = self.classifier(
            like(self.config.preconditioning.input(on(level, x)), x) * x, told.expand(x.shape[0])
        )
        return logits.float()

    def gradient(self, label: Tensor) -> LabelGradient:
        """What guides samples towards labels.

        Args:
            label: (b,) int64, one for each sample.
        """
        return LabelGradient(self.logits, label)
