"""The U-Nets of score-based models."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.networks.denoisers.score_unet import ScoreUNetConfig, SigmaSeries

SMALL = ScoreUNetConfig(size=8, width=8, growth=(1, 2), depth=1, attention=(False, True))


def _randomised(config: ScoreUNetConfig) -> torch.nn.Module:
    network = config.build().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize("decoder", ["standard", "skip"])
def test_a_new_network_predicts_zeros(decoder: str) -> None:
    network = replace(SMALL, decoder=decoder).build()
    assert not network(torch.randn(2, 3, 8, 8), torch.tensor([0.1, 7.0])).any()


def test_what_it_is_told_divides_the_prediction_or_names_a_sigma_of_a_series() -> None:
    plain = replace(SMALL, divide_by="nothing")
    network, x, t = _randomised(plain), torch.randn(2, 3, 8, 8), torch.tensor([2.0, 5.0])
    wanted = network(x, t)
    for divide, sigma in (("told", t), (SigmaSeries(first=100.0, last=1.0, count=11), 10 ** (2 - t / 5))):
        other = replace(plain, divide_by=divide).build().eval()
        other.load_state_dict(network.state_dict())
        torch.testing.assert_close(other(x, t), wanted / sigma[:, None, None, None])


def test_a_network_that_is_told_nothing_says_the_same_at_every_level() -> None:
    network = _randomised(replace(SMALL, conditional=False, divide_by="nothing"))
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(network(x, torch.tensor([0.1])), network(x, torch.tensor([30.0])))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"attention": (True,)}, "growth, attention"),
        ({"size": 7}, "size"),
        ({"width": 3}, "width"),
        ({"depth": 0}, "depth"),
        ({"dropout": 1.0}, "dropout"),
        ({"groups": 5}, "cannot be normalised in 5 equal groups"),
        ({"taps": (1.0, 2.0)}, "taps"),
        ({"resampling": "conv"}, "resampling"),
    ],
)
def test_what_no_network_can_have_is_refused_by_name(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(SMALL, **change)


def test_a_series_has_two_ends() -> None:
    with pytest.raises(ValueError, match="two positive ends"):
        SigmaSeries(first=1.0, last=0.0, count=3)
