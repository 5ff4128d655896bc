"""Classifiers of noisy pictures: every way to pool, and the gradient that guides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import nn

from diorama.networks.classifiers.adm import ADMClassifierConfig, Pooling
from tests.networks.random_weights import randomised

SMALL = ADMClassifierConfig(
    channels=8, widths=(32, 64), depth=1, attention=(False, True), head_channels=16, classes=5, side=8
)
POOLINGS = get_args(Pooling)


def test_the_papers_network_has_its_size() -> None:
    with torch.device("meta"):
        network = ADMClassifierConfig().build()
    assert sum(p.numel() for p in network.parameters()) == 65_438_568


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_picture_has_a_logit_for_each_class(pooling: Any) -> None:
    network = replace(SMALL, pooling=pooling).build()
    assert network(torch.randn(2, 3, 8, 8), torch.tensor([0, 999])).shape == (2, 5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("resample", ["residual", "conv", "pool"])
def test_every_pixel_and_the_time_move_the_logits(pooling: Any, resample: Any) -> None:
    network = randomised(replace(SMALL, pooling=pooling, resample=resample).build())
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    logits = network(x, torch.tensor([3]))
    (gradient,) = torch.autograd.grad(logits[0, 1], x)
    assert (gradient != 0).all()
    assert not torch.allclose(logits, network(x, torch.tensor([700])))


@pytest.mark.parametrize("pooling", ["mean", "levels", "levels_normed"])
def test_only_attention_knows_the_size(pooling: Any) -> None:
    network = replace(SMALL, pooling=pooling, side=None).build()
    assert network(torch.randn(1, 3, 16, 4), torch.tensor([3])).shape == (1, 5)
    with pytest.raises(ValueError, match="32 places, not 16"):
        SMALL.build()(torch.randn(1, 3, 16, 8), torch.tensor([3]))


def test_attention_tells_places_apart_and_the_mean_does_not() -> None:
    """Turned by half a turn, with kernels that look the same then, a picture has the same mean in the last map."""
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([3])
    for pooling, same in (("mean", True), ("attention", False)):
        network = randomised(replace(SMALL, pooling=pooling, resample="pool").build())  # type: ignore[arg-type]
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.data = (module.weight + module.weight.flip(2, 3)) / 2
        agree = torch.allclose(network(x, t), network(x.flip(2, 3), t), rtol=1e-3, atol=1e-4)
        assert agree == same, pooling


def test_a_fresh_mean_prefers_no_class() -> None:
    assert not replace(SMALL, pooling="mean").build()(torch.randn(1, 3, 8, 8), torch.tensor(3)).any()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"head_channels": None}, "head_channels"),
        ({"side": None}, "side"),
        ({"side": 1}, "side"),
        ({"widths": (32, 33)}, "widths"),
    ],
)
def test_what_attention_pooling_needs_is_asked_for_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(SMALL, **changes)
