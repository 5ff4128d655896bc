"""Reading text byte by byte."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.sequence.byte_text import ByteTextEncoderConfig
from diorama.text.bytes import encode

CONFIG = ByteTextEncoderConfig(length=10, width=8, depth=1, heads=2)


def test_features_and_their_mask() -> None:
    read = CONFIG.build()({"tokens": encode(["a red star", "red", ""], 10)})
    assert read["text"].shape == (3, 1 + 3, 8)
    # Four bytes become one feature; before them stands one for the whole.
    assert read["text_mask"].sum(1).tolist() == [4, 2, 1]
    assert read["text"].isfinite().all()


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    encoder = CONFIG.build().eval()
    alone, together = encoder({"tokens": encode(["red"], 10)}), encoder({"tokens": encode(["red", "a red star"], 10)})
    torch.testing.assert_close(alone["text"][0, :2], together["text"][0, :2], rtol=1e-4, atol=1e-5)


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        ByteTextEncoderConfig(length=10, width=10, heads=4)
    with pytest.raises(ValueError, match="must be positive"):
        ByteTextEncoderConfig(length=0)
