"""Three players: a generator of clips, a discriminator of frames, a discriminator of clips.

Reference: Tulyakov, Liu, Yang, Kautz, "MoCoGAN: Decomposing Motion and Content for Video Generation", CVPR 2018,
arXiv 1707.04993, equations 3 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from diorama.core.config import LATER
from diorama.core.contracts import Batch, ConditionSpec, Loss, MediaSpec, Moment
from diorama.losses.adversarial import ADVERSARIAL
from diorama.methods.adversarial.r1 import check_r1, r1_loss, r1_phase
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.catalog import FrameDiscriminator, VideoDiscriminator, VideoGenerator
from diorama.synthesis.video_gan import NO_CATEGORY, VideoGANSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class MoCoGANConfig(MethodConfig):
    """Adversarial training on clips.

    Args:
        media: what is drawn.
        classes: label names, as many as the generator has categories: label *i* is category *i*. When empty, the
            categories find their own meaning.
        generator: player ``generator``.
        image_discriminator: player ``image_discriminator``; sees one random frame of each clip.
        video_discriminator: player ``video_discriminator``; sees whole clips.
        loss: a name of :data:`diorama.losses.adversarial.ADVERSARIAL`.
        information: weight of telling categories apart.
        r1: weight gamma of the R1 penalty of both discriminators; 0 for none, as in the paper.
        r1_interval: the penalty is taken in every so many steps, and weighs as much more.
    """

    media: MediaSpec
    classes: tuple[str, ...] = ()
    generator: VideoGenerator
    image_discriminator: FrameDiscriminator
    video_discriminator: VideoDiscriminator
    loss: Literal["non_saturating", "hinge", "least_squares", "wasserstein"] = "non_saturating"
    information: float = 1.0
    r1: float = field(default=0.0, metadata={LATER: True})
    r1_interval: int = field(default=16, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_r1(self.r1, self.r1_interval)
        categories = self.generator.categories
        if categories != self.video_discriminator.categories:
            raise ValueError("generator and video_discriminator must have equally many categories")
        if self.classes and categories != len(self.classes):
            raise ValueError(f"{categories} categories for {len(self.classes)} classes: they must be equally many")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> MoCoGAN:
        """The method with freshly initialised networks."""
        return MoCoGAN(self, frozen)


class Draw(NamedTuple):
    """Generated clips (b, c, t, h, w) and the categories (b,) that were asked for."""

    video: Tensor
    category: Tensor | None


class MoCoGAN(Method):
    """See :class:`MoCoGANConfig`."""

    def __init__(self, config: MoCoGANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.generator = config.generator.build()
        self.image_discriminator = config.image_discriminator.build()
        self.video_discriminator = config.video_discriminator.build()
        self._loss = ADVERSARIAL[config.loss]

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``image_discriminator``, ``video_discriminator``, ``generator``."""
        return {
            "image_discriminator": list(self.image_discriminator.parameters()),
            "video_discriminator": list(self.video_discriminator.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        """Both discriminators, their penalties where there are any, then the generator."""
        frames, clips = "image_discriminator", "video_discriminator"
        turns = [
            Phase(frames, frames, self.image_discriminator_loss, recorded=True),
            Phase(clips, clips, self.video_discriminator_loss, recorded=True),
        ]
        if self.config.r1:
            every = self.config.r1_interval
            turns += [r1_phase(frames, self.frame_penalty, every), r1_phase(clips, self.clip_penalty, every)]
        return [*turns, Phase("generator", "generator", self.generator_loss, recorded=True)]

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator."""
        return {"generator": self.generator}

    def synthesizer(self) -> VideoGANSynthesizerConfig:
        """A generator alone."""
        names = self.config.classes
        label = (ConditionSpec(key="label", names=names, null=NO_CATEGORY),) if names else ()
        return VideoGANSynthesizerConfig(media=self.config.media, conditions=label, generator=self.config.generator)

    def draw(self, like: Float[Tensor, "b c t h w"]) -> Draw:
        """As many generated clips as ``like`` has, of the same length, on its device."""
        codes, category = self._codes(like)
        return Draw(self.generator.draw(codes), category)

    def draw_frames(self, like: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c h w"]:
        """One random frame of as many clips as ``like`` has; the others are not rendered."""
        codes, _ = self._codes(like)
        return self.generator.image(codes[torch.arange(len(codes), device=codes.device), _places(like)])

    def _codes(self, like: Tensor) -> tuple[Float[Tensor, "b t d"], Tensor | None]:
        """Latent vectors of every frame, and the categories."""
        network, count = self.config.generator, len(like)
        category = chosen = None
        if network.categories:
            category = torch.randint(network.categories, (count,), device=like.device)
            chosen = self.generator.one_hot(category)
        content = torch.randn(count, network.content, device=like.device)
        motion = torch.randn(count, 1 + like.shape[2], network.motion, device=like.device)
        return self.generator.codes(content, self.generator.motion(motion[:, 0], motion[:, 1:]), chosen), category

    def image_discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell a real frame from a generated one. Reference: Tulyakov et al. 2018, equation 4, first line."""
        with torch.no_grad():
            drawn = self.draw_frames(batch["video"])
        real, fake = self.image_discriminator(random_frame(batch["video"])), self.image_discriminator(drawn)
        return Loss(self._loss.discriminator(real, fake), _right(real, fake))

    def video_discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell a real clip from a generated one, and categories apart.

        The categories are learned from the labels of real clips where they are classes, else from generated clips.

        Reference: Tulyakov et al. 2018, equation 4, second line; equation 5 (categories).
        """
        with torch.no_grad():
            drawn = self.draw(batch["video"])
        real, real_kind = self.video_discriminator(batch["video"])
        fake, fake_kind = self.video_discriminator(drawn.video)
        value = self._loss.discriminator(real, fake)
        scalars = _right(real, fake)
        if real_kind is not None and self.config.classes and "label" in batch:
            scalars["category"] = _category_loss(real_kind, batch["label"])
        elif drawn.category is not None:
            scalars["category"] = _category_loss(fake_kind, drawn.category)
        return Loss(value + self.config.information * scalars.get("category", 0.0), _detached(scalars))

    def frame_penalty(self, batch: Batch, moment: Moment) -> Loss:
        """Half the weighted R1 penalty at a random frame of each real clip."""
        return r1_loss(self.image_discriminator, random_frame(batch["video"]), self.config.r1)

    def clip_penalty(self, batch: Batch, moment: Moment) -> Loss:
        """Half the weighted R1 penalty at real clips."""
        return r1_loss(lambda clips: self.video_discriminator(clips)[0], batch["video"], self.config.r1)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real to both discriminators and show the category that was asked for."""
        drawn = self.draw(batch["video"])
        frame = self._loss.generator(self.image_discriminator(random_frame(drawn.video)))
        clip, kind = self.video_discriminator(drawn.video)
        motion = self._loss.generator(clip)
        scalars = {"frame": frame, "clip": motion}
        value = frame + motion
        if kind is not None and drawn.category is not None:
            scalars["category"] = _category_loss(kind, drawn.category)
            value = value + self.config.information * scalars["category"]
        return Loss(value, _detached(scalars))


def random_frame(video: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c h w"]:
    """One frame of each clip, at a place that is drawn for each clip alone."""
    return video[torch.arange(len(video), device=video.device), :, _places(video)]


def _places(video: Tensor) -> Tensor:
    """A random frame number for each clip."""
    return torch.randint(video.shape[2], (len(video),), device=video.device)


def _category_loss(logits: Float[Tensor, "b k ..."], category: Float[Tensor, " b"]) -> Tensor:
    """Cross-entropy, with every patch of a clip judged alike."""
    return cross_entropy(logits.flatten(2).mean(2), category)


def _right(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Shares of real and of generated inputs that are judged rightly."""
    return {"real_right": (real > 0).float().mean(), "fake_right": (fake < 0).float().mean()}


def _detached(scalars: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in scalars.items()}
