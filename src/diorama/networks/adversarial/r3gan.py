"""R3GAN: residual generator and discriminator of grouped bottlenecks, without any normalisation.

Reference: Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A Modern GAN Baseline", NeurIPS
2024, arXiv 2501.05441, section 3 (architecture) and appendix (initial weights); the authors' code, whose checkpoints
``interop.r3gan`` reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig
from diorama.nn.bias_act import bias_act
from diorama.nn.convolution import Conv2d
from diorama.nn.fir import downsample2d, fir_filter, upsample2d
from diorama.nn.half import own_precision

COARSEST = 4
"""Side of the smallest maps."""
_ACTIVATION_GAIN = math.sqrt(2 / (1 + 0.2**2))
"""By which weights before a leaky ReLU are larger, so that variances are kept; it belongs to the initial weights."""


@dataclass(frozen=True, kw_only=True)
class _Stages:
    """What generators and discriminators share; stages are counted from the latent vector or from the picture on.

    Args:
        channels: of the pictures.
        widths: of each stage; each neighbour has half or twice its side.
        groups: of the middle convolutions of each stage.
        blocks: of each stage.
        expansion: how many times wider blocks are inside.
        kernel: side of the middle convolutions' kernels, odd.
        taps: of the filter between stages, before it is widened by (1, 1).
        classes: labels; 0 for none.
        embedding: length of a label's vector; 0 where there are none.
        half: stages that may be computed in half precision, as published in bfloat16.
    """

    channels: int = 3
    widths: tuple[int, ...]
    groups: tuple[int, ...]
    blocks: tuple[int, ...]
    expansion: int = 2
    kernel: int = 3
    taps: tuple[float, ...] = (1, 2, 1)
    classes: int = 0
    embedding: int = 0
    half: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.widths or len({len(self.widths), len(self.groups), len(self.blocks)}) != 1:
            raise ValueError("widths, groups and blocks: must have one number for each stage")
        if min(*self.widths, *self.groups, self.channels, self.expansion, len(self.taps)) < 1 or min(self.blocks) < 0:
            raise ValueError("widths, groups, channels, expansion, taps: must be at least 1, and blocks at least 0")
        if any(width * self.expansion % groups for width, groups in zip(self.widths, self.groups, strict=True)):
            raise ValueError(f"groups: must divide the widths inside blocks, expansion times {list(self.widths)}")
        if self.kernel % 2 != 1:
            raise ValueError(f"kernel: must be odd, got {self.kernel}")
        if not sum(self.taps):
            raise ValueError("taps: must not sum to 0")
        if (self.classes > 0) != (self.embedding > 0) or min(self.classes, self.embedding) < 0:
            raise ValueError(f"embedding: is there where there are classes, got {self.embedding} and {self.classes}")
        if not set(self.half) <= set(range(len(self.widths))):
            raise ValueError(f"half: stages are 0 to {len(self.widths) - 1}, got {list(self.half)}")

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return COARSEST << (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class R3GANGeneratorConfig(_Stages, GeneratorConfig):
    """The generator.

    Args:
        latent: length of the latent vector.
    """

    latent: int = 64

    def build(self) -> R3GANGenerator:
        """A freshly initialised generator."""
        return R3GANGenerator(self)


@dataclass(frozen=True, kw_only=True)
class R3GANDiscriminatorConfig(_Stages, DiscriminatorConfig):
    """The discriminator, whose stages have the widths of the generator's in reverse."""

    def build(self) -> R3GANDiscriminator:
        """A freshly initialised discriminator."""
        return R3GANDiscriminator(self)


class _Conv(Conv2d):
    """A convolution without a bias, in the precision of the maps that it is given."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, groups: int = 1, gain: float = 1.0) -> None:
        super().__init__(inputs, outputs, kernel, padding=(kernel - 1) // 2, groups=groups, bias=False)
        _draw(self.weight, gain)

    def forward(self, input: Tensor) -> Tensor:
        return self.by(input, self.weight.to(input.dtype))


class _Linear(nn.Linear):
    """A linear layer without a bias."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0) -> None:
        super().__init__(inputs, outputs, bias=False)
        _draw(self.weight, gain)


def _draw(weight: Tensor, gain: float) -> None:
    """He et al. 2015, arXiv 1502.01852, section 2.2, with a gain in place of the square root of 2."""
    nn.init.normal_(weight, 0.0, gain / math.sqrt(weight[0].numel()))


