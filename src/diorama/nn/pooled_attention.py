"""Self-attention whose keys and values are pooled, as SAGAN's later code and BigGAN have it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diorama.nn.spectral import PowerIteration, conv


class PooledAttention(nn.Module):
    """Residual attention of one head, which starts as nothing.

    Args:
        channels: of the maps, at least 8, of even height and width.
        power: how the layers' singular vectors follow their weights; ``None`` for layers without them.

    Reference: Zhang, Goodfellow, Metaxas, Odena 2019, arXiv 1805.08318, equations 1 to 3; keys and values are the
        largest of each 2 x 2 places, and products are not scaled.
    """

    def __init__(self, channels: int, power: PowerIteration | None) -> None:
        super().__init__()
        if channels < 8:
            raise ValueError(f"attention: needs at least 8 channels, got {channels}")
        few, half = channels // 8, channels // 2
        self.theta = conv(channels, few, 1, power, bias=False)
        self.phi = conv(channels, few, 1, power, bias=False)
        self.g = conv(channels, half, 1, power, bias=False)
        self.o = conv(half, channels, 1, power, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Maps with what each place takes from all others."""
        queries = self.theta(x).flatten(2)  # (b, c / 8, h w)
        keys = _largest_of_four(self.phi(x)).flatten(2)  # (b, c / 8, h w / 4)
        values = _largest_of_four(self.g(x)).flatten(2)  # (b, c / 2, h w / 4)
        weights = (queries.transpose(1, 2) @ keys).softmax(dim=2)  # (b, h w, h w / 4)
        mixed = (values @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])  # (b, c / 2, h, w)
        return self.gamma * self.o(mixed) + x


def _largest_of_four(x: Tensor) -> Tensor:
    """The largest of each 2 x 2 places; a last odd row or column is left out.

    PyTorch's own pooling has no deterministic derivative on GPUs.
    """
    height, width = (side // 2 * 2 for side in x.shape[2:])
    return x[:, :, :height, :width].unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
