"""MoCoGAN: a recurrent motion code and a fixed content code, drawn frame by frame; critics of frames and of clips.

Reference: Tulyakov, Liu, Yang, Kautz, "MoCoGAN: Decomposing Motion and Content for Video Generation", CVPR 2018,
arXiv 1707.04993, sections 3.1 to 3.3 and the tables of its appendix. Written from the paper;
``interop.mocogan`` reads the published checkpoint layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diorama.networks.adversarial.dcgan import DCGANGenerator, DCGANGeneratorConfig
from diorama.nn.convolution import Conv2d
from diorama.nn.initialize import dcgan_normal
from diorama.nn.normal import normal_like
from diorama.nn.pyramid import pyramid


@dataclass(frozen=True, kw_only=True)
class MoCoGANGeneratorConfig:
    """Motion recurrence and frame generator.

    Args:
        size: (height, width) in pixels.
        channels: of the frames.
        features: width of the frame generator's last hidden map.
        content: length of the content code, one for a clip.
        motion: length of the motion code, one for a frame.
        categories: kinds of motion that a one-hot code names; 0 for none.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64
    content: int = 50
    motion: int = 10
    categories: int = 0

    def __post_init__(self) -> None:
        pyramid(self.size)

    def build(self) -> MoCoGANGenerator:
        """A freshly initialised generator."""
        return MoCoGANGenerator(self)


@dataclass(frozen=True, kw_only=True)
class MoCoGANImageDiscriminatorConfig:
    """The critic of single frames.

    Args:
        size: (height, width) in pixels.
        channels: of the frames.
        features: width of the first hidden map.
        noise: standard deviation of the Gaussian noise before each convolution while training; 0 for none.
        patch: judge overlapping patches in place of the whole frame.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64
    noise: float = 0.0
    patch: bool = False

    def __post_init__(self) -> None:
        pyramid(self.size)

    def build(self) -> MoCoGANImageDiscriminator:
        """A freshly initialised discriminator."""
        return MoCoGANImageDiscriminator(self)


@dataclass(frozen=True, kw_only=True)
class MoCoGANVideoDiscriminatorConfig:
    """The critic of clips.

    Args:
        size: (height, width) in pixels.
        frames: of the clips; with 16 or more every kernel spans 4 frames.
        channels: of the frames.
        features: width of the first hidden map.
        outputs: logits of being real for each clip, or for each patch; they come before those of the categories.
        categories: kinds of motion that it also tells apart; 0 for none.
        noise: standard deviation of the Gaussian noise before each convolution while training; 0 for none.
        patch: judge overlapping patches in place of the whole clip.
    """

    size: tuple[int, int] = (64, 64)
    frames: int = 16
    channels: int = 3
    features: int = 64
    outputs: int = 1
    categories: int = 0
    noise: float = 0.0
    patch: bool = False

    def __post_init__(self) -> None:
        pyramid(self.size)
        if self.outputs < 1 or self.categories < 0:
            raise ValueError(
                f"outputs must be positive and categories not negative, got {self.outputs} and {self.categories}"
            )

    def build(self) -> MoCoGANVideoDiscriminator:
        """A freshly initialised discriminator."""
        return MoCoGANVideoDiscriminator(self)


class MoCoGANGenerator(nn.Module):
    """Codes to clips. See :class:`MoCoGANGeneratorConfig`."""

    def __init__(self, config: MoCoGANGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.recurrent = nn.GRUCell(config.motion, config.motion)
        self.image = DCGANGenerator(
            DCGANGeneratorConfig(
                size=config.size,
                channels=config.channels,
                features=config.features,
                latent=config.content + config.categories + config.motion,
            )
        )

    def motion(self, initial: Float[Tensor, "b m"], draws: Float[Tensor, "b t m"]) -> Float[Tensor, "b t m"]:
        """The motion codes of a clip: states of a GRU that is fed fresh noise at every frame.

        Reference: Tulyakov et al. 2018, equation 2.

        Args:
            initial: state before the first frame; it is not a motion code itself.
            draws: noise of every frame.
        """
        state, codes = initial, []
        for draw in draws.unbind(1):
            state = self.recurrent(draw, state)
            codes.append(state)
        return torch.stack(codes, dim=1)  # (b, t, m)

    def codes(
        self, content: Float[Tensor, "b n"], motion: Float[Tensor, "b t m"], category: Float[Tensor, "b k"] | None
    ) -> Float[Tensor, "b t d"]:
        """The latent vector of every frame: content, one-hot category where there is one, motion."""
        fixed = content if category is None else torch.cat([content, category], dim=1)  # (b, n + k)
        return torch.cat([fixed[:, None].expand(-1, motion.shape[1], -1), motion], dim=2)

    def one_hot(self, category: Int[Tensor, " b"]) -> Float[Tensor, "b k"]:
        """The code of each kind of motion, numbered from 0."""
        # PyTorch's own one_hot looks at the values first, for which it waits on some devices.
        return (category[:, None] == torch.arange(self.config.categories, device=category.device)).float()  # (b, k)

    def draw(self, codes: Float[Tensor, "b t d"]) -> Float[Tensor, "b c t h w"]:
        """Draw every frame from its latent vector."""
        frames = self.image(codes.flatten(0, 1))  # (b t, c, h, w)
        return frames.unflatten(0, codes.shape[:2]).transpose(1, 2)  # (b, c, t, h, w)

    def forward(
        self,
        content: Float[Tensor, "b n"],
        initial: Float[Tensor, "b m"],
        draws: Float[Tensor, "b t m"],
        category: Float[Tensor, "b k"] | None = None,
    ) -> Float[Tensor, "b c t h w"]:
        """Draw one clip in [-1, 1] for every content code.

        Args:
            content: the clip's content code.
            initial: the motion state before the first frame.
            draws: noise of every frame.
            category: one-hot kind of motion, where the config has categories.
        """
        return self.draw(self.codes(content, self.motion(initial, draws), category))


class _Noise(nn.Module):
    """Adds Gaussian noise while training."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * normal_like(x) if self.training and self.std else x