class _Block(nn.Module):
    """A residual of three convolutions, the middle one in groups."""

    def __init__(self, config: _Stages, stage: int) -> None:
        super().__init__()
        width = config.widths[stage]
        inner = width * config.expansion
        # Residuals add up over all blocks; those of two layers each bring their part (Zhang et al., arXiv 1901.09321).
        gain = _ACTIVATION_GAIN * sum(config.blocks) ** -0.25
        self.conv1 = _Conv(width, inner, gain=gain)
        self.bias1 = nn.Parameter(torch.zeros(inner))
        self.conv2 = _Conv(inner, inner, config.kernel, config.groups[stage], gain)
        self.bias2 = nn.Parameter(torch.zeros(inner))
        self.conv3 = _Conv(inner, width, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        h = bias_act(self.conv1(x), self.bias1, act="lrelu", gain=1.0)
        h = bias_act(self.conv2(h), self.bias2, act="lrelu", gain=1.0)
        return x + self.conv3(h)


def square_filter(taps: Sequence[float]) -> Tensor:
    """The filter between stages, of its taps before they are widened: (n + 1, n + 1), summing to 1."""
    wider = [a + b for a, b in zip([*taps, 0.0], [0.0, *taps], strict=True)]
    return fir_filter(wider, separable=False)


class _Resampled(nn.Module):
    """Between two stages: another width, where it is another, and twice or half the side."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int, taps: Sequence[float], *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv = _Conv(inputs, outputs) if inputs != outputs else nn.Identity()
        self.register_buffer("kernel", square_filter(taps), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # The convolution is done where there are fewer pixels.
        return upsample2d(self.conv(x), self.kernel) if self.up else self.conv(downsample2d(x, self.kernel))


class _FromVector(nn.Module):
    """A vector as the strengths of learned maps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(outputs, COARSEST, COARSEST))
        self.linear = _Linear(inputs, outputs)

    def forward(self, z: Tensor) -> Tensor:
        return self.basis * self.linear(z)[:, :, None, None]


class _ToVector(nn.Module):
    """How much maps are like learned ones, as a vector."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.basis = Conv2d(inputs, inputs, COARSEST, groups=inputs, bias=False)
        _draw(self.basis.weight, 1.0)
        self.linear = _Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.basis(x.float()).flatten(1))


class _Stage(nn.Module):
    """Blocks of one side, with the transition before or behind them."""

    def __init__(self, config: _Stages, stage: int, transition: nn.Module, *, last: bool) -> None:
        super().__init__()
        self.halved, self.last = stage in config.half, last
        self.transition = transition
        self.blocks = nn.Sequential(*(_Block(config, stage) for _ in range(config.blocks[stage])))

    def forward(self, x: Tensor) -> Tensor:
        if not self.halved:
            return self._walk(x.float())
        with own_precision(x.device, half=True) as dtype:
            # Nothing limits the maps, which float16 could not hold.
            return self._walk(x.to(torch.bfloat16 if dtype == torch.float16 else dtype))

    def _walk(self, x: Tensor) -> Tensor:
        if self.last:
            return self.transition(self.blocks(x))
        return self.blocks(self.transition(x).to(x.dtype))


def _label_vectors(condition: Condition, classes: int) -> Float[Tensor, "b classes"]:
    """Labels as rows of shares; rows that are given as such stay what they are."""
    label = condition["label"]
    return label.float() if label.is_floating_point() else F.one_hot(label, classes).float()


class R3GANGenerator(nn.Module):
    """Latent vectors to pictures. See :class:`R3GANGeneratorConfig`."""

    def __init__(self, config: R3GANGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        before: list[nn.Module] = [_FromVector(config.latent + config.embedding, config.widths[0])]
        before += [
            _Resampled(a, b, config.taps, up=True) for a, b in zip(config.widths, config.widths[1:], strict=False)
        ]
        self.stages = nn.ModuleList(_Stage(config, i, part, last=False) for i, part in enumerate(before))
        self.last = _Conv(config.widths[-1], config.channels)
        self.label = _Linear(config.classes, config.embedding) if config.classes else nn.Identity()

    def forward(self, z: Float[Tensor, "b latent"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b c h w"]:
        """Draw one picture for every latent vector, of its label where there are classes; values may leave [-1, 1]."""
        x = z
        if self.config.classes:
            x = torch.cat([z, self.label(_label_vectors(condition, self.config.classes))], 1)
        for stage in self.stages:
            x = stage(x)
        return self.last(x.float())


class R3GANDiscriminator(nn.Module):
    """Pictures to logits, positive where a picture looks real. See :class:`R3GANDiscriminatorConfig`."""

    def __init__(self, config: R3GANDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        behind: list[nn.Module] = [
            _Resampled(a, b, config.taps, up=False) for a, b in zip(config.widths, config.widths[1:], strict=False)
        ]
        behind.append(_ToVector(config.widths[-1], config.embedding or 1))
        self.first = _Conv(config.channels, config.widths[0])
        self.stages = nn.ModuleList(_Stage(config, i, part, last=True) for i, part in enumerate(behind))
        self.label: nn.Module = nn.Identity()
        if config.classes:
            self.label = _Linear(config.classes, config.embedding, 1 / math.sqrt(config.embedding))

    def forward(self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture, together with its label where there are classes."""
        x = self.first(picture)
        for stage in self.stages:
            x = stage(x)
        if self.config.classes:
            x = x * self.label(_label_vectors(condition, self.config.classes))
        return x.float().sum(1)
