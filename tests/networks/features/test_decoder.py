"""The decoder that training looks through."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.features.decoder import FeatureDecoderConfig


@pytest.mark.parametrize("size", [8, 16, 32])
def test_draws_pictures_of_its_size(size: int) -> None:
    picture = FeatureDecoderConfig(features=6, size=size, width=16).build()(torch.randn(2, 6))
    assert picture.shape == (2, 3, size, size)
    assert picture.abs().max() <= 1


@pytest.mark.parametrize("size", [4, 24])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        FeatureDecoderConfig(size=size)