class _Stage(nn.Module):
    """Noise, strided convolution, batch norm (not on pixels), leaky ReLU."""

    def __init__(self, conv: nn.Module, norm: nn.Module, noise: float) -> None:
        super().__init__()
        self.noise, self.conv, self.norm = _Noise(noise), conv, norm

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.norm(self.conv(self.noise(x))), 0.2)


def _widths(channels: int, features: int, steps: int) -> Sequence[tuple[int, int]]:
    """(inputs, outputs) of each halving: from the pixels on, each map twice as wide as the one before."""
    widths = [channels] + [features << level for level in range(steps)]
    return list(pairwise(widths))


class MoCoGANImageDiscriminator(nn.Module):
    """Frames to logits. See :class:`MoCoGANImageDiscriminatorConfig`."""

    def __init__(self, config: MoCoGANImageDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        steps, coarsest = pyramid(config.size)
        # The last halving of a patch critic is its head.
        pairs = _widths(config.channels, config.features, steps - config.patch)
        self.stages = nn.ModuleList(
            _Stage(
                Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs) if level else nn.Identity(),
                config.noise,
            )
            for level, (inputs, outputs) in enumerate(pairs)
        )
        self.noise = _Noise(config.noise if config.patch else 0.0)
        last = pairs[-1][1]
        self.head = Conv2d(last, 1, 4, 2, 1, bias=False) if config.patch else Conv2d(last, 1, coarsest, bias=False)
        dcgan_normal(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 p q"]:
        """Logits of every patch, positive where it looks real; one patch unless ``patch`` is set."""
        for stage in self.stages:
            x = stage(x)
        return self.head(self.noise(x))


class MoCoGANVideoDiscriminator(nn.Module):
    """Clips to logits and, where asked for, to the logits of their kind of motion.

    See :class:`MoCoGANVideoDiscriminatorConfig`. Space is halved at every stage; time loses three frames a stage,
    as long as there are more to lose.
    """

    def __init__(self, config: MoCoGANVideoDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        steps, (height, width) = pyramid(config.size)
        pairs = _widths(config.channels, config.features, steps - config.patch)
        frames, stages = config.frames, []
        for level, (inputs, outputs) in enumerate(pairs):
            # Time is not padded, so each kernel costs its span less one; 16 frames last for five kernels of 4.
            span = min(4, frames)
            frames -= span - 1
            conv = nn.Conv3d(inputs, outputs, (span, 4, 4), (1, 2, 2), (0, 1, 1), bias=False)
            stages.append(_Stage(conv, nn.BatchNorm3d(outputs) if level else nn.Identity(), config.noise))
        self.stages = nn.ModuleList(stages)
        last, outputs = pairs[-1][1], config.outputs + config.categories
        if config.patch:
            self.head = nn.Conv3d(last, outputs, (min(4, frames), 4, 4), (1, 2, 2), (0, 1, 1), bias=False)
        else:
            self.head = nn.Conv3d(last, outputs, (frames, height, width), bias=False)
        dcgan_normal(self)

    def forward(
        self, x: Float[Tensor, "b c t h w"]
    ) -> tuple[Float[Tensor, "b o s p q"], Float[Tensor, "b k s p q"] | None]:
        """Logits of every patch, positive where it looks real, and its categories' logits where the config has any."""
        for stage in self.stages:
            x = stage(x)
        x = self.head(x)  # (b, outputs + categories, s, p, q)
        outputs = self.config.outputs
        return (x[:, :outputs], x[:, outputs:]) if self.config.categories else (x, None)
