"""The U-Net of ADM: its size, what it is told, where it attends, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.nn.attention import SpatialAttention
from tests.networks.random_weights import randomised

SMALL = ADMUNetConfig(channels=8, widths=(32, 64), depth=1, attention=(False, True), head_channels=16, dropout=0.0)
LABELLED = replace(SMALL, classes=3, unconditional=True)


def attending(part: nn.Module) -> list[int]:
    """Heads of every attention, in the order in which they are passed."""
    return [module.heads for module in part.modules() if isinstance(module, SpatialAttention)]


def test_the_papers_network_has_its_size() -> None:
    with torch.device("meta"):
        network = ADMUNetConfig(out_channels=6, classes=1000).build()
    assert sum(p.numel() for p in network.parameters()) == 295_904_454


@pytest.mark.parametrize("resample", ["residual", "conv", "pool"])
@pytest.mark.parametrize("scale_shift", [True, False])
def test_prediction_has_the_pictures_size(resample: Any, scale_shift: bool) -> None:
    config = replace(SMALL, resample=resample, scale_shift=scale_shift, in_channels=2, out_channels=5)
    assert config.multiple == 2
    assert config.build()(torch.randn(2, 2, 8, 4), torch.tensor([0, 999])).shape == (2, 5, 8, 4)


def test_pooling_between_levels_has_no_weights() -> None:
    names = replace(SMALL, resample="pool").build().state_dict()
    assert not [name for name in names if "resample" in name]


def test_a_fresh_network_predicts_nothing() -> None:
    assert not SMALL.build()(torch.randn(1, 3, 4, 4), torch.tensor(3)).any()


@pytest.mark.parametrize("attention", [(False, False), (True, False), (True, True)])
def test_attention_is_where_it_is_asked_for_and_in_the_middle(attention: tuple[bool, bool]) -> None:
    network = replace(SMALL, attention=attention, depth=2).build()
    assert [len(attending(level)) for level in network.torso.down] == [2 * attends for attends in attention]
    assert [len(attending(level)) for level in network.up] == [3 * attends for attends in attention[::-1]]
    assert len(attending(network.torso.middle)) == 1


def test_heads_are_counted_by_number_or_by_channels_and_may_be_fewer_on_the_way_up() -> None:
    by_channels = SMALL.build()
    assert attending(by_channels) == [4, 4, 4, 4]
    by_number = replace(SMALL, head_channels=None, heads=8, up_heads=2).build()
    assert attending(by_number.torso) == [8, 8]
    assert attending(by_number.up) == [2, 2]


def test_both_orders_of_heads_differ_and_agree_for_one_head() -> None:
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([5])

    def prediction(**changes: Any) -> Tensor:
        return randomised(replace(SMALL, head_channels=None, **changes).build())(x, t)

    assert torch.equal(prediction(heads=1, heads_first=True), prediction(heads=1, heads_first=False))
    assert not torch.allclose(prediction(heads=4, heads_first=True), prediction(heads=4, heads_first=False))


@pytest.mark.parametrize("scale_shift", [True, False])
def test_time_is_seen_to_fractions(scale_shift: bool) -> None:
    network = randomised(replace(SMALL, scale_shift=scale_shift, widths=(64, 64)).build())
    x = torch.randn(1, 3, 4, 4)
    assert not torch.allclose(network(x, torch.tensor([2.0])), network(x, torch.tensor([2.5])))
    assert torch.allclose(network(x, torch.tensor([2])), network(x, torch.tensor(2.0)))


def test_no_label_is_the_null_label() -> None:
    network = randomised(LABELLED.build())
    x, t = torch.randn(2, 3, 4, 4), torch.tensor([5, 6])
    assert LABELLED.null_label == 3
    assert torch.equal(network(x, t), network(x, t, {"label": torch.tensor([3, 3])}))
    assert not torch.equal(network(x, t), network(x, t, {"label": torch.tensor([0, 3])}))


def test_labels_are_asked_for_and_refused_by_name() -> None:
    x, t, label = torch.randn(1, 3, 4, 4), torch.tensor([5]), torch.tensor([0])
    assert (SMALL.reads, LABELLED.reads) == ((), ("label",))
    with pytest.raises(ValueError, match="takes no label"):
        SMALL.build()(x, t, {"label": label})
    with pytest.raises(ValueError, match="needs a label"):
        replace(LABELLED, unconditional=False).build()(x, t)


def test_a_small_picture_of_any_size_is_seen() -> None:
    config = replace(SMALL, picture=1)
    network = randomised(config.build())
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([5])
    assert config.reads == ("image",)
    grey, other = torch.zeros(1, 1, 2, 2), torch.rand(1, 1, 2, 2)
    assert not torch.allclose(network(x, t, {"image": grey}), network(x, t, {"image": other}))
    # What has one colour is enlarged to the same picture from any size.
    assert torch.equal(network(x, t, {"image": grey}), network(x, t, {"image": torch.zeros(1, 1, 4, 8)}))


def test_every_parameter_is_trained() -> None:
    network = randomised(replace(LABELLED, picture=3).build()).train()
    given = {"label": torch.tensor([0, 1, 3, 2]), "image": torch.rand(4, 3, 4, 4)}
    (network(torch.randn(4, 3, 8, 8), torch.tensor([1, 9, 500, 999]), given) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"channels": 1}, "channels must be at least 2"),
        ({"depth": 0}, "depth"),
        ({"in_channels": 0}, "in_channels"),
        ({"widths": (32, 48)}, "widths"),
        ({"widths": (), "attention": ()}, "attention"),
        ({"attention": (True,)}, "attention"),
        ({"heads": 2}, "heads and head_channels"),
        ({"head_channels": None, "heads": 3}, "heads: 3"),
        ({"head_channels": 24}, "head_channels: 24"),
        ({"up_heads": 2}, "up_heads and head_channels"),
        ({"head_channels": None, "up_heads": 5}, "up_heads: 5"),
        ({"unconditional": True}, "unconditional"),
    ],
)
def test_what_no_network_can_have_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(SMALL, **changes)
