"""Two players: a generator and a discriminator of pictures.

Reference: Goodfellow et al., "Generative Adversarial Networks", NeurIPS 2014, arXiv 1406.2661.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from diorama.core import distributed
from diorama.core.config import LATER, WORDS
from diorama.core.contracts import Batch, Condition, ConditionSpec, Loss, MediaSpec, Moment
from diorama.core.device import at_least_float32
from diorama.losses.adversarial import ADVERSARIAL, AdversarialName, non_saturating_discriminator
from diorama.losses.feature_matching import feature_matching
from diorama.losses.lecam import lecam
from diorama.losses.orthogonality import orthogonality
from diorama.losses.penalties import r2
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.collapse import SPREAD, spread
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.fading_blur import FadingBlur, FadingBlurConfig
from diorama.methods.adversarial.growth import Growth, check_growth
from diorama.methods.adversarial.joint import JointPenalties, judged
from diorama.methods.adversarial.levels import LogitLevels
from diorama.methods.adversarial.path_length import PathLength, PathLengthConfig, path_length_phase
from diorama.methods.adversarial.r1 import check_r1, r1_loss, r1_phase
from diorama.methods.adversarial.style_mixing import crossed
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.adversarial.base import Judgement
from diorama.networks.adversarial.progressive import Growing, ProgressiveGeneratorConfig, as_sharp
from diorama.networks.adversarial.style_generator import StyleGenerator
from diorama.networks.catalog import Discriminator, Generator
from diorama.synthesis.gan import GANSynthesizerConfig, check_conditions

NO_PATH_LENGTH = PathLengthConfig(weight=0.0)
NO_BLUR = FadingBlurConfig()
AUGMENTATIONS = {"ada": AdaptiveAugmentationConfig(), "diffaugment": DiffAugmentConfig()}
"""What the command line calls them."""


@dataclass(frozen=True, kw_only=True)
class GANConfig(MethodConfig):
    """Adversarial training on pictures.

    Args:
        media: what is drawn.
        generator: player ``generator``.
        discriminator: player ``discriminator``.
        loss: a name of :data:`diorama.losses.adversarial.ADVERSARIAL`.
        smoothing: one-sided label smoothing of the non-saturating loss.
        r1: weight gamma of the R1 penalty; 0 for none.
        r1_interval: the penalties are taken in every so many steps, and weigh as much more.
        r2: weight gamma of the R2 penalty, at generated pictures; 0 for none.
        conditions: what generator and discriminator are given beside latent vector and picture. Generated pictures are
            given what the records of the batch have, so that both kinds of picture are given each thing equally often.
        critic_steps: the generator moves in every so many steps, the discriminator in each, on ever new records.
        orthogonal: weight of the orthogonal regularisation of the generator; 0 for none. Embeddings of labels are left
            out.
        feature_matching: weight of the distance between the mean features of real and of generated pictures in the
            discriminator, which the generator lowers; 0 for none.
        joint: penalties that the discriminator pays in its own turn, in place of ``r1`` and ``r2``, which have theirs.
        lecam: weight of the distance of logits from what those of the other side have been; 0 for none.
        growth: when networks that grow do so; real pictures are made as sharp as the generator's.
        augment: how pictures are altered before the discriminator sees them, real and generated ones in every turn;
            ``None`` leaves them as they are. Penalties are of the slope at pictures before that. The adaptive one needs
            a loss whose logits have a boundary between real and generated pictures.
        blur: of what the discriminator sees, before it is augmented.
        style_mixing: probability that generated pictures of a turn have styles of two latent vectors; of generators
            with styles.
        path_length: penalty on generators with styles.
    """

    media: MediaSpec
    generator: Generator
    discriminator: Discriminator
    loss: AdversarialName = "non_saturating"
    smoothing: float = 0.0
    r1: float = 0.0
    r1_interval: int = 16
    r2: float = field(default=0.0, metadata={LATER: True})
    conditions: tuple[ConditionSpec, ...] = field(default=(), metadata={LATER: True})
    critic_steps: int = field(default=1, metadata={LATER: True})
    orthogonal: float = field(default=0.0, metadata={LATER: True})
    feature_matching: float = field(default=0.0, metadata={LATER: True})
    joint: JointPenalties | None = field(default=None, metadata={LATER: True})
    lecam: float = field(default=0.0, metadata={LATER: True})
    growth: Growth | None = field(default=None, metadata={LATER: True})
    augment: AdaptiveAugmentationConfig | DiffAugmentConfig | None = field(
        default=None, metadata={LATER: True, WORDS: AUGMENTATIONS}
    )
    blur: FadingBlurConfig = field(default=NO_BLUR, metadata={LATER: True})
    style_mixing: float = field(default=0.0, metadata={LATER: True})
    path_length: PathLengthConfig = field(default=NO_PATH_LENGTH, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.smoothing and self.loss != "non_saturating":
            raise ValueError(f"smoothing belongs to the non_saturating loss, not to {self.loss}")
        check_r1(self.r1, self.r1_interval)
        for name in ("r2", "orthogonal", "feature_matching", "lecam"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.critic_steps < 1:
            raise ValueError(f"critic_steps must be at least 1, got {self.critic_steps}")
        if self.feature_matching and not self.discriminator.tells_features:
            raise ValueError(f"feature_matching: a {type(self.discriminator).__name__} tells no features")
        if self.joint is not None and (self.r1 or self.r2):
            raise ValueError("joint: has the weights of r1 and r2 itself; leave r1 and r2 at 0")
        if isinstance(self.augment, AdaptiveAugmentationConfig) and ADVERSARIAL[self.loss].boundary is None:
            raise ValueError(
                f"augment: ada follows the signs of real logits, which say nothing with the loss {self.loss}; take "
                "diffaugment"
            )
        check_growth(self.growth, self.generator, self.discriminator)
        if not 0 <= self.style_mixing <= 1:
            raise ValueError(f"style_mixing must be in [0, 1], got {self.style_mixing}")
        for name, wanted in (("style_mixing", self.style_mixing), ("path_length", self.path_length.weight)):
            if wanted and not self.generator.styled:
                raise ValueError(f"{name}: a {type(self.generator).__name__} has no styles for each layer")
        reads = dict.fromkeys((*self.generator.reads, *self.discriminator.reads))
        check_conditions(self.conditions, tuple(reads), self.generator.classes or self.discriminator.classes)
        if "label" in self.generator.reads and "label" in self.discriminator.reads:
            known = self.generator.classes, self.discriminator.classes
            if known[0] != known[1]:
                raise ValueError(f"generator and discriminator must know equally many classes, got {known}")

    def unreached(self, images: int) -> Sequence[str]:
        """Scales that have not faded in, penalties that have not fallen."""
        scales = len(self.generator.widths) if isinstance(self.generator, ProgressiveGeneratorConfig) else 0
        growth = "" if self.growth is None else self.growth.unreached(images, scales)
        return [found for found in (growth, "" if self.joint is None else self.joint.unreached(images)) if found]

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> GAN:
        """The method with freshly initialised networks."""
        return GAN(self, frozen)


class GAN(Method):
    """See :class:`GANConfig`."""

    def __init__(self, config: GANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.generator = config.generator.build()
        self.discriminator = config.discriminator.build()
        self.augment = None if config.augment is None else config.augment.build()
        self.blur = FadingBlur(config.blur) if config.blur.sigma else None
        self.path_length = PathLength(config.path_length) if config.path_length.weight else None
        self._loss = ADVERSARIAL[config.loss]
        self.levels = LogitLevels() if config.lecam else None
        if config.joint is not None and config.joint.fall:
            self.register_buffer("penalties_left", torch.ones(()))
        if config.growth is not None:
            self._grow(config.growth, 0)

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator`` and ``generator``."""
        return {
            "discriminator": list(self.discriminator.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        """The discriminator, the generator, and after each its penalty where there is one."""
        twice = self.config.joint is not None and self.config.joint.differentiates
        player = "discriminator"
        turns = [Phase(player, player, self.discriminator_loss, second_order=twice, recorded=True)]
        if self.config.r1 or self.config.r2:
            turns.append(r1_phase("discriminator", self.penalty, self.config.r1_interval))
        every = self.config.critic_steps
        turns.append(Phase("generator", "generator", self.generator_loss, interval=every, recorded=True))
        if self.path_length is not None:
            turns.append(path_length_phase(self.path_length_loss, self.config.path_length.interval, every))
        return turns

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures, and what the networks are given."""
        return ("image", *(spec.key for spec in self.config.conditions))

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator."""
        return {"generator": self.generator}

    def synthesizer(self) -> GANSynthesizerConfig:
        """A generator alone."""
        config = self.config
        read = tuple(spec for spec in config.conditions if spec.key in config.generator.reads)
        return GANSynthesizerConfig(media=config.media, conditions=read, generator=config.generator)

    def condition(self, batch: Batch) -> Condition:
        """What the networks are given of a batch."""
        return {spec.key: batch[spec.key] for spec in self.config.conditions}

    def asked(self, batch: Batch) -> Condition:
        """What generated pictures are to show: what the records of a batch have."""
        return self.condition(batch)

    def latents(self, batch: Batch) -> Tensor:
        """As many latent vectors as a batch has records."""
        real = batch["image"]
        return torch.randn(len(real), self.config.generator.latent, device=real.device)

    def draw(self, batch: Batch, *, track: bool = False) -> Tensor:
        """As many generated pictures as a batch has, given what its records have.

        Args:
            batch: with ``image`` and what the networks are given.
            track: move the running numbers of a generator with styles towards those of these pictures.
        """
        if not isinstance(self.generator, StyleGenerator):
            pictures: Tensor = self.generator(self.latents(batch), self.asked(batch))
            return pictures
        return self.generator.draw(self.styles(self.generator, batch, track=track), track=track)

    def styles(self, generator: StyleGenerator, batch: Batch, *, track: bool = False) -> Tensor:
        """Styles (b, layers, style) of as many pictures as a batch has, perhaps of two latent vectors each."""
        z, asked = self.latents(batch), self.asked(batch)
        styles = generator.styles(z, asked)
        if track:
            generator.mapping.track(styles[:, 0])
        if not self.config.style_mixing:
            return styles
        return crossed(styles, generator.styles(torch.randn_like(z), asked), self.config.style_mixing)

    def seen(self, pictures: Tensor) -> Tensor:
        """Pictures as the discriminator is to see them."""
        if self.blur is not None:
            pictures = self.blur(at_least_float32(pictures))
        return pictures if self.augment is None else self.augment(at_least_float32(pictures))

    def logits(self, pictures: Tensor, given: Condition) -> Tensor:
        """What the discriminator says of pictures, which it sees altered."""
        found: Tensor = self.discriminator(self.seen(pictures), given)
        return found

    def judge(self, pictures: Tensor, given: Condition) -> Judgement:
        """Logits, with features where these are matched."""
        if self.config.feature_matching:
            judgement: Judgement = self.discriminator.judge(self.seen(pictures), given)  # type: ignore[operator]
            return judgement
        return Judgement(self.logits(pictures, given), ())

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real from generated pictures; logs the share of each that is judged rightly."""
        with torch.no_grad():
            drawn = self.draw(batch, track=True)
        judges = partial(self.logits, given=self.condition(batch)), partial(self.logits, given=self.asked(batch))
        found = judged(*judges, self.real_pictures(batch), drawn, self.config.joint, self._left())
        real, fake = found.real, found.fake
        if self.config.smoothing:
            value = non_saturating_discriminator(real, fake, self.config.smoothing)
        else:
            value = self._loss.discriminator(real, fake)
        scalars = self.told(real, fake, drawn, batch)
        if self.config.joint is not None:
            value, scalars["penalties"] = value + found.added, found.added.detach()
        return Loss(self._held(value, real, fake, scalars), {**scalars, **self.observe(real)})

    def observe(self, real: Tensor) -> Mapping[str, Tensor]:
        """Let the augmentation follow the logits of real pictures; what it has to say for the log."""
        return {} if self.augment is None else self.augment.observe(real.detach() - (self._loss.boundary or 0.0))

    def told(self, real: Tensor, fake: Tensor, drawn: Tensor, batch: Batch) -> dict[str, Tensor]:
        """For the log: shares of either side that are judged rightly, and how varied generated pictures are.

        Where the loss has no boundary between both sides, the middle of their mean logits is taken for it.
        """
        middle = self._loss.boundary
        between = (real.detach().mean() + fake.detach().mean()) / 2 if middle is None else middle
        scalars = {"real_right": (real > between).float().mean(), "fake_right": (fake < between).float().mean()}
        if len(drawn) > 1:
            scalars[SPREAD] = spread(drawn, self.real_pictures(batch))
        return scalars

    def _held(self, value: Tensor, real: Tensor, fake: Tensor, scalars: dict[str, Tensor]) -> Tensor:
        """The loss with what holds logits near the other side's, which is logged."""
        if self.levels is None:
            return value
        self.levels.follow(real.detach(), fake.detach())
        held = lecam(real, fake, self.levels.real, self.levels.fake)
        scalars["lecam"] = held.detach()
        return value + self.config.lecam * held

    def _left(self) -> Tensor | float:
        """The share of the joint penalties that is left."""
        left: Tensor | float = getattr(self, "penalties_left", 1.0)
        return left

    def real_pictures(self, batch: Batch) -> Tensor:
        """The pictures of a batch, as sharp as those that a growing generator draws."""
        if self.config.growth is None:
            return batch["image"]
        network = cast(Growing, self.discriminator)
        return as_sharp(batch["image"], network.reached, network.scale_count)

    def _grow(self, growth: Growth, images: int) -> None:
        for network in (cast(Growing, self.generator), cast(Growing, self.discriminator)):
            network.grow(growth.grown(images, network.scale_count))

    def penalty(self, batch: Batch, moment: Moment) -> Loss:
        """Half the weighted squared slopes, R1 at real pictures and R2 at generated ones.

        Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equations 9 and 10.
        """
        given, real = self.condition(batch), self.real_pictures(batch)

        def of_real(pictures: Tensor) -> Tensor:
            found = self.logits(pictures, given)
            self.observe(found)
            return found

        loss = r1_loss(of_real, real, self.config.r1) if self.config.r1 else Loss(torch.zeros((), device=real.device))
        if not self.config.r2:
            return loss
        with torch.no_grad():
            drawn = self.draw(batch)
        slope = r2(lambda pictures: self.logits(pictures, self.asked(batch)), drawn)
        return Loss(loss.value + 0.5 * self.config.r2 * slope)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real to the discriminator; what else the generator is held to is logged."""
        config, scalars = self.config, dict[str, Tensor]()
        fake = self.judge(self.draw(batch), self.asked(batch))
        real: Judgement | None = None
        if self._loss.paired or config.feature_matching:
            with torch.no_grad():
                real = self.judge(self.real_pictures(batch), self.condition(batch))
        value = self._loss.generator(fake.logits, None if real is None else real.logits)
        if config.feature_matching and real is not None:
            scalars["feature_matching"] = feature_matching(real.features, fake.features)
            value = value + config.feature_matching * scalars["feature_matching"]
        if config.orthogonal:
            scalars["orthogonality"] = orthogonality(_matrices(self.generator))
            value = value + config.orthogonal * scalars["orthogonality"]
        return Loss(value, {name: scalar.detach() for name, scalar in scalars.items()})

    def path_length_loss(self, batch: Batch, moment: Moment) -> Loss:
        """The weighted penalty on path lengths of part of a batch; logs their mean."""
        assert self.path_length is not None
        assert isinstance(self.generator, StyleGenerator)
        count = max(1, len(batch["image"]) // self.config.path_length.shrink)
        styles = self.styles(self.generator, {key: rows[:count] for key, rows in batch.items()})
        found = self.path_length(self.generator.draw(styles), styles)
        return Loss(found.weighted.mean(), {"length": found.lengths.detach().mean()})

    def begins_anew(self, before: Moment, after: Moment) -> bool:
        """Where a scale begins to fade in or has done so, as in Progressive GAN's program.

        Adam counts steps from the first one on, also of weights that have had no gradient yet: without this, those of
        a new scale would move ten times as far in their first step as its rate says (with a second beta of 0.99).
        """
        growth = self.config.growth
        if growth is None:
            return False
        return growth.turns(before.images, after.images, cast(Growing, self.generator).scale_count)

    @torch.no_grad()
    def after_step(self, moment: Moment) -> None:
        """What moves with the images seen, and with what was seen; running numbers are those of all processes."""
        if self.config.growth is not None:
            self._grow(self.config.growth, moment.images)
        if self.config.joint is not None and self.config.joint.fall:
            cast(Tensor, self.penalties_left).fill_(self.config.joint.left(moment.images))
        if self.levels is not None:
            self.levels.share()
        if self.augment is not None:
            self.augment.after_step(moment)
        if self.blur is not None:
            self.blur.fade(moment.images)
        if isinstance(self.generator, StyleGenerator):
            means = [] if self.path_length is None else [self.path_length.mean]
            distributed.average([*self.generator.running(), *means])


def _matrices(network: nn.Module) -> list[nn.Parameter]:
    """Weights of two axes and more, but those of embeddings."""
    modules = [module for module in network.modules() if not isinstance(module, nn.Embedding)]
    return [p for module in modules for p in module.parameters(recurse=False) if p.dim() >= 2]
