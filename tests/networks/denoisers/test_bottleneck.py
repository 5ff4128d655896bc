"""What the way down of a U-Net ends in."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.bottleneck import BottleneckHead, bottleneck, middle_of, with_bottleneck
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import SongUNetConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from tests.networks.random_weights import randomised

SMALL = DDPMUNetConfig(in_channels=1, out_channels=1, widths=(8, 16), depth=1, attention=(False, True), groups=4)
ADM = ADMUNetConfig(channels=8, widths=(32, 64), depth=1, attention=(False, True), head_channels=16, dropout=0.0)
SONG = SongUNetConfig(size=8, width=16, growth=(1, 1), depth=1, attention=(False, True), dropout=0.0)
NETWORKS = [SMALL, ADM, SONG]


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: type(config).__name__)
def test_features_are_those_of_the_whole_pass_and_leave_nothing_behind(config: DenoiserConfig) -> None:
    network = randomised(config.build()).eval()
    x, t = torch.randn(2, config.in_channels, 8, 8), torch.tensor([0.3, 0.7])
    with torch.no_grad():
        output, features = with_bottleneck(network, x, t, {})
        assert torch.equal(output, network(x, t, {}))
        assert torch.equal(features, bottleneck(network, x, t, {}))
    assert features.shape[2:] == (4, 4)
    assert not middle_of(network)._forward_pre_hooks


def test_half_a_pass_leaves_the_way_up_alone() -> None:
    network = randomised(SMALL.build())
    bottleneck(network, torch.randn(1, 1, 8, 8), torch.ones(1), {}).sum().backward()
    moved = {name.partition(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert moved == {"embedding", "conv_in", "down"}


def test_logits_are_the_mean_of_channels_or_come_from_layers() -> None:
    network, features = SMALL.build(), torch.randn(2, 16, 4, 4)
    mean = BottleneckHead(network, "mean")
    assert torch.equal(mean(features), features.mean(dim=1, keepdim=True))
    assert not list(mean.parameters())
    assert BottleneckHead(network, "convolutions")(features).shape == (2, 1, 4, 4)


def test_networks_without_a_middle_are_refused() -> None:
    with torch.device("meta"):
        network = EDM2UNetConfig().build()
    with pytest.raises(ValueError, match="EDM2UNet has no middle"):
        BottleneckHead(network, "mean")
