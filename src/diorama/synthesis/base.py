"""The Synthesizer: anything that can be asked for samples."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.durations import count_words
from diorama.core.errors import BadInput, WrongValue
from diorama.core.rng import normal
from diorama.core.suggestions import in_a_line
from diorama.synthesis.conditions import ConditionLike, completed, in_tensors


class SynthesizerConfig(ABC):
    """A frozen dataclass that describes a synthesizer: its media, conditions, networks, process and sampler.

    Every config has a field ``media``. One that lacks ``conditions`` is given nothing.
    """

    draws: ClassVar[bool] = True
    """Whether it draws samples; one that does not serves other models."""

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels that it can be asked for; empty where it reads none."""
        return next((spec.names for spec in self.conditions if spec.key == "label"), ())

    @property
    def needs_label(self) -> bool:
        """Whether nothing can be drawn without a label."""
        return any(spec.key == "label" and spec.null is None for spec in self.conditions)

    @abstractmethod
    def build(self) -> Synthesizer: ...


OF_GANS = ("psi", "cutoff", "standing")
"""What of :class:`Sampling` generators alone have that draw in one pass."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a trained model draws: what is asked for, or what it does.

    Args:
        sampler: name of the sampler; ``None`` for the model's own.
        steps: how many levels it visits; ``None`` for the model's own.
        guidance_kind: in the words of :func:`~diorama.samplers.guidance.catalog.guidance_named`; ``None`` for the
            model's own, and what a model says of plain classifier-free guidance.
        guidance: scale of the guidance, 1 for none; ``None`` for the model's own.
        psi: truncation of a GAN, in the generator's own terms (:mod:`diorama.networks.adversarial.base`); ``None`` for
            none.
        cutoff: how many of its layers are truncated, the coarsest first; ``None`` for all.
        standing: batches of samples over which the statistics of its batch norms are taken anew; ``None`` for those of
            training.
    """

    sampler: str | None = None
    steps: int | None = None
    guidance_kind: str | None = None
    guidance: float | None = None
    psi: float | None = None
    cutoff: int | None = None
    standing: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise ValueError(f"guidance must be a number, got {self.guidance}")
        if self.psi is not None and not math.isfinite(self.psi):
            raise ValueError(f"psi must be a number, got {self.psi}")
        if self.cutoff is not None and self.cutoff < 0:
            raise ValueError(f"cutoff must be at least 0, got {self.cutoff}")
        if self.standing is not None and self.standing < 1:
            raise ValueError(f"standing must be at least 1, got {self.standing}")

    def in_json(self) -> dict[str, Any]:
        """As files have it: the kind of guidance stands there only where it is not plain classifier-free guidance, and
        what GANs alone have where it was asked for."""
        told = {"sampler": self.sampler, "steps": self.steps, "guidance": self.guidance}
        rare = {name: getattr(self, name) for name in ("guidance_kind", *OF_GANS)}
        return told | {name: value for name, value in rare.items() if value is not None}


class CannotBeGuided(ValueError):
    """Guidance is asked of a model that knows no answer to be moved away from."""


def not_drawn_so(problem: Exception) -> BadInput:
    """What to raise where a model's config cannot be as is asked: another value would do, or none."""
    refused = BadInput if isinstance(problem, CannotBeGuided) else WrongValue
    return refused(f"this model cannot be drawn from like that: {problem}")


def asks_nothing(sampling: Sampling, kind: str) -> bool:
    """Whether a model is to be drawn from as it was trained; of a model that is no GAN.

    Raises:
        BadInput: what GANs alone have is asked for; the message names the option.
    """
    asked = ", ".join(name for name in OF_GANS if getattr(sampling, name) is not None)
    if asked:
        raise BadInput(f"{asked}: generators of GANs alone have that, and this is a {kind}; leave that out")
    return sampling == AS_TRAINED


def kind_of(part: nn.Module) -> str:
    """What a loaded part is, in the words of messages that refuse it."""
    return part.kind if isinstance(part, Synthesizer) else "network that draws nothing"


AS_TRAINED = Sampling()
"""The model's own sampler, steps and guidance."""


