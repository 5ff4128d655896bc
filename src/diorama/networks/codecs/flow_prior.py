"""A learned prior of latent vectors: affine coupling layers between them and standard normal noise.

Reference: L. Dinh, J. Sohl-Dickstein, S. Bengio, "Density estimation using Real NVP", ICLR 2017, arXiv:1605.08803,
equations 4 to 8. As the prior of a variational autoencoder: X. Chen et al., "Variational Lossy Autoencoder", ICLR 2017,
arXiv:1611.02731, section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

_MOST_LOG_SCALE = 2.0
"""A layer stretches a dimension at most so much, in logarithms."""


@dataclass(frozen=True, kw_only=True)
class FlowPriorConfig:
    """Standard normal noise to latent vectors.

    Args:
        latent: length of the latent vector, at least 2.
        layers: coupling layers; each moves one half of the dimensions, the halves taking turns.
        features: width of the networks in them.
    """

    latent: int = 64
    layers: int = 4
    features: int = 128

    def __post_init__(self) -> None:
        if self.latent < 2:
            raise ValueError(f"latent must be at least 2, got {self.latent}")
        if self.layers < 1 or self.features < 1:
            raise ValueError(f"layers and features must be at least 1, got {self.layers} and {self.features}")

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return (self.latent,)

    def build(self) -> FlowPrior:
        """The prior as it begins: a standard normal distribution."""
        return FlowPrior(self)


class FlowPrior(nn.Module):
    """See :class:`FlowPriorConfig`. Computes in float32, also under autocast."""

    def __init__(self, config: FlowPriorConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(
            _Coupling(config.latent, config.features, moves_second=i % 2 == 0) for i in range(config.layers)
        )
        self.mean = nn.Parameter(torch.zeros(config.latent))
        self.log_scale = nn.Parameter(torch.zeros(config.latent))

    def forward(self, noise: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """The latent vectors that standard normal noise stands for."""
        with torch.autocast(noise.device.type, enabled=False):
            x = noise.float()
            for layer in self.layers:
                x = layer(x)
            return self.mean + self.log_scale.exp() * x

    def log_prob(self, z: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
        """Log-density of latent vectors, in nats."""
        with torch.autocast(z.device.type, enabled=False):
            x = (z.float() - self.mean) * (-self.log_scale).exp()
            stretched = self.log_scale.sum().expand(x.shape[0])
            for layer in reversed(self.layers):
                assert isinstance(layer, _Coupling)
                x, more = layer.inverse(x)
                stretched = stretched + more
            return -0.5 * (x.square() + math.log(2 * math.pi)).sum(1) - stretched


class _Coupling(nn.Module):
    """Shifts and stretches one half of the dimensions by what a network says of the other; at first it does nothing."""

    def __init__(self, latent: int, features: int, *, moves_second: bool) -> None:
        super().__init__()
        self.moves_second = moves_second
        halves = (latent - latent // 2, latent // 2)
        kept, moved = halves if moves_second else halves[::-1]
        last = nn.Linear(features, 2 * moved)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(
            nn.Linear(kept, features), nn.SiLU(), nn.Linear(features, features), nn.SiLU(), last
        )

    def forward(self, x: Tensor) -> Tensor:
        kept, moved = self._halves(x)
        shift, log_scale = self._said(kept)
        return self._joined(kept, moved * log_scale.exp() + shift)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What was moved to x, and by how much the logarithm of a volume grew on the way, (b,)."""
        kept, moved = self._halves(x)
        shift, log_scale = self._said(kept)
        return self._joined(kept, (moved - shift) * (-log_scale).exp()), log_scale.sum(1)

    def _said(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.network(kept).chunk(2, dim=1)
        return shift, _MOST_LOG_SCALE * (raw / _MOST_LOG_SCALE).tanh()

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The half that is kept, and the one that is moved."""
        first, second = x.chunk(2, dim=1)
        return (first, second) if self.moves_second else (second, first)

    def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat((kept, moved) if self.moves_second else (moved, kept), dim=1)
