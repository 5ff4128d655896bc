"""LPIPS beyond its golden case: what it says of equal, of grey and of small pictures, and its gradients."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.features.lpips import LPIPS, LPIPSConfig, TrunkName
from diorama.networks.features.vgg import vgg19_last


def network(trunk: TrunkName, *, learned: bool = True) -> LPIPS:
    torch.manual_seed(0)
    built = LPIPSConfig(trunk=trunk, learned=learned).build().eval()
    for head in built.heads.parameters():
        head.data.abs_()
    return built


def pictures(channels: int = 3, side: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(1)
    return tuple(torch.rand(2, channels, side, side, generator=draws) * 2 - 1 for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("trunk", ["alex", "squeeze"])
@torch.no_grad()
def test_layers_and_places_come_to_the_distance(trunk: TrunkName) -> None:
    judge, (first, second) = network(trunk), pictures()
    apart = judge(first, second)
    assert (apart > 0).all()
    assert torch.equal(judge(first, first), torch.zeros(2))
    torch.testing.assert_close(judge.layers(first, second).sum(1), apart)
    assert judge.spatial(first, second).shape == (2, 1, 40, 40)


@torch.no_grad()
def test_without_heads_all_channels_count_one() -> None:
    judge, (first, second) = network("alex", learned=False), pictures()
    known = network("alex")
    known.trunk.load_state_dict(judge.trunk.state_dict())
    for head in known.heads.parameters():
        head.data.fill_(1)
    torch.testing.assert_close(judge(first, second), known(first, second))


@torch.no_grad()
def test_grey_is_seen_as_colour() -> None:
    judge, (first, second) = network("alex"), pictures(channels=1)
    colour = judge(first.expand(-1, 3, -1, -1), second.expand(-1, 3, -1, -1))
    torch.testing.assert_close(judge(first, second), colour)


@pytest.mark.parametrize("trunk", ["alex", "vgg", "squeeze"])
@torch.no_grad()
def test_the_least_side_is_the_least_that_every_map_has_a_place_for(trunk: TrunkName) -> None:
    judge = network(trunk)
    assert all(min(x.shape[2:]) > 0 for x in judge.trunk.maps(torch.zeros(1, 3, judge.least, judge.least)))
    with pytest.raises(ValueError, match=f"of {judge.least} pixels at least"):
        judge(*pictures(side=judge.least - 1))
    with pytest.raises(ValueError, match="1 or 3 channels, got 2"):
        judge(*pictures(channels=2))


def test_gradients_are_finite_where_nothing_is_seen() -> None:
    judge, (first, second) = network("alex"), pictures()
    for parameter in judge.trunk.parameters():
        parameter.data.zero_()
    judge(first.requires_grad_(), second).sum().backward()
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


def test_vgg19_ends_at_its_last_convolution_before_the_rectifier() -> None:
    with torch.device("meta"):
        trunk = vgg19_last()
        (seen,) = trunk.maps(torch.zeros(1, 3, 32, 32))
    assert [name for name in trunk.state_dict() if name.endswith("weight")][-1] == "features.34.weight"
    assert len([name for name in trunk.state_dict() if name.endswith("weight")]) == 16
    assert seen.shape == (1, 512, 2, 2)
