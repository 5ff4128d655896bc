"""Layers that keep the magnitude of what passes through them: features have a mean square of about 1 everywhere.

Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, "Analyzing and improving the training
dynamics of diffusion models", arXiv:2312.02696, section 2 and appendix B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SILU = 0.596
"""Root mean square of the SiLU of a standard normal number."""


def normalized(x: Tensor, dims: int | Sequence[int], eps: float = 1e-4) -> Tensor:
    """x with a mean square of 1 over some of its axes.

    Args:
        x: any shape.
        dims: over which.
        eps: added to the root mean square.

    Reference: the "pixel norm" of the paper's figure 21 and the norm of its equation 47; ``eps`` is that of its
    published code.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    norm = torch.linalg.vector_norm(x, dim=dims, keepdim=True, dtype=dtype)
    size = norm * math.sqrt(norm.numel() / max(x.numel(), 1)) + eps
    return x / size.to(x.dtype)


def scaled_silu(x: Tensor) -> Tensor:
    """The SiLU, which keeps the magnitude of normal features: equation 81."""
    return F.silu(x) / _SILU


def balanced_sum(a: Tensor, b: Tensor, share: float) -> Tensor:
    """The mixture of two features of the same shape that keeps their magnitude: equation 88.

    Args:
        a: any shape.
        b: the same shape.
        share: of b, in [0, 1].
    """
    return a.lerp(b, share) / math.hypot(1 - share, share)


def balanced_cat(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Channels of two features side by side, (b, c + d, ...), so that each counts by its share: equation 103.

    Args:
        a: (b, c, ...).
        b: (b, d, ...).
        share: of b, in [0, 1].
    """
    c, d = a.shape[1], b.shape[1]
    whole = math.sqrt(c + d) / math.hypot(1 - share, share)
    return torch.cat([a * (whole * (1 - share) / math.sqrt(c)), b * (whole * share / math.sqrt(d))], dim=1)


class Waves(nn.Module):
    """Cosines of a number at random fixed frequencies and phases, of unit magnitude: (b,) -> (b, channels) float32.

    Reference: equation 75.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2 * math.pi * torch.randn(channels))
        self.register_buffer("phases", 2 * math.pi * torch.rand(channels))
        self.frequencies: Tensor
        self.phases: Tensor

    def forward(self, t: Tensor) -> Tensor:
        return (t.float()[:, None] * self.frequencies + self.phases).cos() * math.sqrt(2)


class MagnitudeLayer(nn.Module):
    """Weights of which only the directions count: each output's are normalised whenever they are used.

    Training keeps the stored weights normalised as well (:meth:`normalize_weight` after every step), which leaves the
    rate of learning alone to say how fast directions turn.

    Args:
        shape: of the weights, (outputs, inputs, ...).

    Reference: equations 47 and 66, algorithm 1.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        weight = torch.randn(shape)
        self.weight = nn.Parameter(normalized(weight, list(range(1, weight.dim()))))

    def scaled_weight(self, gain: Tensor | float) -> Tensor:
        """The weights as they are used, in float32: outputs have the magnitude ``gain`` where inputs have 1."""
        return self._unit() * (gain / math.sqrt(self.weight[0].numel()))

    @torch.no_grad()
    def normalize_weight(self) -> None:
        """Normalise the stored weights."""
        self.weight.copy_(self._unit())

    def _unit(self) -> Tensor:
        return normalized(self.weight.float(), list(range(1, self.weight.dim())))


class MagnitudeLinear(MagnitudeLayer):
    """(b, inputs) -> (b, outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(outputs, inputs)

    def forward(self, x: Tensor, gain: Tensor | float = 1.0) -> Tensor:
        return F.linear(x, self.scaled_weight(gain).to(x.dtype))


class MagnitudeConv2d(MagnitudeLayer):
    """(b, inputs, h, w) -> (b, outputs, h, w), with zeros beyond the edges.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel, odd.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(outputs, inputs, kernel, kernel)
        self.padding = kernel // 2

    def forward(self, x: Tensor, gain: Tensor | float = 1.0) -> Tensor:
        return F.conv2d(x, self.scaled_weight(gain).to(x.dtype), padding=self.padding)


def magnitude_layers(module: nn.Module) -> list[MagnitudeLayer]:
    """Those within a module that is trained, whose weights are to be normalised after every step."""
    return [layer for layer in module.modules() if isinstance(layer, MagnitudeLayer)]
