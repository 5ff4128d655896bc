"""Enlarging of pairs: what each loss is made of, squares that stay aligned, and the second stage from the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.contracts import Batch, MediaSpec, Moment
from diorama.losses.perceptual import maps_apart
from diorama.methods import soundness
from diorama.methods.adversarial.crops import aligned_crops, turned_alike
from diorama.methods.adversarial.enlarging import Enlarging, EnlargingConfig
from diorama.methods.adversarial.esrgan import ESRGAN, ESRGANConfig
from diorama.methods.starting import take_over
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.synthesis.conditions import draws_partners

SMALL = MediaSpec(kind="image", channels=3, height=12, width=16)
LARGE = replace(SMALL, height=24, width=32)
START = Moment(0, 0)
SETTINGS: dict[str, Any] = {
    "small": SMALL,
    "large": LARGE,
    "network": RRDBNetConfig(features=4, growth=2, blocks=1, stages=(2,)),
    "crop": 8,
}
JUDGE = UNetDiscriminatorConfig(features=2)


def first_stage(**changes: Any) -> Enlarging:
    torch.manual_seed(0)
    return EnlargingConfig(**SETTINGS | changes).build()


def second_stage(**changes: Any) -> ESRGAN:
    torch.manual_seed(1)
    return ESRGANConfig(**SETTINGS | {"discriminator": JUDGE} | changes).build()


def pairs(count: int = 2) -> Batch:
    """Large pictures, and small ones that are every second of their pixels."""
    large = torch.rand(count, *LARGE.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return {"image": large[..., ::2, ::2].contiguous(), "target": large}


def test_squares_show_the_same_place_in_the_same_position() -> None:
    torch.manual_seed(3)
    batch = pairs(32)
    small, large = aligned_crops(batch["image"], batch["target"], 8)
    assert (small.shape, large.shape) == ((32, 3, 8, 8), (32, 3, 16, 16))
    torch.testing.assert_close(small, large[..., ::2, ::2])
    places = {tuple(one.flatten()[:2].tolist()) for one in small}
    assert len(places) > 20
    # A mean over two by two pixels is where it was, however the square is turned.
    small = F.avg_pool2d(large, 2)
    turned = turned_alike(small, large)
    torch.testing.assert_close(turned[0], F.avg_pool2d(turned[1], 2))
    positions = [torch.rot90(x, k, (1, 2)) for x in (small[0], small[0].flip(-1)) for k in range(4)]
    found = [turned_alike(small[:1], large[:1])[0][0] for _ in range(60)]
    assert all(any(torch.equal(one, position) for one in found) for position in positions)


def test_the_first_stage_is_the_mean_absolute_difference_of_pictures_in_the_unit_span() -> None:
    method, batch = first_stage(), pairs()
    (phase,) = method.phases()
    drawn = method.generator((batch["image"] + 1) / 2)
    wanted = (drawn - (batch["target"] + 1) / 2).abs().mean()
    torch.testing.assert_close(phase.loss(batch, START).value, wanted)
    assert phase.prepare is not None
    assert phase.prepare(batch)["target"].shape == (2, 3, 16, 16)


def _logits(method: ESRGAN, pictures: Tensor) -> Tensor:
    return method.discriminator(pictures)


def test_the_second_stage_is_the_papers_sum() -> None:
    method, batch = second_stage(adversarial=0.5, l1=0.25, perceptual=2.0), pairs()
    # Spectral norm moves with every pass in training.
    method.eval()
    real = (batch["target"] + 1) / 2
    drawn = method.generator((batch["image"] + 1) / 2)
    true, fake = _logits(method, real), _logits(method, drawn)
    by_name = {phase.name: phase.loss(batch, START) for phase in method.phases()}
    assert [*by_name] == ["generator", "discriminator"]
    ones, zeros = torch.ones_like(true), torch.zeros_like(true)
    bce = F.binary_cross_entropy_with_logits
    relative = bce(fake - true.mean(), ones) + bce(true - fake.mean(), zeros)
    seen = maps_apart(method.frozen["features"], 2 * drawn - 1, batch["target"])  # type: ignore[arg-type]
    wanted = 0.25 * (drawn - real).abs().mean() + 2 * seen + 0.5 * relative
    torch.testing.assert_close(by_name["generator"].value, wanted)
    wanted = bce(true - fake.mean(), ones) + bce(fake - true.mean(), zeros)
    torch.testing.assert_close(by_name["discriminator"].value, wanted)


def test_srgans_loss_judges_each_picture_by_itself() -> None:
    method, batch = second_stage(loss="non_saturating", adversarial=1.0, l1=0.0, perceptual=0.0), pairs()
    method.eval()
    fake = _logits(method, method.generator((batch["image"] + 1) / 2))
    torch.testing.assert_close(method.generator_loss(batch, START).value, F.softplus(-fake).mean())
    assert "features" not in method.frozen


def test_each_turn_moves_its_player_and_no_other() -> None:
    method = second_stage()
    for phase in method.phases():
        method.zero_grad()
        own = torch.autograd.grad(phase.loss(pairs(), START).value, list(method.players()[phase.player]))
        assert all(bool(gradient.isfinite().all()) for gradient in own)
    phase.loss(pairs(), START).value.backward()
    assert all(p.grad is None for p in method.generator.parameters())


def test_the_second_stage_starts_from_the_first() -> None:
    first, second = first_stage(), second_stage()
    taken = take_over(second, first.model_tensors(), dict)
    assert (taken.reshaped, taken.missing, taken.unused) == ((), (), ())
    assert "discriminator begins anew" in str(taken)
    torch.testing.assert_close(second.generator.state_dict(), first.generator.state_dict())


@pytest.mark.parametrize("method", [first_stage(), second_stage()], ids=["first", "second"])
def test_what_is_saved_is_the_network_alone(method: Enlarging) -> None:
    names = soundness.check(method, ())
    assert all(name.startswith("picture.") for name in names)
    assert method.synthesizer().reads == SMALL


@pytest.mark.parametrize("method", [first_stage(), second_stage()], ids=["first", "second"])
def test_a_comparison_holds_what_is_drawn_against_the_larger_partners(method: Enlarging) -> None:
    model = method.synthesizer()
    assert draws_partners(model.media, model.conditions)
    assert method.config.of_partners


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network": RRDBNetConfig(stages=(2, 2))}, r"enlarges 4 times, and of 16 x 12 pixels 32 x 24 are to be made"),
        ({"network": RRDBNetConfig(inputs=1, stages=(2,))}, "takes 1 channels to 3, and small pictures have 3"),
        ({"crop": 13}, "from 1 to the 12 pixels of a small picture, got 13"),
        ({"discriminator": UNetDiscriminatorConfig(channels=1)}, "large pictures have 3 channels, got 1"),
        ({"discriminator": VGGDiscriminatorConfig()}, "judges 128 x 128 pixels, and squares have 16"),
        ({"crop": 9}, "multiples of 8, and squares have 18"),
        ({"l1": -1.0}, "l1 must be at least 0 and finite"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        second_stage(**changes)
