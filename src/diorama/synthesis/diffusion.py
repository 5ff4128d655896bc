"""Generators that take noise away step by step, of pixels or of a codec's latents."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import NOTHING_GIVEN, Condition, ConditionSpec, Denoise, MediaSpec, Stage
from diorama.core.errors import BadConfig, BadInput, DioramaWarning
from diorama.core.rng import StepNoise
from diorama.networks.catalog import Codec, ConditionEncoder, Denoiser
from diorama.nn.attention import PerturbedAttention
from diorama.processes.bound import bound_times, variational_bound
from diorama.processes.catalog import AnyPreconditioning, AnyProcess, AnySpacing, AnyThreshold
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import like
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.precondition import Network, NetworkDenoise, TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler, check_serves, name_of, sampler_named
from diorama.samplers.classifier_guidance import ClassifierGuided
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.guidance.base import Guided
from diorama.samplers.guidance.catalog import AnyGuidance, in_words, kind_asked
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.guidance.perturbed_attention import PerturbedAttentionGuidance
from diorama.samplers.jumps import JumpsConfig
from diorama.synthesis.base import CannotBeGuided, Sampling, Synthesizer, SynthesizerConfig, asks_nothing, not_drawn_so
from diorama.synthesis.classifier import NoisyClassifier, NoisyClassifierConfig
from diorama.synthesis.conditions import completed, without
from diorama.synthesis.guides import AnyGuide, DenoiserGuide, check_guide, check_perturbed, network_denoise, towards
from diorama.synthesis.jumping import unlearned_jumps
from diorama.synthesis.recording import RecordedNetwork
from diorama.synthesis.told_scale import guidance_asked, told_scale

_BOUND_LEVELS = 1_000
"""Levels at which the bound of a process without steps of its own stops."""


@dataclass(frozen=True, kw_only=True)
class DiffusionSynthesizerConfig(SynthesizerConfig):
    """A trained diffusion or flow model: codec? + conditions + network + preconditioning + process + sampler.

    Args:
        media: what it draws.
        conditions: what it is given; each key is read by the encoder or by the network.
        codec: draws latents, and makes pictures of them; ``None`` draws pixels.
        encoder: turns what it is given into what the network reads; ``None`` hands it on as it is.
        denoiser: the network.
        process: how data, or latents, become noise.
        preconditioning: what goes into the network and what comes out of it.
        spacing: which levels the sampler visits.
        steps: how many; ``None`` for every step of a discrete process.
        sampler: how it walks between them.
        guidance: scale of the guidance; 1 is none.
        clip: clean samples are limited on the way; latents never are.
        threshold: how they are limited.
        guidance_kind: what the model is moved away from, and how.
        guide: a second model that guides this one; ``None`` for none.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    codec: Codec | None = None
    encoder: ConditionEncoder | None = None
    denoiser: Denoiser
    process: AnyProcess = field(default_factory=DiscreteProcess)
    preconditioning: AnyPreconditioning = field(default_factory=TargetPreconditioning)
    spacing: AnySpacing = field(default_factory=StepSpacing)
    steps: int | None = 50
    sampler: AnySampler = field(default_factory=DDIMConfig)
    guidance: float = 1.0
    clip: bool = True
    threshold: AnyThreshold = field(default=StaticThreshold(), metadata={LATER: True})
    guidance_kind: AnyGuidance = field(default=ClassifierFreeGuidance(), metadata={LATER: True})
    guide: AnyGuide | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        _check_size(self)
        _check_conditions(self)
        _check_levels(self)
        _check_guidance(self)

    @property
    def drawn(self) -> MediaSpec:
        """What the network draws: latents, or the media themselves."""
        return self.media if self.codec is None else self.codec.latent(self.media)

    @property
    def read(self) -> tuple[str, ...]:
        """What the encoder and the network read."""
        return (*(self.encoder.reads if self.encoder else ()), *self.denoiser.reads)

    def build(self) -> DiffusionSynthesizer:
        """A synthesizer with freshly initialised networks."""
        return DiffusionSynthesizer(self)


