"""A generator of one step or a few whose samples are distributed as a trained diffusion model says.

Two copies of the teacher train in turns: the generator, and a fake score that learns the generator's samples as a
diffusion model learns data. Where teacher and fake score disagree about a noisy sample of the generator, the sample is
moved. The fake score's features may also judge samples beside real ones, as a discriminator does.

Reference: T. Yin et al., "Improved distribution matching distillation for fast image synthesis", arXiv:2405.14867;
M. Zhou et al., "Score identity distillation", arXiv:2404.04057, and with an adversarial loss arXiv:2410.14919.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import Batch, Condition, Level, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.losses.adversarial import ADVERSARIAL, AdversarialName
from diorama.losses.distribution_matching import matching_loss, scale_of, score_identity_loss
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.score_times import score_times
from diorama.methods.diffusion.students import Student, diffusion_model, refuse_jumping, refuse_told_scales, student_of
from diorama.networks.denoisers.bottleneck import BottleneckHead, HeadKind, bottleneck, with_bottleneck
from diorama.processes.catalog import AnyTimes
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import noised
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.samplers.consistency import ConsistencyConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.diffusion import DiffusionSynthesizer

TEACHER = "a trained diffusion or flow model that draws in many steps, such as a run of edm_cpu"
"""What a generator may be distilled from."""


@dataclass(frozen=True, kw_only=True)
class KLMatching:
    """Samples follow the gradient of the divergence KL(generator, teacher), which asks neither score for gradients."""

    @property
    def through_scores(self) -> bool:
        """Whether gradients pass through teacher and fake score."""
        return False

    def loss(self, x: Tensor, real: Tensor, fake: Tensor, scale: Tensor) -> Tensor:
        """See :func:`~diorama.losses.distribution_matching.matching_loss`."""
        return matching_loss(x, real, fake, scale)


@dataclass(frozen=True, kw_only=True)
class ScoreIdentity:
    """Samples lower a form of the Fisher divergence; gradients pass through both scores, which is dearer.

    Args:
        alpha: see :func:`~diorama.losses.distribution_matching.score_identity_loss`; the papers take 1.2, and 1 with an
            adversarial loss.
    """

    alpha: float = 1.2

    @property
    def through_scores(self) -> bool:
        """Whether gradients pass through teacher and fake score."""
        return True

    def loss(self, x: Tensor, real: Tensor, fake: Tensor, scale: Tensor) -> Tensor:
        """See :func:`~diorama.losses.distribution_matching.score_identity_loss`."""
        return score_identity_loss(x, real, fake, scale, self.alpha)


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """A discriminator on the features of the fake score's way down, beside noisy real samples of the batch.

    Args:
        head: by what features become logits.
        generator: weight of the generator's loss, beside the mean matching loss of a value; 0 for no discriminator,
            and then nothing but the labels of real samples is used.
        discriminator: weight of the discriminator's loss, beside the fake score's mean error of a value.
        scaled: the generator's loss is divided as the matching loss is, by the mean distance of the teacher's clean
            samples.
        after: pictures before which the generator does not learn from it, though it learns itself.
        loss: a name of :data:`diorama.losses.adversarial.ADVERSARIAL`; of the paired ones a real and a generated sample
            of one level of noise are a pair.
        flatness: weight, within the discriminator's loss, of the squared difference of its logits for samples and for
            the same samples a little further, both real and generated; 0 for none. It stands for the penalties R1 and
            R2 without second derivatives: times ``nudge`` squared it is half their gamma.
        nudge: how far, as the deviation of the values that are added.

    Reference: ``mean`` and ``scaled`` arXiv:2410.14919, published code, where the weight is 1e-4 (0.01 beside 100);
    ``convolutions`` arXiv:2405.14867, published code for ImageNet, with 3e-3 and 1e-2; ``flatness`` S. Lin et al.,
    arXiv:2501.08316, section 3.3 (approximated R1, of real samples alone).
    """

    head: HeadKind = "mean"
    generator: float = 0.0
    discriminator: float = 1e-2
    scaled: bool = True
    after: int = field(default=0, metadata={LATER: True})
    loss: AdversarialName = field(default="non_saturating", metadata={LATER: True})
    flatness: float = field(default=0.0, metadata={LATER: True})
    nudge: float = field(default=0.1, metadata={LATER: True})

    def __post_init__(self) -> None:
        for name in ("generator", "discriminator", "flatness"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        if not 0 < self.nudge < math.inf:
            raise ValueError(f"nudge must be positive and finite, got {self.nudge}")
        if self.after < 0:
            raise ValueError(f"after must be at least 0, got {self.after}")
        if self.generator and not self.discriminator:
            raise ValueError("discriminator: a generator that learns from it needs one that learns")


@dataclass(frozen=True, kw_only=True)
class DistributionMatchingConfig(MethodConfig):
    """Distillation of the frozen part ``teacher`` into a generator of one step or a few.

    The generator is the teacher asked at fixed levels, has its guidance built in, and is told what the teacher is told.

    Args:
        matching: how samples are moved where the scores disagree.
        ratios: sigma / alpha of the generator's levels, the noisiest first. At a later level it is given what it would
            draw there: its own sample of the level before, made noisy again.
        times: of the noise through which teacher and fake score look; ``None`` for those that suit the teacher, see
            :func:`~diorama.methods.diffusion.score_times.score_times`.
        fake_times: of the noise from which the fake score learns; likewise.
        interval: the generator takes its turn in every so many steps, the fake score in each.
        adversarial: the discriminator, if any.

    Reference: a fixed level of 2.5 arXiv:2404.04057, section 5; turns of the fake score alone, and later levels by
    simulation, arXiv:2405.14867.
    """

    matching: KLMatching | ScoreIdentity = field(default_factory=ScoreIdentity)
    ratios: tuple[float, ...] = (2.5,)
    times: AnyTimes | None = None
    fake_times: AnyTimes | None = None
    interval: int = 1
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)

    def __post_init__(self) -> None:
        RatioSpacing(ratios=self.ratios)
        if self.interval < 1:
            raise ValueError(f"interval must be at least 1, got {self.interval}")

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {"teacher": TEACHER}

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> DistributionMatching:
        """The method with two networks that have their teacher's weights."""
        return DistributionMatching(self, frozen)


