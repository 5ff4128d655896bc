"""Prefix tables move state dicts both ways and name what does not fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.core.errors import BadInput
from diorama.interop.rename import to_ours, to_published

TABLE = [("main.0", "conv"), ("main.1", "norm")]


def module() -> nn.Module:
    network = nn.Module()
    network.conv, network.norm = nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)
    return network


def test_there_and_back() -> None:
    network = module()
    published = to_published(network.state_dict(), TABLE)
    assert "main.1.running_mean" in published
    back = to_ours(published, TABLE, network)
    assert all(torch.equal(back[name], value) for name, value in network.state_dict().items())


def test_what_does_not_fit_is_named_as_published() -> None:
    whole = to_published(module().state_dict(), TABLE)
    with pytest.raises(BadInput, match=r"'main\.0\.bias' is missing"):
        to_ours({k: v for k, v in whole.items() if k != "main.0.bias"}, TABLE, module())
    with pytest.raises(BadInput, match=r"'main\.0\.weight' has shape \(3,\), the config asks for \(2, 1, 1, 1\)"):
        to_ours(whole | {"main.0.weight": torch.ones(3)}, TABLE, module())
    with pytest.raises(BadInput, match=r"'main\.0\.extra' is none"):
        to_ours(whole | {"main.0.extra": torch.ones(3)}, TABLE, module())
    with pytest.raises(BadInput, match=r"'main\.10\.weight' is none"):
        to_ours(whole | {"main.10.weight": torch.ones(3)}, TABLE, module())