def _check_size(config: DiffusionSynthesizerConfig) -> None:
    drawn, network = config.drawn, config.denoiser
    if network.in_channels != drawn.channels:
        what = "media.channels" if config.codec is None else "codec: its latents' channels"
        raise ValueError(f"{what}: the network takes {network.in_channels} channels, these have {drawn.channels}")
    learned = config.preconditioning.variance != "none"
    if network.out_channels != drawn.channels * (1 + learned):
        twice = ", and as many for the variance that it learned" if learned else ""
        raise ValueError(
            f"denoiser.out_channels: the network predicts {network.out_channels} channels of the {drawn.channels} that "
            f"are drawn{twice}"
        )
    if len(drawn.shape) != network.dimensions + 1:
        this, other = ("pictures", "clips") if network.dimensions == 2 else ("clips", "pictures")
        raise ValueError(f"media.kind: this network draws {this}, not {other}")
    if drawn.height % network.multiple or drawn.width % network.multiple:
        what = "height and width" if config.codec is None else "height and width of the latents"
        raise ValueError(
            f"media: {what} must be multiples of {network.multiple} for this network, got "
            f"{drawn.height} x {drawn.width}"
        )


def _check_conditions(config: DiffusionSynthesizerConfig) -> None:
    network, keys = config.denoiser, [spec.key for spec in config.conditions]
    reads = config.read
    known = {*keys, *(config.encoder.gives if config.encoder else ())}
    for key in reads:
        if key not in known:
            raise ValueError(f"conditions: the network reads {key}, which no condition gives; given are {keys}")
    for key in keys:
        if key not in reads and not (key == "label" and isinstance(config.guide, NoisyClassifierConfig)):
            raise ValueError(f"conditions: {key} is given, and nothing reads it")
    label = next((spec for spec in config.conditions if spec.key == "label"), None)
    if "label" not in network.reads:
        return
    if label is not None and len(label.names) != network.classes:
        raise ValueError(f"conditions: {len(label.names)} label names, but the network's table has {network.classes}")
    if label is not None and label.null is not None and label.null != network.null_label:
        raise ValueError(
            f"conditions: the null of label is {label.null:g}, but the network's null label is {network.null_label}"
        )


def _check_levels(config: DiffusionSynthesizerConfig) -> None:
    times = config.spacing.times(config.process, config.steps)
    check_serves(config.sampler, config.process, times)
    # Training also looks at time 1, the first step of a discrete process, which a sampler may leave out.
    times = torch.cat([times[:-1], times.new_ones(1)])
    _check_two_times(config)
    level = config.process.at(times)
    told = config.preconditioning.time(level)
    one = torch.ones_like(level.alpha)
    # What a network says, be it one, and what goes into it.
    seen = (config.preconditioning.input(level) * one, config.preconditioning.clean(one, one, level))
    if not all(bool(values.isfinite().all()) for values in (told, *seen)):
        raise ValueError(
            "preconditioning: not finite where no data are left, the first level of this process; let the network "
            "predict 'flow' or 'clean' and be told 'time'"
        )
    if config.denoiser.needs_positive_time and not bool((told > 0).all()):
        raise ValueError(
            "preconditioning: this network takes the logarithm of the time that it is told, which is not positive at "
            "every level; tell it sigma (preconditioning.time_input: 'sigma'), as models of exploding noise do"
        )


def _check_guidance(config: DiffusionSynthesizerConfig) -> None:
    kind, guide = config.guidance_kind, config.guide
    if guide is not None:
        check_guide(guide, config.drawn, config.process, config.conditions)
    classifies = isinstance(guide, NoisyClassifierConfig)
    if kind.beside == "guide" and (guide is None or classifies):
        raise ValueError("guidance_kind: autoguidance needs a second model as a guide; name one with --guide MODEL")
    if kind.beside == "classifier" and not classifies:
        raise ValueError("guidance_kind: needs a noisy classifier as a guide; name one with --guide CLASSIFIER")
    if config.guidance == 1:
        return
    if kind.beside == "unconditional" and all(spec.null is None for spec in config.conditions):
        raise CannotBeGuided(
            "guidance: this model cannot be guided, since in training none of its conditions was ever left out; train "
            "it with dropout of its label (as the recipe ddpm_class does), or guide it by another model (--guide MODEL)"
        )
    if isinstance(kind, ClassifierGuidance) and kind.form == "mean" and not isinstance(config.sampler, AncestralConfig):
        raise ValueError("guidance_kind: the form 'mean' moves steps of the sampler ancestral; 'score' serves any")
    if isinstance(kind, PerturbedAttentionGuidance):
        check_perturbed(config.denoiser, kind.layers)


