"""DCGAN's initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.nn.initialize import dcgan_normal


def test_weights_and_gains_have_the_papers_spread() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 256, 4, bias=False), nn.BatchNorm2d(4096))
    dcgan_normal(network)
    assert network[0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert network[1].weight.mean().item() == pytest.approx(1, abs=0.002)
    assert network[1].weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not network[1].bias.any()
