"""The U-Net with a pyramid of pictures beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig

SMALL = NCSNppConfig(widths=(32, 32), depth=1, attention=(False, True))


@pytest.mark.parametrize("middle", ["attention", "residual", "none"])
def test_prediction_has_the_pictures_size(middle: str) -> None:
    network = replace(SMALL, middle=middle).build()  # type: ignore[arg-type]
    assert network(torch.randn(2, 3, 8, 4), torch.tensor([0.1, 5.0])).shape == (2, 3, 8, 4)
    assert SMALL.multiple == 2


def test_score_falls_with_the_noise_level() -> None:
    network = replace(SMALL, embedding=EmbeddingConfig(time="sinusoidal")).build()
    divided = SMALL.build()
    x = torch.randn(1, 3, 4, 4)
    for net in (network, divided):
        torch.nn.init.ones_(net.conv_out.bias)
        torch.nn.init.zeros_(net.up[0].skip.weight)
    assert network(x, torch.tensor(4.0)).unique().tolist() == [1.0]
    assert divided(x, torch.tensor(4.0)).unique().tolist() == [0.25]


def test_one_entry_for_each_level() -> None:
    with pytest.raises(ValueError, match="up_attention"):
        replace(SMALL, up_attention=(True,))
