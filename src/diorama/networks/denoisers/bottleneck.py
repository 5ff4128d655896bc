"""What the way down of a U-Net ends in, and what judges by it whether a sample is real.

A network that finds clean samples in noisy ones has, in the first half of its pass, features that tell real samples
from generated ones.

Reference: T. Yin et al., arXiv:2405.14867; M. Zhou et al., arXiv:2410.14919.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from torch import Tensor, nn

from diorama.core.contracts import Condition
from diorama.nn.residual import Middle

HeadKind = Literal["mean", "convolutions"]
"""By what features become logits: the mean of their channels, which has no parameters (arXiv:2410.14919), or a small
network (arXiv:2405.14867)."""


def middle_of(network: nn.Module) -> Middle:
    """The middle of a U-Net.

    Raises:
        ValueError: it has none.
    """
    found = [module for module in network.modules() if isinstance(module, Middle)]
    if len(found) != 1:
        raise ValueError(f"{type(network).__name__} has no middle, whose input could be looked at")
    return found[0]


def with_bottleneck(network: nn.Module, x: Tensor, t: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
    """A network's output, and on the way what enters its middle.

    Args:
        network: a U-Net.
        x: (b, c, h, w), as the network takes it.
        t: (b,), likewise.
        condition: likewise.

    Returns:
        (b, c', h, w), and features (b, c'', h', w').
    """
    seen: list[Tensor] = []
    with _looked_at(network, seen.append):
        # Not the call itself, which may have been compiled without the look.
        output = network.forward(x, t, condition)
    return output, seen[0]


def bottleneck(network: nn.Module, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    """What enters a network's middle, (b, c, h, w); the rest of the pass is not made."""

    def stop(features: Tensor) -> None:
        raise _MiddleReachedError(features)

    try:
        with _looked_at(network, stop):
            network.forward(x, t, condition)
    except _MiddleReachedError as reached:
        return reached.features
    raise AssertionError("a U-Net passes its middle")


class BottleneckHead(nn.Module):
    """Features (b, c, h, w) -> logits (b, 1, h, w), positive where a sample is taken for real.

    Args:
        network: whose features they are.
        kind: see :data:`HeadKind`. The published network of the second kind ends in one logit for maps of 8 x 8; this
            one has a logit for each place, so that it serves maps of any size.
    """

    def __init__(self, network: nn.Module, kind: HeadKind) -> None:
        super().__init__()
        width = middle_of(network).first.conv_in.in_channels
        self.layers = None if kind == "mean" else nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(math.gcd(32, width), width),
            nn.SiLU(),
            nn.Conv2d(width, 1, 1),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Judge."""
        return features.float().mean(dim=1, keepdim=True) if self.layers is None else self.layers(features)


class _MiddleReachedError(Exception):
    """Ends a pass of which the rest is not needed."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


@contextmanager
def _looked_at(network: nn.Module, look: Callable[[Tensor], None]) -> Iterator[None]:
    """Inside the block the middle hands what enters it to ``look`` first."""

    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        look(inputs[0])

    handle = middle_of(network).register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()
