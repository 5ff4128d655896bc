"""Text as tokens without a vocabulary: the bytes of its UTF-8, one more than their value, and 0 where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

TOKENS = 257
"""How many different tokens there are: padding and 256 bytes."""


def encode(texts: Sequence[str], length: int) -> Tensor:
    """Texts as tokens, (n, length) int64; what does not fit is cut off between two characters.

    Args:
        texts: n of them.
        length: tokens of each.
    """
    tokens = torch.zeros(len(texts), length, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        content = cut(text, length)
        row[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8).long() + 1 if content else 0
    return tokens


def cut(text: str, length: int) -> bytes:
    """The UTF-8 of a text, at most ``length`` bytes of it and no part of a character."""
    return text.encode()[:length].decode(errors="ignore").encode()


def decode(tokens: Tensor) -> list[str]:
    """The texts of tokens (n, length); bytes that are no UTF-8 become the replacement character."""
    rows = tokens.cpu().tolist()
    return [bytes(token - 1 for token in row if token > 0).decode(errors="replace") for row in rows]
