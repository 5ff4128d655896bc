"""Learning features without labels."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from diorama.core import distributed
from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.representation.contrastive import (
    ContrastiveConfig,
    ContrastiveMethod,
    changed_light,
    contrastive_loss,
    correlation,
    random_view,
    recoloured,
)
from diorama.networks.features.decoder import FeatureDecoderConfig
from diorama.networks.features.lite import LiteConfig

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


def _method(**changes: Any) -> ContrastiveMethod:
    torch.manual_seed(0)
    encoder = LiteConfig(widths=(4, 8), taps=(6, 6))
    decoder = FeatureDecoderConfig(features=encoder.features, size=8, width=16)
    return ContrastiveConfig(media=MEDIA, encoder=encoder, decoder=decoder, **changes).build()


def test_equal_views_cost_least_and_shuffled_ones_more() -> None:
    unit = torch.nn.functional.normalize(torch.randn(8, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    matched = contrastive_loss(torch.cat([unit, unit]), 0.1)
    shuffled = contrastive_loss(torch.cat([unit, unit.roll(1, 0)]), 0.1)
    assert matched < shuffled


def test_views_that_tell_nothing_cost_the_logarithm_of_the_choices() -> None:
    assert float(contrastive_loss(torch.ones(10, 3), 0.5)) == pytest.approx(math.log(9))


def test_uncorrelated_features_cost_nothing() -> None:
    assert float(correlation(torch.eye(4) * 2)) == pytest.approx(0.0)
    assert float(correlation(torch.ones(4, 3))) == pytest.approx(2.0)


def test_autocast_does_not_round_what_is_compared() -> None:
    features = torch.randn(12, 16, generator=torch.Generator().manual_seed(0))
    expected = contrastive_loss(features, 0.1), correlation(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert (contrastive_loss(features, 0.1), correlation(features)) == expected


@pytest.mark.parametrize("size", [16, 32])
def test_views_are_pictures(size: int) -> None:
    torch.manual_seed(0)
    views = random_view(torch.rand(30, 3, 32, 32) * 2 - 1, size, 0.3)
    assert views.shape == (30, 3, size, size)
    for change in (changed_light, recoloured):
        changed = change(views)
        assert changed.abs().max() <= 1
        grey = (changed == changed[:, :1]).flatten(1).all(1)
        assert 0 < grey.sum() < 20


def test_recoloured_views_differ_in_tint_and_others_do_not() -> None:
    torch.manual_seed(0)
    grey = torch.full((40, 3, 8, 8), 0.1)
    tinted = recoloured(grey)
    assert ((tinted - tinted[:, :1]).abs().amax((1, 2, 3)) > 0.01).float().mean() > 0.4
    light = changed_light(grey)
    assert torch.equal(light, light[:, :1].expand_as(light))


def test_collections_are_told_apart_by_their_label() -> None:
    method = _method(collections=2)
    assert method.reads(()) == ("image", "label")
    torch.manual_seed(0)
    images = torch.cat([torch.rand(8, 3, 32, 32) * 0.2 - 0.9, torch.rand(8, 3, 32, 32) * 2 - 1])
    labels = torch.arange(2).repeat_interleave(8)
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-2)
    costs = []
    for step in range(15):
        loss = method.loss({"image": images, "label": labels}, Moment(step, 0))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        costs.append(loss.scalars["collection"].item())
    assert costs[-1] < 0.7 * costs[0]


def test_a_few_steps_lower_the_loss() -> None:
    method = _method()
    (phase,) = method.phases()
    optimizer = torch.optim.Adam(method.players()[phase.player], lr=3e-3)
    images = torch.nn.functional.interpolate(torch.rand(16, 3, 4, 4) * 2 - 1, size=32, mode="bilinear")
    losses = []
    for step in range(12):
        optimizer.zero_grad()
        loss = phase.loss({"image": images}, Moment(step, step * 16))
        loss.value.backward()
        optimizer.step()
        method.after_step(Moment(step, step * 16))
        losses.append(float(loss.value.detach()))
    assert sum(losses[-3:]) < sum(losses[:3])
    assert set(loss.scalars) == {"contrast", "damage", "look", "correlation"}


def test_features_are_standardised_by_those_of_whole_pictures() -> None:
    method = _method()
    images = torch.rand(32, 3, 32, 32) * 2 - 1
    for step in range(40):
        method.loss({"image": images}, Moment(step, 0))
        method.after_step(Moment(step, 0))
    assert not torch.equal(method.encoder.centre, torch.zeros(12))
    features = method.encoder(random_view(images, 32, 0.3))
    assert features.mean().abs() < 0.5


def test_processes_standardise_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    method, other = _method(), _method()
    for each, seed in ((method, 1), (other, 2)):
        torch.manual_seed(seed)
        each.loss({"image": torch.rand(8, 3, 32, 32) * 2 - 1}, Moment(0, 0))
    theirs = torch.cat([buffer.flatten() for buffer in other.buffers() if buffer.is_floating_point()])
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "mean", lambda own: (own + theirs) / 2)
    own = method.standardise.running_mean.clone()
    method.after_step(Moment(1, 8))
    expected = (own + other.standardise.running_mean) / 2
    torch.testing.assert_close(method.standardise.running_mean, expected)
    torch.testing.assert_close(method.encoder.centre, expected)


def test_only_colour_images_are_learned_from() -> None:
    grey = MediaSpec(kind="image", channels=1, height=32, width=32)
    with pytest.raises(ValueError, match="colour images"):
        ContrastiveConfig(media=grey, encoder=LiteConfig(), decoder=FeatureDecoderConfig())


def test_the_synthesizer_draws_and_reconstructs() -> None:
    method = _method()
    model = method.synthesizer().build().eval()
    model.load_state_dict(
        {f"{part}.{name}": t for part, m in method.averaged().items() for name, t in m.state_dict().items()}
    )
    assert model.sample(3).shape == (3, 3, 32, 32)
    assert model.reconstruct(torch.zeros(2, 3, 32, 32)).shape == (2, 3, 32, 32)
