"""What StyleGAN's training adds to the two players: altered pictures, mixed styles, path lengths, running numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import MediaSpec, Moment
from diorama.losses.path_length import path_lengths
from diorama.methods.adversarial.ada import AdaptiveAugmentation, AdaptiveAugmentationConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.fading_blur import FadingBlur, FadingBlurConfig
from diorama.methods.adversarial.gan import GAN, GANConfig
from diorama.methods.adversarial.path_length import PathLengthConfig
from diorama.methods.adversarial.style_mixing import crossed
from diorama.methods.catalog import AnyMethod
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.adversarial.stylegan3_geometry import Bands
from tests.methods.adversarial.stylegans import MAPPING, NARROW, stylegan2

START = Moment(0, 0)
CHANGES: dict[str, Any] = {
    "r1": 1.0,
    "style_mixing": 0.9,
    "path_length": PathLengthConfig(),
    "augment": AdaptiveAugmentationConfig(images=100),
}


def gan(**changes: Any) -> GAN:
    torch.manual_seed(0)
    return stylegan2(**changes).build()


def batch() -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(0)
    return {"image": torch.randn(4, 3, 16, 16, generator=draws).clamp(-1, 1), "label": torch.tensor([0, 1, 1, 0])}


def test_the_four_turns_are_lazy_as_published_and_move_their_player() -> None:
    method = gan(**CHANGES)
    found = [(p.name, p.player, p.interval, p.weight, p.second_order) for p in method.phases()]
    assert found == [
        ("discriminator", "discriminator", 1, 1.0, False),
        ("discriminator.r1", "discriminator", 16, 16.0, True),
        ("generator", "generator", 1, 1.0, False),
        ("generator.path_length", "generator", 4, 4.0, True),
    ]
    for phase in method.phases():
        value = phase.loss(batch(), START).value
        grads = torch.autograd.grad(value, list(method.players()[phase.player]), allow_unused=True)
        assert sum(grad is not None and bool(grad.any()) for grad in grads) > len(grads) / 3
        assert value.isfinite()
    assert [p.interval for p in gan(**CHANGES, critic_steps=3).phases()][2:] == [3, 12]


def test_it_survives_json_and_files_of_before_are_read() -> None:
    plain = gan().config
    assert not {"augment", "blur", "style_mixing", "path_length"} & encode(plain).keys()
    for config in (plain, gan(**CHANGES).config, gan(augment=DiffAugmentConfig()).config):
        assert decode(AnyMethod, encode(config)) == config


def test_real_logits_of_both_turns_are_followed() -> None:
    method = gan(**CHANGES)
    assert isinstance(method.augment, AdaptiveAugmentation)
    scalars = method.discriminator_loss(batch(), START).scalars
    assert {"augment_p", "real_sign"} <= set(scalars)
    method.penalty(batch(), START)
    assert method.augment.seen == 8
    method.augment.signs.fill_(8)
    method.after_step(Moment(4, 16))
    assert method.augment.probability.item() == pytest.approx(0.16)


@pytest.mark.parametrize("turn", ["discriminator_loss", "penalty", "generator_loss"])
def test_every_judgement_is_of_altered_pictures(turn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = gan(augment=DiffAugmentConfig(), r1=1.0, r2=1.0, loss="relativistic"), []
    plain = method.discriminator.forward
    monkeypatch.setattr(method, "augment", torch.nn.Identity())
    monkeypatch.setattr(method.augment, "observe", lambda logits: {}, raising=False)
    monkeypatch.setattr(method.augment, "forward", lambda x: x + 7)
    monkeypatch.setattr(method.discriminator, "forward", lambda x, given: (seen.append(x), plain(x, given))[1])
    getattr(method, turn)(batch(), START)
    assert len(seen) == 2
    assert all(x.mean() > 5 for x in seen)


@pytest.mark.parametrize(("loss", "sign"), [("hinge", 1.0), ("least_squares", -1.0)])
def test_signs_are_those_beyond_the_boundary_of_the_loss(loss: str, sign: float) -> None:
    method = gan(augment=AdaptiveAugmentationConfig(), loss=loss)
    assert method.observe(torch.full((4,), 0.3))["real_sign"] == sign


@pytest.mark.parametrize("loss", ["relativistic", "relativistic_average", "wasserstein"])
def test_signs_are_not_followed_where_they_say_nothing(loss: str) -> None:
    with pytest.raises(ValueError, match=f"augment: ada follows .* with the loss {loss}; take diffaugment"):
        gan(augment=AdaptiveAugmentationConfig(), loss=loss)


@pytest.mark.parametrize("augment", [AdaptiveAugmentationConfig(start=1.0), DiffAugmentConfig()])
def test_pictures_of_half_precision_are_altered_in_float32(augment: Any) -> None:
    method = gan(augment=augment, blur=FadingBlurConfig(sigma=1.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = method.seen(batch()["image"].bfloat16())
    assert seen.dtype == torch.float32
    assert seen.isfinite().all()


def test_running_numbers_follow_the_discriminators_turn_alone() -> None:
    layers = StyleGAN3GeneratorConfig(
        **NARROW, size=16, latent=6, style=8, mapping=MAPPING, bands=Bands(num_layers=3, num_critical=1, margin_size=2)
    )
    method = gan(generator=layers, path_length=PathLengthConfig())
    method.generator_loss(batch(), START)
    method.path_length_loss(batch(), START)
    mean, *magnitudes = method.generator.running()  # type: ignore[operator]
    assert not mean.any()
    assert len(magnitudes) == 4
    assert all(magnitude == 1 for magnitude in magnitudes)
    method.discriminator_loss(batch(), START)
    assert mean.any()
    assert any(magnitude != 1 for magnitude in magnitudes)


def test_mixed_styles_change_over_at_one_layer_or_not_at_all() -> None:
    torch.manual_seed(0)
    first, second = torch.zeros(3, 5, 2), torch.ones(3, 5, 2)
    counts = [int(crossed(first, second, 0.5)[0, :, 0].sum()) for _ in range(400)]
    assert set(counts) == {0, 1, 2, 3, 4}
    assert counts.count(0) / 400 == pytest.approx(0.5, abs=0.08)
    found = crossed(first, second, 1.0)
    assert torch.equal(found, found.sort(dim=1).values)
    assert (found == found[:1, :, :1]).all()


def test_a_path_length_is_the_slope_along_a_direction() -> None:
    styles = torch.randn(2, 3, 4).requires_grad_()
    weight, noise = torch.randn(3, 4, 2 * 5 * 5), torch.randn(2, 2, 5, 5)
    pictures = torch.einsum("bnd,ndp->bp", styles, weight).reshape(2, 2, 5, 5)
    slope = torch.einsum("bp,ndp->bnd", noise.flatten(1), weight) / 5
    torch.testing.assert_close(path_lengths(pictures, styles, noise), slope.square().sum(2).mean(1).sqrt())


def test_the_mean_length_moves_first_and_part_of_the_batch_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    method = gan(path_length=PathLengthConfig(decay=0.25, weight=3.0, shrink=2))
    assert method.path_length is not None
    method.path_length.mean.fill_(2.0)
    loss = method.path_length_loss(batch(), START)
    assert method.path_length.mean.item() == pytest.approx(1.5 + 0.25 * loss.scalars["length"].item())
    taken = []
    monkeypatch.setattr(method, "latents", lambda b: taken.append(len(b["image"])) or torch.randn(taken[-1], 6))
    method.path_length_loss(batch(), START)
    method.path_length_loss({key: rows[:1] for key, rows in batch().items()}, START)
    assert taken == [2, 1]


def test_a_blur_fades_to_nothing() -> None:
    blur = FadingBlur(FadingBlurConfig(sigma=2.0, images=100))
    assert blur.taps.shape == (13,)
    assert (blur.taps[8] / blur.taps[6]).item() == pytest.approx(0.5)
    x = torch.randn(1, 1, 16, 16)
    assert blur(x).var() < 0.1 * x.var()
    blur.fade(60)
    # The filter ends at three sigma, as if it were shorter.
    assert [bool(tap) for tap in blur.taps] == [abs(i - 6) <= 2 for i in range(13)]
    assert blur.taps.sum().item() == pytest.approx(1)
    blur.fade(100)
    torch.testing.assert_close(blur(x), x)
    method = gan(blur=FadingBlurConfig(sigma=1.0, images=50))
    method.after_step(Moment(5, 50))
    torch.testing.assert_close(method.seen(x), x)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"style_mixing": 1.5}, "style_mixing must be in"),
        ({"style_mixing": 0.5}, "style_mixing: a DCGANGeneratorConfig has no styles"),
        ({"path_length": PathLengthConfig()}, "path_length: a DCGANGeneratorConfig has no styles"),
    ],
)
def test_what_needs_styles_is_refused_without_them(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GANConfig(
            media=MediaSpec(kind="image", channels=3, height=16, width=16),
            generator=DCGANGeneratorConfig(size=(16, 16), channels=3, features=4, latent=3),
            discriminator=DCGANDiscriminatorConfig(size=(16, 16), channels=3, features=4),
            **wrong,
        )


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"decay": 0.0}, {"interval": 0}, {"shrink": 0}])
def test_an_impossible_path_length_penalty_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PathLengthConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"sigma": -1.0}, {"images": 0}])
def test_an_impossible_blur_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FadingBlurConfig(**wrong)