class DistributionMatching(DenoiserMethod):
    """See :class:`DistributionMatchingConfig`."""

    def __init__(self, config: DistributionMatchingConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher = _checked(frozen["teacher"], config)
        model, denoiser, encoder = _generator(teacher, config.ratios)
        fake = {"denoiser": copy.deepcopy(denoiser), **({} if encoder is None else {"encoder": copy.deepcopy(encoder)})}
        super().__init__(model, denoiser, encoder, teacher.codec, "teacher", {"teacher": _unlimited(teacher)})
        self.config = config
        usual = score_times(model.process, through_scores=config.matching.through_scores)
        self.asked, self.learned = config.times or usual.asked, config.fake_times or usual.learned
        self.fake = nn.ModuleDict(fake)
        judge = config.adversarial
        self.head = _head(self.fake["denoiser"], judge.head) if judge.generator else None
        times = model.spacing.times(model.process, None)
        self.prior = float(model.process.prior_scale(times[0]))
        self.register_buffer("times", times[:-1].float(), persistent=False)
        self.times: Tensor
        # In memory, where a recorded turn reads it.
        self.register_buffer("judging", torch.tensor(float(judge.after == 0)))
        self.judging: Tensor

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``fake``: the fake score and the discriminator's head; ``generator``."""
        (generator,) = super().players().values()
        head = [] if self.head is None else list(self.head.parameters())
        return {"fake": [*self.fake.parameters(), *head], "generator": generator}

    def phases(self) -> Sequence[Phase]:
        """The fake score, which must know the samples first; then the generator.

        A guided teacher looks at what its samples are given, for which it waits for the device.
        """
        unguided = self.teacher.config.guidance == 1
        return [
            Phase("fake", "fake", self.fake_loss, recorded=True),
            Phase("generator", "generator", self.generator_loss, interval=self.config.interval, recorded=unguided),
        ]

    def after_step(self, moment: Moment) -> None:
        """The generator begins to learn from the discriminator."""
        super().after_step(moment)
        self.judging.fill_(float(moment.images >= self.config.adversarial.after))

    def fake_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Learn the generator's samples as a diffusion model does, and tell them from real ones."""
        clean, condition = self.clean_samples(batch), self._condition(batch)
        with torch.no_grad():
            drawn = self.draw(clean, condition)
        told = self._fake_condition(condition)
        level = self._level(self.learned, clean)
        noise = torch.randn_like(clean)
        found, features = self._fake(noised(drawn, noise, level), level, told)
        error = (self.model.preconditioning.weight(level) * (found - drawn).square()).mean()
        if self.head is None:
            return Loss(error)
        adversarial = self.config.adversarial

        def logits(samples: Tensor) -> Tensor:
            assert self.head is not None
            return self.head(self._features(noised(samples, noise, level), level, told))

        real, fake = logits(clean), self.head(features)
        judged = ADVERSARIAL[adversarial.loss].discriminator(real, fake)
        told_apart = {"adversarial": judged, "right": (real > fake).float().mean()}
        if adversarial.flatness:
            told_apart["flatness"] = sum(
                (own - logits(samples + adversarial.nudge * torch.randn_like(samples))).float().square().mean()
                for own, samples in ((real, clean), (fake, drawn))
            )
            judged = judged + adversarial.flatness * told_apart["flatness"]
        return Loss(error + adversarial.discriminator * judged, {"error": error, **told_apart})

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Draw samples about which teacher and fake score agree, and that look real."""
        clean, condition = self.clean_samples(batch), self._condition(batch)
        matching, adversarial = self.config.matching, self.config.adversarial
        drawn = self.draw(clean, condition)
        level = self._level(self.asked, clean)
        x = noised(drawn, torch.randn_like(clean), level)
        # Backward passes are made through those answers alone whose gradients count.
        with nullcontext() if matching.through_scores else torch.no_grad():
            real = self.teacher.denoise(condition)(x, level).clean
        with nullcontext() if matching.through_scores or self.head is not None else torch.no_grad():
            fake, features = self._fake(x, level, self._fake_condition(condition))
        scale = scale_of(drawn, real)
        matched = matching.loss(drawn, real, fake, scale)
        if self.head is None:
            return Loss(matched)
        adversary, beside = ADVERSARIAL[adversarial.loss], None
        if adversary.paired:
            with torch.no_grad():
                noisy = noised(clean, torch.randn_like(clean), level)
                beside = self.head(self._features(noisy, level, self._fake_condition(condition)))
        judged = adversary.generator(self.head(features), beside)
        weight = adversarial.generator * (1 / scale).mean() if adversarial.scaled else adversarial.generator
        return Loss(matched + self.judging * weight * judged, {"matching": matched, "adversarial": judged})

    def draw(self, like: Tensor, condition: Condition) -> Tensor:
        """Samples of the generator, each at one of its levels; gradients pass through its last step alone.

        Args:
            like: of the shape and on the device that samples are to have.
            condition: what they are given.
        """
        own = self.encoded_condition(condition)
        denoise = NetworkDenoise(self.denoiser, self.model.preconditioning, own)
        x, level = self.prior * torch.randn_like(like), self._own_level(0, like)
        if len(self.times) == 1:
            return denoise(x, level).clean
        place = torch.randint(len(self.times), (len(like), *[1] * (like.dim() - 1)), device=like.device)
        start, t = x, level.t
        with torch.no_grad():
            for i in range(1, len(self.times)):
                below = self._own_level(i, like)
                x, level = noised(denoise(x, level).clean, torch.randn_like(like), below), below
                start, t = torch.where(place >= i, x, start), torch.where(place >= i, below.t, t)
        return denoise(start, self.model.process.at(t)).clean

    def _own_level(self, index: int, like: Tensor) -> Level:
        return broadcast(self.model.process.at(self.times[index].expand(len(like))), like.dim())

    def _level(self, times: AnyTimes, like: Tensor) -> Level:
        process = self.model.process
        t = times.draw(process, len(like), like.device)
        # Before its first step no network of a discrete process was trained.
        t = t.clamp(min=1) if isinstance(process, DiscreteProcess) else t
        return broadcast(process.at(t), like.dim())

    def _condition(self, batch: Batch) -> Condition:
        return {spec.key: batch[spec.key] for spec in self.model.conditions}

    def _fake_condition(self, condition: Condition) -> Condition:
        return {**condition, **self.fake["encoder"](condition)} if "encoder" in self.fake else condition

    def _fake(self, x: Tensor, level: Level, told: Condition) -> tuple[Tensor, Tensor]:
        """The fake score's clean samples; and features, which are empty where nothing judges by them."""
        network, seen = self.fake["denoiser"], [x.new_empty(0)]
        if self.head is None:
            return NetworkDenoise(network, self.model.preconditioning, told)(x, level).clean, seen[0]

        def judging(scaled: Tensor, t: Tensor, given: Condition) -> Tensor:
            output, seen[0] = with_bottleneck(network, scaled, t, given)
            return output

        clean = NetworkDenoise(judging, self.model.preconditioning, told)(x, level).clean
        return clean, seen[0]

    def _features(self, x: Tensor, level: Level, told: Condition) -> Tensor:
        """What the fake score sees in samples halfway, without the rest of its pass."""
        preconditioning = self.model.preconditioning
        t = preconditioning.time(level).reshape(-1).to(x.dtype)
        return bottleneck(self.fake["denoiser"], preconditioning.input(level) * x, t, told)


def levels_of(steps: int, first: float = 2.5) -> tuple[float, ...]:
    """Ratios sigma / alpha of so many levels, evenly spaced in the share of noise, sigma / (alpha + sigma).

    Args:
        steps: how many.
        first: the noisiest.

    Raises:
        ValueError: there is none.

    Reference: steps evenly spaced in time T. Yin et al., arXiv:2405.14867.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    share = first / (1 + first)
    shares = [share * (1 - i / steps) for i in range(steps)]
    return (first, *(s / (1 - s) for s in shares[1:]))


def _generator(teacher: DiffusionSynthesizer, ratios: tuple[float, ...]) -> Student:
    """A student that draws in one step or a few, from noise of its first level, without dropout."""
    student = student_of(
        teacher,
        steps=len(ratios),
        sampler=ConsistencyConfig(sigma_min=0.0),
        spacing=RatioSpacing(ratios=ratios),
        dropout=0.0,
    )
    # What is made noisy again in training has no limits either.
    return student._replace(model=replace(student.model, clip=False))


def _checked(part: nn.Module, config: DistributionMatchingConfig) -> DiffusionSynthesizer:
    part = diffusion_model(part, TEACHER)
    teacher = part.config
    refuse_told_scales(teacher)
    refuse_jumping(teacher, TEACHER)
    by_classifier = isinstance(teacher.guide, NoisyClassifierConfig) and teacher.guidance != 1
    if by_classifier and config.matching.through_scores:
        raise BadConfig(
            "frozen.teacher: is guided by a classifier, through whose gradient ScoreIdentity would have to "
            "differentiate; take KLMatching"
        )
    return part


def _unlimited(teacher: DiffusionSynthesizer) -> DiffusionSynthesizer:
    """The same networks, whose clean samples are left as they are: a score has no bounds."""
    other = copy.copy(teacher)
    other.config = replace(teacher.config, clip=False)
    return other


def _head(network: nn.Module, kind: HeadKind) -> BottleneckHead:
    try:
        return BottleneckHead(network, kind)
    except ValueError as problem:
        raise BadConfig(f"adversarial: {problem}; train without it (--method.adversarial.generator 0)") from problem