class Synthesizer(nn.Module, ABC):
    """What inference needs, bundled. Subclasses say how noise becomes samples, in :meth:`stages`."""

    config: SynthesizerConfig
    kind: ClassVar[str] = "model of a kind of its own"
    """What it is, in the words of messages that refuse it."""

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape, without the batch axis, of the standard normal noise that one sample starts from."""

    @abstractmethod
    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """Turn noise into samples step by step; the last stage's ``x`` holds the samples in [-1, 1].

        Args:
            noise: (b, *noise_shape), on the model's device.
            condition: all that the config's conditions name, with batch size b, on the model's device.
            seed: with ``first``, names the draws of samplers that need more noise on their way.
            first: index of the first sample of this batch.
        """

    @property
    def sampling(self) -> Sampling:
        """How it draws; empty where it draws in one pass."""
        return AS_TRAINED

    @property
    def drawn_in_steps(self) -> Sampling | None:
        """How it draws, for the record; ``None`` where it draws in one pass and as it was trained."""
        return None if self.sampling == AS_TRAINED else self.sampling

    def resampled(self, sampling: Sampling) -> Synthesizer:
        """The same model, sharing its weights, with another sampler, number of steps or guidance.

        Raises:
            WrongValue: it has no such sampler or kind of guidance, or cannot draw in so many steps.
            BadInput: it draws in one pass, and so has none of them, or cannot be guided.
        """
        if asks_nothing(sampling, self.kind):
            return self
        asked = ", ".join(name for name, value in asdict(sampling).items() if value is not None)
        raise BadInput(f"{asked}: this model draws in one pass and has none; leave that out")

    def recorded(self, dtype: torch.dtype) -> Synthesizer:
        """The same model with what it repeats recorded, where that is faster; itself where there is nothing.

        Args:
            dtype: of the autocast under which it will be called; float32 for none.
        """
        return self

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.parameters()).device

    def noise(self, count: int, *, seed: int = 0, first: int = 0) -> Tensor:
        """The noise that samples ``first … first + count - 1`` of a seed start from, as :meth:`sample` takes it.

        Returns:
            (count, *noise_shape) standard normal float32 on the model's device.
        """
        return normal(self.noise_shape, seed=seed, first=first, count=count, device=self.device)

    def __repr__(self) -> str:
        """One line on what it draws and how; the ``repr`` of a part lists its layers."""
        facts = [self.config.media.in_words()]
        for spec in self.config.conditions:
            named = f" ({len(spec.names)}: {in_a_line(spec.names)})" if spec.names else ""
            facts.append(f"given {spec.key}{named}")
        how = self.drawn_in_steps
        if how is not None and how.steps is not None:
            kind = f" ({how.guidance_kind})" if how.guidance_kind else ""
            facts.append(f"{how.sampler} in {how.steps} steps, guidance {how.guidance:g}{kind}")
        if how is not None and how.psi is not None:
            facts.append(f"truncated, psi {how.psi:g}")
        facts.append(f"{count_words(sum(p.numel() for p in self.parameters()))} parameters on {self.device}")
        return f"{type(self).__name__}({'; '.join(facts)})"

    @torch.no_grad()
    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        first: int = 0,
        condition: ConditionLike | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Draw samples ``first … first + count - 1`` of a seed.

        Args:
            count: how many; they are drawn in one batch.
            seed: names the noise. Sample *i* of a seed is the same whatever the batch size or device.
            first: index of the first sample.
            condition: tensors whose batch size is ``count``; as ``label`` also class names or numbers, one for all or
                one each (``{"label": "cat"}``, ``{"label": ["cat", "dog"]}``); as ``tokens`` also texts. What it leaves
                out is the model's null.
            noise: (count, *noise_shape) standard normal, in place of the seed's.

        Returns:
            (count, *media.shape) float32 in [-1, 1].

        Raises:
            BadInput: the condition lacks something that the model must be given, names what it is not given or does
                not know, or does not fit it.
        """
        if noise is None:
            noise = self.noise(count, seed=seed, first=first)
        elif tuple(noise.shape) != (count, *self.noise_shape):
            raise ValueError(f"noise must have shape {(count, *self.noise_shape)}, got {tuple(noise.shape)}")
        specs = self.config.conditions
        whole = completed(specs, in_tensors(specs, condition or NOTHING_GIVEN, count, first), count)
        given = {key: value.to(self.device) for key, value in whole.items()}
        last = deque(self.stages(noise.to(self.device), given, seed=seed, first=first), maxlen=1)
        if not last:
            raise RuntimeError(f"{type(self).__name__}.stages yielded nothing")
        return last[0].x.float().clamp(-1, 1)


def require_drawing(model: Synthesizer, name: object) -> None:
    """Refuse a model that draws nothing itself.

    Args:
        model: any.
        name: what the message calls it: its folder.

    Raises:
        BadInput: it serves other models; the message says how.
    """
    if not model.config.draws:
        raise BadInput(f"{name}: is a {model.kind}, which draws nothing; it guides a model that does (--guide {name})")