def _check_two_times(config: DiffusionSynthesizerConfig) -> None:
    two = config.preconditioning.two_times
    if two != config.denoiser.two_times:
        raise ValueError(
            f"preconditioning.two_times: is {two}, and the network takes {1 + config.denoiser.two_times} times"
        )
    if isinstance(config.sampler, JumpsConfig) and not two:
        name = name_of(config.sampler)
        raise ValueError(f"sampler: {name} are made by models of two times (mean flows, imm); take ddim or heun here")


class DiffusionSynthesizer(Synthesizer):
    """``denoiser`` finds the clean sample in a noisy one, and the sampler walks towards it.

    ``encoder`` reads what samples are given, ``codec`` makes pictures of latents, ``guide`` is a second model.
    """

    kind = "diffusion model"

    def __init__(self, config: DiffusionSynthesizerConfig) -> None:
        super().__init__()
        self.config: DiffusionSynthesizerConfig = config
        self.denoiser = config.denoiser.build()
        self.encoder = None if config.encoder is None else config.encoder.build()
        self.codec = None if config.codec is None else config.codec.build()
        self.guide = None if config.guide is None else config.guide.build()
        self.network: Network | None = None
        """Stands in for ``denoiser`` where its pass is recorded."""
        self.weaker_network: Network | None = None
        """Stands in for the network of the guide, or for the perturbed one, where its pass is recorded."""

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of a picture, clip or latent."""
        return self.config.drawn.shape

    @property
    def sampling(self) -> Sampling:
        """Sampler, steps and guidance."""
        config = self.config
        steps = len(config.spacing.times(config.process, config.steps)) - 1
        kind = None if config.guidance_kind == ClassifierFreeGuidance() else in_words(config.guidance_kind)
        scale = told_scale(config.conditions, config.guidance)
        return Sampling(sampler=name_of(config.sampler), steps=steps, guidance=scale, guidance_kind=kind)

    def resampled(self, sampling: Sampling) -> DiffusionSynthesizer:
        """See :meth:`Synthesizer.resampled`."""
        if asks_nothing(sampling, self.kind):
            return self
        config = self.config
        try:
            changed = replace(
                config,
                # A model that has this sampler already keeps its settings.
                sampler=config.sampler
                if sampling.sampler in (None, name_of(config.sampler))
                else sampler_named(sampling.sampler),
                steps=config.steps if sampling.steps is None else sampling.steps,
                **guidance_asked(config.conditions, config.guidance, sampling.guidance),
                guidance_kind=kind_asked(config.guidance_kind, sampling.guidance_kind),
            )
        except (ValueError, BadConfig) as problem:
            raise not_drawn_so(problem) from problem
        if told := unlearned_jumps(config.sampler, config.preconditioning, changed.sampler):
            # From one place, whoever asks: Python then says it once.
            warnings.warn(told, DioramaWarning, stacklevel=1)
        other = copy.copy(self)
        other.config = changed
        return other

    def recorded(self, dtype: torch.dtype) -> DiffusionSynthesizer:
        """The same model with the network's pass recorded, on a CUDA device."""
        if self.device.type != "cuda":
            return self
        other = copy.copy(self)
        other.network = RecordedNetwork(self.denoiser, dtype)
        if self.config.guidance != 1 and (weaker := self._weaker_module()) is not None:
            other.weaker_network = RecordedNetwork(weaker, dtype)
        return other

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage for each step of the sampler, with the current guess and the noise level.

        Of a model with a codec they hold latents, and a last one the pictures.
        """
        config = self.config
        times = config.spacing.times(config.process, config.steps)
        draws = StepNoise(self.noise_shape, seed=seed, first=first, count=noise.shape[0], device=noise.device)
        x = like(config.process.prior_scale(times[0]), noise) * noise
        stage = Stage(x)
        denoise = self.denoise(condition, sampler=config.sampler)
        for stage in config.sampler.run(denoise, x, config.process, times, draws):
            yield stage
        if self.codec is not None:
            yield Stage(self.codec.decode(stage.x))

    def denoise(self, condition: Condition, *, sampler: AnySampler | None = None) -> Denoise:
        """The network as ``denoise(x, level)`` for samples with these conditions, with the config's guidance.

        Args:
            condition: all that the config's conditions name.
            sampler: that walks with it, which may read more than clean samples; ``None`` for what reads these alone.
        """
        config = self.config
        threshold = config.threshold if config.clip and self.codec is None else None
        kind = config.guidance_kind
        if config.guidance == 1 or (kind.beside == "unconditional" and self._is_null(condition)):
            return self._plain(condition, threshold)
        if isinstance(kind, ClassifierGuidance):
            assert isinstance(self.guide, NoisyClassifier), "the config was checked"
            gradient = kind.within(towards(self.guide, condition["label"]))
            form = kind.form_for(sampler)
            return ClassifierGuided(self._plain(condition, threshold), gradient, config.guidance - 1, form=form)
        # The sum of both predictions is limited, not each before it, so that guidance acts on what the network said.
        return Guided(
            self._plain(condition, None),
            self._weaker(condition),
            kind,
            config.guidance,
            preconditioning=config.preconditioning,
            threshold=threshold,
        )

    def _plain(self, given: Condition, threshold: AnyThreshold | None, other: Network | None = None) -> NetworkDenoise:
        network, preconditioning = other or self.network or self.denoiser, self.config.preconditioning
        # A label may be there for the guide alone.
        read = {key: value for key, value in given.items() if key in self.config.read}
        return network_denoise(network, self.encoder, preconditioning, read, threshold)

    def _weaker(self, condition: Condition) -> NetworkDenoise:
        """What the model is moved away from."""
        beside = self.config.guidance_kind.beside
        if beside == "unconditional":
            return self._plain(without(self.config.conditions, condition), None)
        if beside == "guide":
            assert isinstance(self.guide, DenoiserGuide), "the config was checked"
            return self.guide.denoise(condition, self.weaker_network)
        # Its attention is perturbed.
        return self._plain(condition, None, self.weaker_network or self._weaker_module())

    def _weaker_module(self) -> nn.Module | None:
        """The network of a weaker answer that is not the model's own."""
        kind = self.config.guidance_kind
        if isinstance(kind, PerturbedAttentionGuidance):
            return PerturbedAttention(self.denoiser, kind.layers)
        return self.guide.denoiser if isinstance(self.guide, DenoiserGuide) and kind.beside == "guide" else None

    def _is_null(self, condition: Condition) -> bool:
        """Whether no sample is given anything, so that there is nothing to guide towards."""
        null = without(self.config.conditions, condition)
        return all(torch.equal(null[key], condition[key]) for key in null)

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
            condition: what the pictures were given.
            steps: terms of the bound that are evaluated; ``None`` for all: the T of a process of steps, else a
                thousand. Fewer give an estimate that is unbiased over seeds.
            seed: with ``first``, names the noise.
            first: index of the first picture.

        Returns:
            (b,) float32, bits per dimension.

        Raises:
            BadInput: the pictures are not stored as integers, or are drawn through a codec, so that there is no bound.

        Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 5.
        """
        config = self.config
        if config.codec is not None:
            raise BadInput("bits per dimension: this model draws latents, whose bound is none of pictures")
        if config.media.dtype not in ("uint8", "uint16"):
            raise BadInput(f"bits per dimension need integer pixels, these are {config.media.dtype}")
        given = completed(config.conditions, condition or NOTHING_GIVEN, len(images))
        given = {key: value.to(images.device) for key, value in given.items()}
        # The bound's own levels: those that the sampler visits may be fewer, or spaced otherwise.
        if isinstance(config.process, DiscreteProcess | GeometricStepsProcess):
            times = StepSpacing().times(config.process, None)[:-1].flip(0)
        else:
            times = config.spacing.times(config.process, _BOUND_LEVELS)[:-1].flip(0)
        nats = variational_bound(
            self._plain(given, config.threshold if config.clip else None),
            images,
            config.process,
            times,
            StepNoise(config.media.shape, seed=seed, first=first, count=images.shape[0], device=images.device),
            terms=bound_times(len(times), steps, seed),
            variance=config.sampler.variance if isinstance(config.sampler, AncestralConfig) else "small",
            bins=round(config.media.high - config.media.low) + 1,
        )
        return nats / (images[0].numel() * math.log(2))
