"""Attention between the places of a feature map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn import kernels
from diorama.nn.differentiation import is_twice_differentiable
from diorama.nn.norm import GroupNormAct
from diorama.nn.projection import add_pointwise

_FEW_TOKENS = 1024


def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
    """Mixtures of values by the softmax of scaled products of queries and keys: (b, heads, n, d) like the queries.

    Args:
        query: (b, heads, n, d).
        key: (b, heads, m, d).
        value: (b, heads, m, d).
        seen: bool that broadcasts to (b, heads, n, m), False where a query must not look; ``None`` for nowhere.

    Reference: A. Vaswani et al., "Attention is all you need", 2017, equation 1.
    """
    # PyTorch's fused kernel for CPUs (2.13) saves memory; its backward takes two to four times as long as this.
    slow = query.device.type == "cpu" and torch.is_grad_enabled() and query.shape[2] <= _FEW_TOKENS
    # The fused kernels of any device have one derivative only.
    if slow or is_twice_differentiable():
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)  # (b, heads, n, m)
        scores = scores if seen is None else scores.masked_fill(~seen, -torch.inf)
        return scores.softmax(dim=3) @ value
    return F.scaled_dot_product_attention(query, key, value, attn_mask=seen)


def split_heads(projected: Tensor, heads: int, *, heads_first: bool = False) -> Tensor:
    """Queries, keys and values of all heads: (b, n, 3 heads d) -> (3, b, heads, n, d).

    Args:
        projected: of every token.
        heads: how many.
        heads_first: the channels are ordered by head and within it by query, key and value; else the other way round.
    """
    b, n, _ = projected.shape
    if heads_first:
        return projected.reshape(b, n, heads, 3, -1).permute(3, 0, 2, 1, 4)
    return projected.reshape(b, n, 3, heads, -1).permute(2, 0, 3, 1, 4)


def add_attention(x: Tensor, mixed: Tensor, out: nn.Linear, *, divide: float = 1.0) -> Tensor:
    """The end of a residual attention: (x + out(mixed)) / divide.

    Args:
        x: (b, c, h, w).
        mixed: (b, heads, h w, d), from :func:`attend`.
        out: from ``heads * d`` to c channels.
        divide: of the sum.
    """
    b, _, h, w = x.shape
    mixed = mixed.transpose(1, 2).reshape(b, h, w, -1)  # (b, h, w, heads d)
    if kernels.take(x, mixed):
        return add_pointwise(out.weight, mixed.permute(0, 3, 1, 2), None, x, out.bias, scale=1 / divide)
    x = x + out(mixed).permute(0, 3, 1, 2)
    return x if divide == 1 else x / divide


class SpatialAttention(nn.Module):
    """Residual self-attention over all places of a feature map, (b, c, h, w) -> the same shape.

    Args:
        channels: c.
        head_channels: channels of one head; there are ``channels // head_channels`` heads.
        groups: of the normalisation before it; ``None`` for none.
        eps: of that normalisation.
        divide: the sum of input and attention is divided by it.
        heads_first: the rows of ``qkv`` are those of the first head's query, key and value, then the second's, as in
            networks of 2021; else the queries of all heads come first. Which it is matters to trained weights alone.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, appendix B.
    """

    def __init__(
        self,
        channels: int,
        head_channels: int,
        *,
        groups: int | None = 32,
        eps: float = 1e-6,
        divide: float = 1.0,
        heads_first: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.divide, self.heads_first = channels // head_channels, divide, heads_first
        inner = self.heads * head_channels
        self.norm = None if groups is None else GroupNormAct(groups, channels, eps=eps)
        self.qkv = nn.Linear(channels, 3 * inner)
        self.out = nn.Linear(inner, channels)
        self.perturbed = False
        """Every place attends to itself alone; see :func:`perturbed_attention`."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        tokens = (x if self.norm is None else self.norm(x)).permute(0, 2, 3, 1).reshape(b, h * w, c)
        query, key, value = split_heads(self.qkv(tokens), self.heads, heads_first=self.heads_first)
        mixed = value if self.perturbed else attend(query, key, value)
        return add_attention(x, mixed, self.out, divide=self.divide)


def self_attentions(network: nn.Module) -> list[SpatialAttention]:
    """The self-attention layers of a network, in the order of its modules."""
    return [module for module in network.modules() if isinstance(module, SpatialAttention)]


@contextmanager
def perturbed_attention(network: nn.Module, layers: Sequence[int] = ()) -> Iterator[None]:
    """Inside the block the network's attention maps are the identity: every place attends to itself alone.

    Args:
        network: any that has :class:`SpatialAttention`.
        layers: which of :func:`self_attentions`; empty for all.

    Raises:
        ValueError: it has none, or fewer.

    Reference: D. Ahn et al., arXiv:2403.17377, equation 12.
    """
    found = self_attentions(network)
    if not found:
        raise ValueError("this network has no self-attention that could be perturbed")
    if any(layer >= len(found) for layer in layers):
        raise ValueError(f"layers: this network has {len(found)} self-attention layers, from 0 on, got {tuple(layers)}")
    chosen = [found[layer] for layer in layers] or found
    for layer in chosen:
        layer.perturbed = True
    try:
        yield
    finally:
        for layer in chosen:
            layer.perturbed = False


class PerturbedAttention(nn.Module):
    """A network whose attention maps are the identity, see :func:`perturbed_attention`; its weights are shared."""

    def __init__(self, network: nn.Module, layers: Sequence[int] = ()) -> None:
        super().__init__()
        self.network, self.layers = network, tuple(layers)

    def forward(self, *inputs: Any) -> Any:
        with perturbed_attention(self.network, self.layers):
            return self.network(*inputs)
