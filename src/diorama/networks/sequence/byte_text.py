"""A small transformer that reads text byte by byte, trained along with the model that reads its features.

Reference: the network is the encoder of A. Vaswani et al., "Attention is all you need", arXiv:1706.03762, section
3.1, normalised before each part as in R. Xiong et al., arXiv:2002.04745; bytes in place of words as in L. Xue et al.,
"ByT5", arXiv:2105.13626, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from diorama.core.contracts import Condition
from diorama.text.bytes import TOKENS


@dataclass(frozen=True, kw_only=True)
class ByteTextEncoderConfig:
    """The encoder's shape.

    Args:
        length: tokens of a text.
        width: of the features, a multiple of ``heads``.
        depth: layers.
        heads: of every layer's attention.
        stride: neighbouring bytes that become one feature, so that attention is over fewer places.
    """

    length: int
    width: int = 128
    depth: int = 2
    heads: int = 4
    stride: int = 4

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")
        if min(self.length, self.depth, self.stride) < 1:
            raise ValueError(f"length, depth and stride must be positive, got {self}")

    @property
    def reads(self) -> tuple[str, ...]:
        """``tokens``."""
        return ("tokens",)

    @property
    def gives(self) -> tuple[str, ...]:
        """``text`` and its mask."""
        return ("text", "text_mask")

    def build(self) -> ByteTextEncoder:
        """A freshly initialised encoder."""
        return ByteTextEncoder(self)


class ByteTextEncoder(nn.Module):
    """Byte tokens to features."""

    def __init__(self, config: ByteTextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        places = -(-config.length // config.stride)
        self.token = nn.Embedding(TOKENS, config.width)
        self.merge = nn.Linear(config.stride * config.width, config.width)
        self.place = nn.Parameter(torch.randn(places, config.width) * 0.02)
        # Always there to be attended to, also where there is no text.
        self.start = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, 4 * config.width, dropout=0.0, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, config.depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, condition: Condition) -> Condition:
        """Read ``tokens`` (b, n) int64, 0 where there is no text.

        Returns:
            ``text`` (b, 1 + n / stride, width), the first feature standing for the whole, and ``text_mask`` of the same
            places.
        """
        tokens = condition["tokens"]
        b, width, stride = len(tokens), self.config.width, self.config.stride
        tokens = nn.functional.pad(tokens, (0, self.place.shape[0] * stride - tokens.shape[1]))
        letters = self.token(tokens).reshape(b, -1, stride * width)  # (b, n / stride, stride width)
        x = torch.cat([self.start.expand(b, 1, width), self.merge(letters) + self.place], dim=1)
        real = (tokens > 0).unflatten(1, (-1, stride)).any(2)  # (b, n / stride)
        mask = torch.cat([real.new_ones(b, 1), real], dim=1)
        return {"text": self.norm(self.layers(x, src_key_padding_mask=~mask)), "text_mask": mask}
