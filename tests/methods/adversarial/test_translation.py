"""The turns of pix2pix, pix2pixHD and CycleGAN: what each loss is made of, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.contracts import Batch, MediaSpec, Moment
from diorama.methods import soundness
from diorama.methods.adversarial.cyclegan import CycleGAN, CycleGANConfig
from diorama.methods.adversarial.pix2pix import Pix2Pix, Pix2PixConfig
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import MultiScaleDiscriminatorConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig

RECORD = MediaSpec(kind="image", channels=3, height=32, width=32)
PARTNER = replace(RECORD, channels=1)
START = Moment(0, 0)
PATCHES = PatchDiscriminatorConfig(channels=4, width=2, layers=2, norm="instance")


def pix2pix(**changes: Any) -> Pix2Pix:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "record": RECORD,
        "partner": PARTNER,
        # Without dropout both turns draw the same.
        "generator": Pix2PixGeneratorConfig(outputs=1, width=2, halvings=5, norm="affine_instance", dropout=False),
        "discriminator": PATCHES,
    }
    return Pix2PixConfig(**settings | changes).build()


def cyclegan(**changes: Any) -> CycleGAN:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "record": RECORD,
        "partner": PARTNER,
        "generator": CycleGANGeneratorConfig(outputs=1, width=2, blocks=1),
        "discriminator": replace(PATCHES, channels=1),
        "identity": 0.0,
    }
    return CycleGANConfig(**settings | changes).build()


def batch(count: int = 3) -> Batch:
    draws = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(count, 3, 32, 32, generator=draws) * 2 - 1,
        "target": torch.rand(count, 1, 32, 32, generator=draws) * 2 - 1,
    }


def bce(logits: Tensor, real: bool) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def mse(logits: Tensor, real: bool) -> Tensor:
    return F.mse_loss(logits, torch.full_like(logits, float(real)))


@pytest.mark.parametrize("direction", ["to_partner", "to_record"])
def test_pix2pix_is_half_a_cross_entropy_of_pairs_and_a_hundred_mean_differences(direction: str) -> None:
    method, pair = pix2pix(direction=direction), batch()
    given, real = pair["image"], pair["target"]
    if direction == "to_record":
        given, real = real, given
    drawn = method.generator(given, {})
    assert drawn.shape == real.shape
    fake, true = (method.discriminator(torch.cat([given, x], 1)) for x in (drawn, real))
    by_name = {phase.name: phase.loss(pair, START).value for phase in method.phases()}
    assert [*by_name] == ["discriminator", "generator"]
    torch.testing.assert_close(by_name["discriminator"], 0.5 * (bce(fake, False) + bce(true, True)))
    torch.testing.assert_close(by_name["generator"], bce(fake, True) + 100 * (drawn - real).abs().mean())


def test_pix2pixhd_sums_squared_distances_over_scales_and_matches_features() -> None:
    scales = MultiScaleDiscriminatorConfig(channels=4, width=2, layers=2)
    method = pix2pix(discriminator=scales, loss="least_squares", l1=0.0, feature_matching=10.0, generator_first=True)
    pair = batch()
    drawn = method.generator(pair["image"], {})
    fake, true = (method.discriminator.judge_scales(torch.cat([pair["image"], x], 1)) for x in (drawn, pair["target"]))
    by_name = {phase.name: phase.loss(pair, START).value for phase in method.phases()}
    assert [*by_name] == ["generator", "discriminator"]
    told_apart = sum(mse(f.logits, False) + mse(t.logits, True) for f, t in zip(fake, true, strict=True))
    torch.testing.assert_close(by_name["discriminator"], 0.5 * told_apart)
    # As the authors' program writes it: 4 / layers for each layer, 1 / scales for each scale.
    features = sum(
        (4 / len(f.features)) * (1 / len(fake)) * (a - b).abs().mean()
        for f, t in zip(fake, true, strict=True)
        for a, b in zip(f.features, t.features, strict=True)
    )
    torch.testing.assert_close(by_name["generator"], sum(mse(f.logits, True) for f in fake) + 10 * features)


@pytest.mark.parametrize("identity", [0.0, 0.5])
def test_cyclegan_goes_there_and_back_and_leaves_what_is_right(identity: float) -> None:
    alike = {"partner": RECORD, "generator": CycleGANGeneratorConfig(width=2, blocks=1), "identity": identity}
    method = cyclegan(**alike, discriminator=replace(PATCHES, channels=3), history=0)
    pair = batch() | {"target": batch(6)["image"][3:]}
    a, b, there, back = pair["image"], pair["target"], method.to_partner, method.to_record
    fake_b, fake_a = there(a), back(b)
    expected = mse(method.of_partners(fake_b), True) + mse(method.of_records(fake_a), True)
    expected = expected + 10 * ((back(fake_b) - a).abs().mean() + (there(fake_a) - b).abs().mean())
    expected = expected + 10 * identity * ((there(b) - b).abs().mean() + (back(a) - a).abs().mean())
    by_name = {phase.name: phase.loss(pair, START).value for phase in method.phases()}
    assert [*by_name] == ["generators", "discriminators"]
    torch.testing.assert_close(by_name["generators"], expected)
    both = [(method.of_partners, b, fake_b), (method.of_records, a, fake_a)]
    apart = sum(0.5 * (mse(net(real), True) + mse(net(fake.detach()), False)) for net, real, fake in both)
    torch.testing.assert_close(by_name["discriminators"], apart)


@pytest.mark.parametrize("method", [pix2pix(), cyclegan()], ids=["pix2pix", "cyclegan"])
def test_each_turn_moves_its_player_and_no_other(method: Pix2Pix | CycleGAN) -> None:
    for phase in method.phases():
        method.zero_grad()
        players = method.players()
        own = torch.autograd.grad(phase.loss(batch(), START).value, list(players[phase.player]))
        assert all(bool(gradient.isfinite().all()) for gradient in own)
        if phase.name.startswith("discriminator"):
            phase.loss(batch(), START).value.backward()
            others = [p for player, ps in players.items() if player != phase.player for p in ps]
            assert all(p.grad is None for p in others)


def test_biases_begin_at_zero_and_weights_are_drawn_as_published() -> None:
    method = cyclegan(generator=CycleGANGeneratorConfig(outputs=1, width=32, blocks=1))
    convolutions = [m for m in method.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    assert all(not conv.bias.any() for conv in convolutions if conv.bias is not None)
    weights = torch.cat([conv.weight.detach().flatten() for conv in convolutions])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)


def test_discriminators_are_shown_older_pictures_too() -> None:
    method = cyclegan(history=2)
    shown = []
    for step in range(8):
        torch.manual_seed(step)
        method.discriminators_loss(batch(1), START)
        shown.append(method.drawn_partners.pictures.clone())
        for parameter in method.to_partner.parameters():
            parameter.data.add_(0.01)
    assert method.drawn_partners.filled == method.drawn_records.filled == 2
    assert torch.equal(shown[0][0], shown[1][0])  # kept while there is room
    assert not torch.equal(shown[1], shown[-1])  # and exchanged later on


@pytest.mark.parametrize("direction", ["to_partner", "to_record"])
def test_a_model_of_cyclegan_holds_both_ways(direction: str) -> None:
    method = cyclegan(direction=direction)
    soundness.check(method, ())
    model = method.synthesizer().build().eval()
    model.load_state_dict(method.model_tensors())
    pair, there = batch(), direction == "to_partner"
    given, other = ("image", "target") if there else ("target", "image")
    networks = (method.to_partner, method.to_record) if there else (method.to_record, method.to_partner)
    assert model.config.conditions[0].key == given
    torch.testing.assert_close(model.sample(3, condition={given: pair[given]}), networks[0](pair[given]))
    turned = model.turned()
    assert turned.config.conditions[0].key == other
    torch.testing.assert_close(turned.sample(3, condition={other: pair[other]}), networks[1](pair[other]))


@pytest.mark.parametrize(
    ("make", "wrong", "told"),
    [
        (pix2pix, {"l1": -1.0}, "l1 must be at least 0"),
        (pix2pix, {"feature_matching": float("nan")}, "feature_matching must be at least 0"),
        (pix2pix, {"discriminator": replace(PATCHES, channels=3)}, "a pair has 4 channels, got 3"),
        (
            pix2pix,
            {"discriminator": PixelDiscriminatorConfig(channels=4), "feature_matching": 1.0},
            "a PixelDiscriminatorConfig tells no features",
        ),
        (pix2pix, {"partner": replace(PARTNER, height=64)}, "as large as the record, 32 x 32, got 32 x 64"),
        (pix2pix, {"generator": Pix2PixGeneratorConfig(halvings=5)}, "takes 3 channels to 3, and records have 3"),
        (
            pix2pix,
            {"generator": Pix2PixGeneratorConfig(outputs=1, halvings=6)},
            "multiples of 64 and at least 64, and these pictures are 32 x 32",
        ),
        (pix2pix, {"generator": SRVGGNetConfig(features=4, convolutions=1, factor=2)}, "this one enlarges 2 times"),
        (cyclegan, {"identity": 0.5}, r"must be 0 where the two kinds of picture differ in channels, here \(3, 1\)"),
        (cyclegan, {"history": -1}, "history must be at least 0"),
        (cyclegan, {"discriminator": PATCHES}, "partners have 1 channels, got 4"),
    ],
)
def test_values_that_do_not_fit_are_refused(make: Any, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**wrong)
