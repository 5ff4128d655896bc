"""Text as bytes."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.text.bytes import TOKENS, cut, decode, encode

texts = st.text().filter(lambda text: "\0" not in text and text.isprintable())


@given(st.lists(texts, max_size=4))
def test_what_fits_comes_back(given_texts: list[str]) -> None:
    length = max((len(text.encode()) for text in given_texts), default=1) or 1
    tokens = encode(given_texts, length)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (len(given_texts), length)
    assert decode(tokens) == given_texts
    assert ((tokens >= 0) & (tokens < TOKENS)).all()


@given(texts, st.integers(1, 20))
def test_what_does_not_fit_is_cut_between_characters(text: str, length: int) -> None:
    (kept,) = decode(encode([text], length))
    assert text.startswith(kept)
    assert len(kept.encode()) <= length
    assert cut(text, length).decode() == kept
    longer = text[: len(kept) + 1]
    assert longer == kept or len(longer.encode()) > length
