"""The U-Nets of EDM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.networks.denoisers.edm import DhariwalUNetConfig, EDMUNetConfig, SongUNetConfig
from diorama.nn.attention import SpatialAttention
from tests.networks.random_weights import randomised

SONG = SongUNetConfig(size=8, width=8, growth=(1, 2), depth=1, attention=(False, True))
NCSNPP = replace(SONG, time="fourier", features=2, encoder="residual", taps=(1.0, 3.0, 3.0, 1.0))
ADM = DhariwalUNetConfig(size=8, width=32, growth=(1, 2), depth=1, attention=(False, True))
TWO_TIMES = torch.tensor([-0.5, 1.0])


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (SongUNetConfig(augment=9), 56),
        (SongUNetConfig(augment=9, time="fourier", features=2, encoder="residual", taps=(1.0, 3.0, 3.0, 1.0)), 56),
        (DhariwalUNetConfig(classes=1000), 296),
    ],
)
def test_networks_for_cifar10_and_imagenet64_have_their_sizes(config: EDMUNetConfig, millions: int) -> None:
    with torch.device("meta"):
        network = config.build()
    assert round(sum(p.numel() for p in network.parameters()) / 1e6) == millions


@pytest.mark.parametrize("taps", [(1.0, 1.0), (1.0, 3.0, 3.0, 1.0), (1.0, 2.0, 4.0, 4.0, 2.0, 1.0)])
@pytest.mark.parametrize("encoder", ["standard", "skip", "residual"])
@pytest.mark.parametrize("decoder", ["standard", "skip"])
def test_prediction_has_the_pictures_size(taps: Any, encoder: Any, decoder: Any) -> None:
    # Three levels, the first of which is wider than the first convolution.
    config = replace(SONG, growth=(2, 1, 3), attention=(True, False, True), encoder=encoder, decoder=decoder, taps=taps)
    network = randomised(replace(config, in_channels=2, out_channels=5).build())
    assert network(torch.randn(2, 2, 8, 16), TWO_TIMES).shape == (2, 5, 8, 16)


@pytest.mark.parametrize("config", [replace(SONG, decoder="skip"), NCSNPP, ADM])
def test_a_fresh_network_predicts_nothing(config: EDMUNetConfig) -> None:
    assert not config.build()(torch.randn(2, 3, 8, 8), TWO_TIMES).any()


@pytest.mark.parametrize("config", [replace(SONG, encoder="skip", decoder="skip"), NCSNPP, ADM])
def test_every_parameter_is_trained(config: EDMUNetConfig) -> None:
    network = randomised(replace(config, classes=3, augment=2).build())
    out = network(torch.randn(2, 3, 8, 8), TWO_TIMES, {"label": torch.tensor([0, 2]), "augment": torch.randn(2, 2)})
    (out * torch.randn_like(out)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


@pytest.mark.parametrize("config", [SONG, ADM])
def test_a_class_is_one_of_its_shares(config: EDMUNetConfig) -> None:
    network, x = randomised(replace(config, classes=3, label_dropout=0.1).build()), torch.randn(2, 3, 8, 8)

    def given(label: Tensor) -> Tensor:
        out: Tensor = network(x, TWO_TIMES, {"label": label})
        return out

    shares = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert network.config.null_label == 3
    assert torch.equal(given(torch.tensor([2, 3])), given(shares))
    assert torch.equal(network(x, TWO_TIMES), given(torch.tensor([3, 3])))
    assert not torch.allclose(given(torch.tensor([2, 3])), given(torch.tensor([1, 3])))


def test_labels_are_left_out_in_training_alone() -> None:
    network = randomised(replace(SONG, classes=3, label_dropout=0.5, dropout=0.0).build())
    x, t, label = torch.randn(1, 3, 8, 8).expand(40, -1, -1, -1), torch.zeros(40), torch.full((40,), 1)
    with torch.no_grad():
        known, none = network(x, t, {"label": label}), network(x, t)
        drawn = network.train()(x, t, {"label": label})
    assert torch.allclose(known, known[:1].expand_as(known), atol=1e-4)
    went_without = [torch.allclose(one, none[0], atol=1e-4) for one in drawn]
    assert 8 < sum(went_without) < 32
    assert all(left or torch.allclose(one, known[0], atol=1e-4) for left, one in zip(went_without, drawn, strict=True))


@pytest.mark.parametrize(("dropout", "missing"), [(0.0, 3), (0.1, 4), (0.1, -1)])
def test_a_class_that_does_not_exist_is_not_taken_for_none(dropout: float, missing: int) -> None:
    network = replace(SONG, classes=3, label_dropout=dropout).build()
    with pytest.raises(IndexError):
        network(torch.randn(2, 3, 8, 8), TWO_TIMES, {"label": torch.tensor([0, missing])})


def test_what_the_network_is_not_made_for_is_refused() -> None:
    x = torch.randn(2, 3, 8, 8)
    with pytest.raises(ValueError, match="takes no label"):
        SONG.build()(x, TWO_TIMES, {"label": torch.tensor([0, 0])})
    with pytest.raises(ValueError, match="needs a label"):
        replace(ADM, classes=3).build()(x, TWO_TIMES)
    with pytest.raises(ValueError, match="cannot be told of augmentation"):
        SONG.build()(x, TWO_TIMES, {"augment": torch.randn(2, 9)})


def test_pictures_that_are_not_augmented_need_not_say_so() -> None:
    network, x = randomised(replace(SONG, augment=4).build()), torch.randn(2, 3, 8, 8)
    assert torch.equal(network(x, TWO_TIMES), network(x, TWO_TIMES, {"augment": torch.zeros(2, 4)}))
    assert not torch.allclose(network(x, TWO_TIMES), network(x, TWO_TIMES, {"augment": torch.ones(2, 4)}))


@pytest.mark.parametrize("config", [SONG, NCSNPP, replace(SONG, encoder="skip", decoder="skip"), ADM])
def test_a_small_picture_is_seen_at_every_level(config: EDMUNetConfig) -> None:
    config = replace(config, picture=1, classes=2)
    network, x = randomised(config.build()), torch.randn(2, 3, 8, 8)
    assert config.reads == ("label", "image")
    label, picture = torch.tensor([0, 1]), torch.rand(2, 1, 4, 4)

    def said(image: Tensor) -> Tensor:
        out: Tensor = network(x, TWO_TIMES, {"label": label, "image": image})
        return out

    assert not torch.allclose(said(picture), said(picture.flip(0)))
    # What has one colour is enlarged to the same picture from any size.
    assert torch.equal(said(torch.zeros(2, 1, 2, 2)), said(torch.zeros(2, 1, 8, 4)))
    (said(picture) * torch.randn(2, 3, 8, 8)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_adm_has_heads_of_64_channels_and_none_of_fewer() -> None:
    config = replace(ADM, width=32, growth=(1, 4), attention=(True, True))
    network = config.build()
    attention = [(m.qkv.in_features, m.heads) for m in network.modules() if isinstance(m, SpatialAttention)]
    # One block down, the middle, two blocks up; the finer level's 32 channels are too few for a head.
    assert attention == [(128, 2)] * 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"growth": ()}, "growth, attention"),
        ({"attention": (True,)}, "growth, attention"),
        ({"growth": (1, 0)}, "growth: must be at least 1"),
        ({"depth": 0}, "depth: must be at least 1"),
        ({"classes": -1}, "classes: must be at least 0"),
        ({"picture": -1}, "picture: must be at least 0"),
        ({"dropout": 1.0}, "dropout: must be in"),
        ({"label_dropout": -0.1}, "label_dropout: must be in"),
        ({"size": 7}, "size: 7 pixels cannot be halved 1 times"),
        ({"width": 18}, "width, growth: 18 channels cannot be normalised"),
        ({"width": 2}, "width, growth: 2 channels cannot be normalised"),
        ({"taps": (1.0, 2.0, 1.0)}, "taps: must be an even number"),
        ({"taps": (1.0, -1.0)}, "taps: .* whose sum is not 0"),
        ({"features": 0}, "width, features"),
    ],
)
def test_impossible_shapes_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SONG, **wrong)


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="width, growth: 5 heads of attention cannot share 352 channels"):
        replace(ADM, width=352, growth=(1, 1))
