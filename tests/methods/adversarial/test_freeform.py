"""Inpainting by a GAN: what the losses are made of, what networks see, and what a trained model gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.contracts import Batch, MediaSpec, Moment
from diorama.methods import soundness
from diorama.methods.adversarial.freeform import FreeForm, FreeFormConfig
from diorama.networks.adversarial.freeform import (
    FreeFormGeneratorConfig,
    SNPatchDiscriminatorConfig,
    composed,
    with_holes,
)
from diorama.synthesis.conditions import draws_partners
from diorama.synthesis.inpainting import InpaintingSynthesizer

MEDIA = MediaSpec(kind="image", channels=1, height=16, width=24)
START = Moment(0, 0)
SETTINGS: dict[str, Any] = {
    "media": MEDIA,
    "generator": FreeFormGeneratorConfig(inputs=2, outputs=1, width=2),
    "discriminator": SNPatchDiscriminatorConfig(channels=2, width=2, layers=2),
}


def method(**changes: Any) -> FreeForm:
    torch.manual_seed(0)
    return FreeFormConfig(**SETTINGS | changes).build()


def pictures(count: int = 3) -> Batch:
    return {"image": torch.rand(count, *MEDIA.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1}


def test_the_losses_are_the_papers_under_one_drawn_mask() -> None:
    made, batch = method(adversarial=0.5, l1=2.0).eval(), pictures()
    real = batch["image"]
    torch.manual_seed(5)
    mask = made.masks(real)
    coarse, fine = made.generator.stages(torch.cat([real * (1 - mask), mask], dim=1))
    filled = torch.where(mask.bool(), fine, real)
    true, fake = (made.discriminator(torch.cat([x, mask], dim=1)) for x in (real, filled))
    wanted = {
        "discriminator": (1 - true).relu().mean() + (1 + fake).relu().mean(),
        "generator": 2 * ((coarse - real).abs().mean() + (fine - real).abs().mean()) - 0.5 * fake.mean(),
    }
    for phase in made.phases():
        torch.manual_seed(5)
        torch.testing.assert_close(phase.loss(batch, START).value, wanted[phase.name])


def test_what_lies_under_a_mask_is_not_seen() -> None:
    made, real = method(), pictures()["image"]
    mask = made.masks(real)
    other = composed(real, torch.rand_like(real), mask)
    assert not torch.equal(other, real)
    assert torch.equal(made.generator(with_holes(other, mask)), made.generator(with_holes(real, mask)))


def test_each_turn_moves_its_player_and_no_other() -> None:
    made = method()
    for phase in made.phases():
        made.zero_grad()
        own = torch.autograd.grad(phase.loss(pictures(), START).value, list(made.players()[phase.player]))
        assert all(bool(gradient.isfinite().all()) and bool(gradient.any()) for gradient in own)


def test_what_is_saved_is_the_generator_alone() -> None:
    names = soundness.check(method(), ())
    assert all(name.startswith("inpainter.") for name in names)


def sampler() -> InpaintingSynthesizer:
    return method().synthesizer().build().eval()


def test_samples_are_pictures_filled_under_masks_of_their_own() -> None:
    model, real = sampler(), pictures()["image"]
    assert not draws_partners(MEDIA, model.config.conditions)
    drawn = model.sample(3, seed=1, condition={"image": real})
    changed = drawn != real
    assert changed.flatten(1).any(1).all()
    assert not changed.flatten(1).all(1).any()
    assert len({each.numpy().tobytes() for each in changed}) == 3
    # The same whatever the batch.
    torch.testing.assert_close(model.sample(1, seed=1, first=2, condition={"image": real[2:]}), drawn[2:])


def test_a_mask_that_is_given_is_the_one_that_is_filled() -> None:
    model, real = sampler(), pictures()["image"]
    mask = torch.zeros(3, 1, 16, 24)
    mask[..., 4:9, 3:7] = 1
    drawn = model.sample(3, condition={"image": real, "mask": mask})
    assert torch.equal(drawn != real, mask.bool())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"media": replace(MEDIA, height=18)}, "multiples of 4, and these pictures are 24 x 18"),
        ({"media": replace(MEDIA, channels=3)}, "fills pictures of 1 channels"),
        ({"discriminator": SNPatchDiscriminatorConfig(channels=1)}, "with their masks have 2 channels, got 1"),
        ({"l1": -1.0}, "l1 must be at least 0 and finite"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        method(**changes)


def test_a_generator_has_one_channel_more_for_the_mask() -> None:
    with pytest.raises(ValueError, match="3 channels and a mask are given, got 3"):
        FreeFormGeneratorConfig(inputs=3)
    with pytest.raises(ValueError, match="width must be even, got 3"):
        FreeFormGeneratorConfig(width=3)
