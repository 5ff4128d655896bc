"""Augmentations: what each does, that nothing happens at probability 0, and derivatives of both orders."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Moment
from diorama.methods.adversarial import augment
from diorama.methods.adversarial.ada import AdaptiveAugmentation, AdaptiveAugmentationConfig
from diorama.methods.adversarial.augment import AugmentConfig, augmented, filter_bank
from diorama.methods.adversarial.augment_draws import PercentileDraws, RandomDraws

CPU = torch.device("cpu")
KINDS = [f.name for f in fields(AugmentConfig)][:15]
EVERYTHING = AugmentConfig(**dict.fromkeys(KINDS, 1.0))


def pictures(channels: int = 3, size: int = 24) -> Tensor:
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(0))


def at(share: float) -> PercentileDraws:
    return PercentileDraws(share, torch.zeros, CPU)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_happens_at_probability_zero(kind: str) -> None:
    x = pictures()
    torch.manual_seed(0)
    torch.testing.assert_close(augmented(x, AugmentConfig(**{kind: 1.0}), 0.0, RandomDraws.on(CPU)), x)


@pytest.mark.parametrize("kind", KINDS)
def test_something_happens_at_probability_one(kind: str) -> None:
    x = pictures()
    torch.manual_seed(0)
    seen = augmented(x, AugmentConfig(**{kind: 1.0}), 1.0, RandomDraws.on(CPU))
    assert seen.shape == x.shape
    assert not torch.allclose(seen, x, atol=1e-3)


def test_smooth_pictures_are_mirrored_and_turned() -> None:
    """The filters between are not symmetric, which only fine details show."""
    place = torch.arange(24) / 24
    x = ((2 * place).sin()[:, None] + (3 * place).cos()).expand(1, 3, 24, 24)
    mirrored = augmented(x, AugmentConfig(xflip=1), 1.0, at(0.7))
    turned = augmented(x, AugmentConfig(rotate90=1), 1.0, at(0.3))
    for found, expected in ((mirrored, x.flip(3)), (turned, x.rot90(1, (2, 3)))):
        torch.testing.assert_close(found, expected, rtol=0, atol=0.1)
    assert (x.rot90(1, (2, 3)) - x.rot90(-1, (2, 3))).abs().max() > 0.5


def test_whole_moves_are_exact() -> None:
    x = pictures()
    moved = augmented(x, AugmentConfig(xint=1), 1.0, at(1.0))  # an eighth of 24 pixels to the right and down
    torch.testing.assert_close(moved[:, :, 3:, 3:], x[:, :, :-3, :-3], rtol=1e-4, atol=1e-4)


def test_colours_are_changed_as_they_are_named() -> None:
    x = pictures()
    grey = x.mean(dim=1, keepdim=True)
    brighter = augmented(x, AugmentConfig(brightness=1), 1.0, at(0.9)) - x
    torch.testing.assert_close(brighter, brighter.mean().expand_as(x))
    dark = augmented(x, AugmentConfig(lumaflip=1), 1.0, at(0.9))
    torch.testing.assert_close(dark, x - 2 * grey)
    turned = augmented(x, AugmentConfig(hue=1), 1.0, at(0.9))
    torch.testing.assert_close(turned.square().sum(dim=1), x.square().sum(dim=1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(turned.mean(dim=1, keepdim=True), grey)
    pale = augmented(x, AugmentConfig(saturation=1), 1.0, at(0.1))
    assert (pale - grey).square().mean() < (x - grey).square().mean()
    torch.testing.assert_close(pale.mean(dim=1, keepdim=True), grey)


def test_pictures_of_one_channel_have_no_hue() -> None:
    x = pictures(1)
    changed = augmented(x, AugmentConfig(brightness=1, contrast=1, hue=1, saturation=1), 1.0, at(0.5))
    torch.testing.assert_close(changed, x)
    with pytest.raises(ValueError, match="colours of pictures with 2 channels"):
        augmented(pictures(2), AugmentConfig(contrast=1), 1.0, at(0.5))


def test_bands_sum_to_the_picture() -> None:
    bank = filter_bank()
    whole = torch.zeros(bank.shape[1])
    whole[bank.shape[1] // 2] = 1
    torch.testing.assert_close(bank.sum(dim=0), whole, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="more than 21 pixels a side"):
        augmented(pictures(3, 16), AugmentConfig(imgfilter=1), 1.0, at(0.5))


def test_a_quarter_of_the_picture_is_cut_out() -> None:
    x = torch.ones(2, 3, 16, 16)
    assert augmented(x, AugmentConfig(cutout=1), 1.0, at(0.5)).mean().item() == 0.75


def test_derivatives_of_both_orders() -> None:
    x = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def changed(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        return augmented(x, EVERYTHING, 0.8, RandomDraws.on(CPU))

    (slope,) = torch.autograd.grad(changed(x).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), x)
    along = torch.randn_like(x)
    # All changes are linear, so that the second derivative is a product of these.
    plain = changed(x).detach()
    shift = changed(torch.zeros_like(x)).detach()

    def linear(v: Tensor) -> Tensor:
        return changed(v) - shift

    probe = linear(along).detach()
    y = x.detach().requires_grad_()
    (back,) = torch.autograd.grad((linear(y) * (3 * plain.square())).sum(), y)
    torch.testing.assert_close(slope, back, rtol=1e-3, atol=1e-2)
    expected = (2 * linear(slope.detach()) * 6 * plain * probe).sum()
    torch.testing.assert_close((second * along).sum(), expected.detach(), rtol=1e-2, atol=1e-1)


def test_the_seed_decides_everything() -> None:
    torch.manual_seed(3)
    first = augmented(pictures(), EVERYTHING, 0.5, RandomDraws.on(CPU))
    torch.manual_seed(3)
    assert torch.equal(first, augmented(pictures(), EVERYTHING, 0.5, RandomDraws.on(CPU)))


@pytest.mark.parametrize("change", [{"xflip": -1}, {"imgfilter_bands": (1, 1)}, {"imgfilter_bands": (1, 1, -1, 1)}])
def test_impossible_augmentations_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        AugmentConfig(**change)


def adaptive() -> AdaptiveAugmentation:
    return AdaptiveAugmentationConfig(target=0.5, images=100, interval=2).build()


def after(step: int) -> Moment:
    return Moment(step, 5 * step)


def test_the_probability_follows_the_sign_of_real_logits_by_the_pictures_of_its_interval() -> None:
    state = adaptive()
    for step in range(1, 5):
        # However many logits there were, from micro-batches or penalties, the interval has ten pictures.
        state.observe(torch.full((5 * step,), 2.0))
        state.after_step(after(step))
    assert state.probability.item() == pytest.approx(0.2)
    told = state.observe(torch.tensor([1.0, -1.0]))
    assert told["real_sign"].item() == 0
    state.after_step(after(6))
    assert state.probability.item() == pytest.approx(0.1)


def test_the_probability_is_never_below_zero_and_is_saved() -> None:
    state = adaptive()
    state.observe(-torch.ones(50))
    state.after_step(after(2))
    assert state.probability.item() == 0
    state.observe(torch.ones(50))
    again = adaptive()
    again.load_state_dict(state.state_dict())
    again.after_step(after(4))
    assert again.probability.item() == pytest.approx(0.1)
    assert math.isclose(again.seen.item(), 0)


def test_pictures_are_augmented_as_often_as_the_state_says() -> None:
    torch.manual_seed(0)
    state = adaptive()
    torch.testing.assert_close(state(pictures()), pictures())
    state.probability.fill_(1.0)
    assert not torch.allclose(state(pictures()), pictures(), atol=1e-2)
    with pytest.raises(ValueError, match="target"):
        AdaptiveAugmentationConfig(target=1.0)


def test_a_device_that_runs_ahead_is_not_waited_for_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    found = augmented(pictures(), EVERYTHING, 0.5, RandomDraws.on(CPU))
    monkeypatch.setattr(devices, "runs_ahead", lambda device: True)
    monkeypatch.setattr(augment, "needed_rim", lambda *_: pytest.fail("it waits for the device"))
    torch.manual_seed(3)
    again = augmented(pictures(), EVERYTHING, 0.5, RandomDraws.on(CPU))
    torch.testing.assert_close(again, found, rtol=1e-3, atol=1e-3)
