"""Layers whose weights are divided by their largest singular value, which power iteration follows.

Reference: Miyato, Kataoka, Koyama, Yoshida 2018, arXiv 1802.05957, algorithm 1; with further singular vectors and with
iterations in evaluation as the BigGAN authors' PyTorch code has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from diorama.nn.convolution import Conv2d


@dataclass(frozen=True, kw_only=True)
class PowerIteration:
    """How singular vectors follow a weight.

    Args:
        vectors: that are kept; only the first one's singular value divides the weight.
        iterations: at every pass. In evaluation each begins at the stored vectors, which stay as they are.
        eps: the least length that a vector is divided by.
    """

    vectors: int = 1
    iterations: int = 1
    eps: float = 1e-12

    def __post_init__(self) -> None:
        if min(self.vectors, self.iterations) < 1:
            raise ValueError(f"vectors and iterations must be at least 1, got {self.vectors} and {self.iterations}")


class _Normalized(nn.Module):
    """A layer with a weight, left singular vectors ``u0 …`` (1, rows) and their values ``sv0 …`` (1,)."""

    weight: Tensor
    power: PowerIteration

    def begin(self, power: PowerIteration) -> None:
        """Make the vectors, one for each that is kept."""
        self.power = power
        for number in range(power.vectors):
            self.register_buffer(f"u{number}", torch.randn(1, len(self.weight)))
            self.register_buffer(f"sv{number}", torch.ones(1))

    def unit_weight(self) -> Tensor:
        """The weight over its largest singular value; in training the vectors move, and the values are noted."""
        # Half precision would lose the small changes that the vectors follow.
        with torch.autocast(self.weight.device.type, enabled=False):
            rows = self.weight.flatten(1)
            for _ in range(self.power.iterations):
                largest = self._iterate(rows)
            return self.weight / largest

    def _iterate(self, rows: Float[Tensor, "o i"]) -> Float[Tensor, ""]:
        """One step of all vectors, each kept orthogonal to those before it; the first one's singular value."""
        lefts: list[Tensor] = []
        rights: list[Tensor] = []
        values: list[Tensor] = []
        for number in range(self.power.vectors):
            stored = self.get_buffer(f"u{number}")
            with torch.no_grad():
                right = F.normalize(_without(stored @ rows, rights), eps=self.power.eps)  # (1, i)
                left = F.normalize(_without(right @ rows.T, lefts), eps=self.power.eps)  # (1, o)
                lefts.append(left)
                rights.append(right)
            values.append((right @ rows.T @ left.T).squeeze())
            if self.training:
                with torch.no_grad():
                    stored.copy_(left)
                    self.get_buffer(f"sv{number}").copy_(values[-1].reshape(1))
        return values[0]


def _without(x: Tensor, others: list[Tensor]) -> Tensor:
    """What is left of a vector (1, n) without its parts along others."""
    for other in others:
        x = x - (other @ x.T) * other / (other @ other.T)
    return x


class SpectralConv2d(Conv2d, _Normalized):
    """A convolution.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel.
        power: how its singular vectors follow the weight.
        bias: whether it has one.
        stride: pixels from one place to the next.
        padding: zeros on every side; ``None`` for as many as keep the size with an odd kernel and stride 1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        power: PowerIteration,
        *,
        bias: bool = True,
        stride: int = 1,
        padding: int | None = None,
    ) -> None:
        padding = kernel // 2 if padding is None else padding
        super().__init__(inputs, outputs, kernel, stride, padding, bias=bias)
        self.begin(power)

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o oh ow"]:
        """Convolved maps."""
        return self.by(input, self.unit_weight())


class SpectralLinear(nn.Linear, _Normalized):
    """A linear layer.

    Args:
        inputs: features.
        outputs: features.
        power: how its singular vectors follow the weight.
        bias: whether it has one.
    """

    def __init__(self, inputs: int, outputs: int, power: PowerIteration, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.begin(power)

    def forward(self, input: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """Products, with the bias."""
        return F.linear(input, self.unit_weight(), self.bias)


class SpectralEmbedding(nn.Embedding, _Normalized):
    """A table whose singular vectors have as many values as it has rows.

    Args:
        rows: of the table.
        features: of each.
        power: how its singular vectors follow the table.
    """

    def __init__(self, rows: int, features: int, power: PowerIteration) -> None:
        super().__init__(rows, features)
        self.begin(power)

    def forward(self, input: Int[Tensor, "..."]) -> Float[Tensor, "... f"]:
        """The rows of these numbers."""
        return F.embedding(input, self.unit_weight())


def conv(inputs: int, outputs: int, kernel: int, power: PowerIteration | None, *, bias: bool = True) -> nn.Conv2d:
    """A convolution that keeps the size of maps, normalised where ``power`` says how."""
    if power is None:
        return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
    return SpectralConv2d(inputs, outputs, kernel, power, bias=bias)


def linear(inputs: int, outputs: int, power: PowerIteration | None, *, bias: bool = True) -> nn.Linear:
    """A linear layer, normalised where ``power`` says how."""
    if power is None:
        return nn.Linear(inputs, outputs, bias=bias)
    return SpectralLinear(inputs, outputs, power, bias=bias)
