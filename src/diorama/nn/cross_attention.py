"""Attention from the places of a feature map to text."""

from __future__ import annotations

from torch import Tensor, nn

from diorama.nn.attention import add_attention, attend
from diorama.nn.norm import GroupNormAct


class CrossAttention(nn.Module):
    """Residual attention of a feature map's places to tokens, (b, c, h, w) -> the same shape.

    Args:
        channels: c.
        text: d, width of the tokens.
        head_channels: channels of one head; there are ``channels // head_channels`` heads.
        groups: of the normalisation before it.
        eps: of that normalisation.

    Reference: R. Rombach et al., arXiv:2112.10752, section 3.3.
    """

    def __init__(self, channels: int, text: int, head_channels: int, *, groups: int = 32, eps: float = 1e-6) -> None:
        super().__init__()
        self.heads = channels // head_channels
        inner = self.heads * head_channels
        self.norm = GroupNormAct(groups, channels, eps=eps)
        self.query = nn.Linear(channels, inner)
        self.key_value = nn.Linear(text, 2 * inner)
        self.out = nn.Linear(inner, channels)

    def forward(self, x: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
        """Add what the tokens say.

        Args:
            x: (b, c, h, w).
            text: (b, n, d).
            mask: (b, n), True where a token is real; at least one must be, in every row. ``None`` where all are.
        """
        b, c, h, w = x.shape
        places = self.norm(x).permute(0, 2, 3, 1).reshape(b, h * w, c)
        query = self.query(places).reshape(b, h * w, self.heads, -1).transpose(1, 2)  # (b, heads, h w, d)
        key, value = self.key_value(text).reshape(b, text.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = None if mask is None else mask[:, None, None, :]  # (b, 1, 1, n)
        return add_attention(x, attend(query, key, value, seen), self.out)
