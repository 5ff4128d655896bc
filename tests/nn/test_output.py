"""The last layer of a denoiser keeps its digits when the network draws."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from diorama.nn.output import OutputConv2d


def test_it_draws_in_float32_and_trains_as_autocast_says() -> None:
    layer, x = OutputConv2d(8, 3, 3, padding=1), torch.randn(2, 8, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.train()(x).dtype == torch.bfloat16
        features = x.bfloat16()
        drawn = layer.eval()(features)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn, layer(features.float()))


def test_a_layer_that_is_in_half_precision_as_a_whole_stays_in_it() -> None:
    layer = OutputConv2d(8, 3, 3).bfloat16().eval()
    assert layer(torch.randn(1, 8, 6, 6)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    "config",
    [
        DDPMUNetConfig(widths=(8, 8), depth=1, attention=(False, False), groups=4),
        NCSNppConfig(widths=(8, 8), depth=1, attention=(False, False)),
    ],
)
def test_denoisers_end_with_such_a_layer(config: DDPMUNetConfig | NCSNppConfig) -> None:
    network = config.build().eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert network.conv_in(torch.randn(1, 3, 8, 8)).dtype == torch.bfloat16
        assert network.conv_out(torch.randn(1, 8, 8, 8).bfloat16()).dtype == torch.float32
