"""VAE-GAN's three turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.vae_gan import VAEGANConfig
from diorama.methods.catalog import AnyMethod
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.adversarial.patchgan import PixelDiscriminatorConfig
from diorama.networks.codecs.flow_prior import FlowPriorConfig
from diorama.networks.codecs.vae import ConvEncoderConfig
from diorama.synthesis.abilities import BoundsBits, Reconstructs
from diorama.synthesis.catalog import AnySynthesizer

START = Moment(0, 0)
SIZE = (16, 16)
CONFIG = VAEGANConfig(
    media=MediaSpec(kind="image", channels=3, height=16, width=16),
    encoder=ConvEncoderConfig(size=SIZE, features=4, latent=5),
    generator=DCGANGeneratorConfig(size=SIZE, features=4, latent=5),
    discriminator=DCGANDiscriminatorConfig(size=SIZE, features=4),
    layer=1,
)
BATCH = {"image": torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1}


def test_each_turn_moves_its_player_alone() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, r1=0.1).build()
    assert [p.name for p in method.phases()] == ["discriminator", "discriminator.r1", "encoder", "generator"]
    owned = [id(p) for parameters in method.players().values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in method.parameters())
    method.requires_grad_(False)
    for phase in method.phases():
        player = method.players()[phase.player]
        for parameter in player:
            parameter.requires_grad_(True)
        phase.loss(BATCH, START).value.backward()
        assert all(p.grad is not None for p in player)
        method.requires_grad_(False)


def test_batch_norm_sees_codes_and_latents_together_in_every_turn() -> None:
    method, seen = CONFIG.build(), list[int]()
    method.generator.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    for turn in (method.discriminator_loss, method.encoder_loss, method.generator_loss):
        turn(BATCH, START)
    assert seen == [2 * len(BATCH["image"])] * 3


def test_the_comparison_weighs_by_gamma_in_the_generators_turn_and_the_prior_by_beta_in_the_encoders() -> None:
    torch.manual_seed(0)
    method, losses = CONFIG.build().eval(), []
    for method.autoencoder in (replace(CONFIG, gamma=0.0, beta=0.0), replace(CONFIG, gamma=3.0, beta=2.0)):
        torch.manual_seed(1)
        losses.append((method.generator_loss(BATCH, START), method.encoder_loss(BATCH, START)))
    (plain, unbound), (weighed, bound) = losses
    torch.testing.assert_close(weighed.value - plain.value, 3 * weighed.scalars["unlike"])
    values = 8 * 4 * 4
    torch.testing.assert_close(bound.value - unbound.value, 2 * bound.scalars["divergence"] / values)
    torch.testing.assert_close(unbound.value, unbound.scalars["unlike"])


def test_pictures_are_altered_before_they_are_judged_and_compared_as_they_are() -> None:
    found = []
    for augment in (None, DiffAugmentConfig()):
        torch.manual_seed(0)
        method = replace(CONFIG, augment=augment).build().eval()
        torch.manual_seed(1)
        found.append([method.generator_loss(BATCH, START), method.discriminator_loss(BATCH, START)])
    (plain, plainly_told), (altered, told) = found
    assert altered.scalars["unlike"] == plain.scalars["unlike"]
    assert altered.scalars["game"] != plain.scalars["game"]
    assert told.value != plainly_told.value


def test_the_adaptive_augmentation_follows_the_logits_of_real_pictures() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, augment=AdaptiveAugmentationConfig()).build()
    assert "augment_p" in method.discriminator_loss(BATCH, START).scalars


def test_maps_of_another_network_weigh_in_the_turns_of_encoder_and_generator() -> None:
    torch.manual_seed(0)
    method, found = replace(CONFIG, perceptual=2.0).build().eval(), []
    for method.autoencoder in (CONFIG, replace(CONFIG, perceptual=2.0)):
        torch.manual_seed(1)
        found.append([turn(BATCH, START) for turn in (method.encoder_loss, method.generator_loss)])
    for plain, weighed in zip(*found, strict=True):
        torch.testing.assert_close(weighed.value - plain.value, 2 * weighed.scalars["features"])
        assert "features" not in plain.scalars
    # The network comes with the package: no model is saved with it.
    assert not any("features" in name for name, _ in method.synthesizer().build().named_parameters())


def test_codes_learn_to_say_what_the_discriminator_sees() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, beta=0.0).build()
    players = [*method.players()["encoder"], *method.players()["generator"]]
    optimizer, found = torch.optim.Adam(players, 5e-3), []
    for _ in range(60):
        loss = method.encoder_loss(BATCH, START)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        found.append(loss.scalars["unlike"].item())
    assert sum(found[-5:]) < 0.8 * sum(found[:5])


def test_a_learned_prior_moves_in_the_encoders_turn_alone_and_is_what_the_model_draws_from() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, prior=FlowPriorConfig(latent=5, layers=2, features=8)).build()
    prior = method.prior
    assert prior is not None
    for turn, moves in (
        (method.discriminator_loss, False),
        (method.encoder_loss, True),
        (method.generator_loss, False),
    ):
        method.zero_grad()
        turn(BATCH, START).value.backward()
        assert (prior.mean.grad is not None) == moves
    with torch.no_grad():
        prior.mean += 7
    assert method.latents(BATCH).mean() > 5
    model = method.synthesizer().build().eval()
    for part, module in method.averaged().items():
        model.get_submodule(part).load_state_dict(module.state_dict())
    noise = torch.randn(3, 5)
    (stage,) = model.stages(noise, {})
    torch.testing.assert_close(stage.x, method.eval().generator(prior(noise), {}))
    assert decode(AnySynthesizer, encode(model.config)) == model.config


def test_a_learned_prior_comes_to_where_the_codes_lie() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, beta=100.0, prior=FlowPriorConfig(latent=5, layers=2, features=8)).build()
    assert method.prior is not None
    with torch.no_grad():
        for name, parameter in method.encoder.named_parameters():
            if name == "head.bias":
                parameter[:5] = 3.0
    apart = (method.encoder(BATCH["image"])[0].mean() - method.latents(BATCH).mean()).abs().item()
    assert apart > 1
    optimizer = torch.optim.Adam(method.prior.parameters(), 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        method.encoder_loss(BATCH, START).value.backward()
        optimizer.step()
    many = {"image": BATCH["image"].repeat(50, 1, 1, 1)}
    assert (method.encoder(BATCH["image"])[0].mean() - method.latents(many).mean()).abs() < 0.3 * apart


def test_its_model_draws_from_the_prior_and_reconstructs_and_bounds_no_bits() -> None:
    method = CONFIG.build()
    model = method.synthesizer().build().eval()
    for part, module in method.averaged().items():
        model.get_submodule(part).load_state_dict(module.state_dict())
    assert isinstance(model, Reconstructs)
    assert not isinstance(model, BoundsBits)
    assert model.sample(3, seed=1).shape == model.reconstruct(BATCH["image"][:3]).shape == (3, 3, 16, 16)
    assert decode(AnyMethod, encode(CONFIG)) == CONFIG
    assert decode(AnySynthesizer, encode(model.config)) == model.config


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gamma": -1.0}, "gamma must"),
        ({"r1": -1.0}, "r1 must"),
        ({"perceptual": -1.0}, "perceptual must"),
        ({"augment": AdaptiveAugmentationConfig(), "loss": "wasserstein"}, "ada follows"),
        ({"generator": DCGANGeneratorConfig(size=SIZE, features=4, latent=4)}, "vectors of one length"),
        ({"prior": FlowPriorConfig(latent=4)}, "prior: draws latents of shape"),
        ({"discriminator": PixelDiscriminatorConfig()}, "tells no features"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **wrong)
