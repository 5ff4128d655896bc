"""Text as bytes: there and back, padded and cut."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.text.bytes import TOKENS, cut, decode, encode

_TEXT = st.text(max_size=40)


@given(texts=st.lists(_TEXT, max_size=4))
def test_texts_come_back(texts: list[str]) -> None:
    tokens = encode(texts, 160)
    assert tokens.shape == (len(texts), 160)
    assert tokens.dtype == torch.int64
    assert decode(tokens) == texts
    assert all(0 <= token < TOKENS for row in tokens.tolist() for token in row)


@given(text=_TEXT, length=st.integers(0, 20))
def test_a_cut_leaves_whole_characters_and_as_many_as_fit(text: str, length: int) -> None:
    kept = cut(text, length).decode()
    assert text.startswith(kept)
    assert len(cut(text, length)) <= length
    rest = text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode()) > length


def test_padding_is_zero_and_bytes_are_one_more() -> None:
    assert encode(["aé", ""], 5).tolist() == [[98, 196, 170, 0, 0], [0, 0, 0, 0, 0]]


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert cut("a\ud800b", 10) == b"a?b"


def test_tokens_that_are_no_text_become_the_replacement_character() -> None:
    assert decode(torch.tensor([[256, 98, 0]])) == ["\ufffda"]
