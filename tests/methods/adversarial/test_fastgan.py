"""FastGAN's turns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.adversarial.fastgan import FastGANConfig, differences
from diorama.methods.catalog import AnyMethod
from diorama.networks.adversarial.fastgan import FastGANDiscriminatorConfig, FastGANGeneratorConfig

START = Moment(0, 0)
CONFIG = FastGANConfig(
    media=MediaSpec(kind="image", channels=3, height=32, width=32),
    generator=FastGANGeneratorConfig(side=32, width=2, latent=5),
    discriminator=FastGANDiscriminatorConfig(side=32, width=2),
)
BATCH = {"image": torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1}


def test_every_weight_of_a_player_moves_in_its_turn_and_no_other() -> None:
    torch.manual_seed(0)
    method = CONFIG.build()
    assert [phase.name for phase in method.phases()] == ["discriminator", "generator"]
    method.requires_grad_(False)
    for phase in method.phases():
        for parameter in method.players()[phase.player]:
            parameter.requires_grad_(True)
        phase.loss(BATCH, START).value.backward()
        assert all(p.grad is not None for p in method.players()[phase.player])
        method.requires_grad_(False)


def test_what_is_redrawn_weighs_in_the_discriminators_turn_alone() -> None:
    torch.manual_seed(0)
    # In evaluation mode no norm moves between the three.
    method, losses = CONFIG.build().eval(), []
    for method.rebuilding, method.perceptual in ((0.0, 0.0), (2.0, 0.0), (2.0, 0.5)):
        torch.manual_seed(1)
        losses.append(method.discriminator_loss(BATCH, START))
    plain, rebuilt, seen = losses
    assert (rebuilt.value - plain.value).item() == pytest.approx(2 * plain.scalars["rebuilding"].item(), rel=1e-3)
    assert (seen.value - rebuilt.value).item() == pytest.approx(0.5 * seen.scalars["features"].item(), rel=1e-3)
    assert "features" not in rebuilt.scalars


def test_the_discriminator_learns_to_redraw() -> None:
    torch.manual_seed(0)
    method = replace(CONFIG, perceptual=0.0).build()
    optimizer = torch.optim.Adam(method.players()["discriminator"], 2e-3)
    found = []
    for _ in range(10):
        loss = method.discriminator_loss(BATCH, START)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        found.append(loss.scalars["rebuilding"].item())
    assert sum(found[-5:]) < 0.93 * sum(found[:5])
    rebuilt = method.discriminator.rebuild(BATCH["image"], torch.zeros(4, dtype=torch.int64))
    assert differences(rebuilt) > 0


def test_it_survives_json_and_refuses_negative_weights() -> None:
    assert decode(AnyMethod, encode(CONFIG)) == CONFIG
    with pytest.raises(ValueError, match="rebuilding must"):
        replace(CONFIG, rebuilding=-1.0)
