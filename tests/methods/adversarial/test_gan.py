"""The two players' turns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.adversarial.gan import GAN, GANConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig

MEDIA = MediaSpec(kind="image", channels=1, height=8, width=8)
START = Moment(0, 0)


def gan(**changes: Any) -> GAN:
    return GANConfig(
        media=MEDIA,
        generator=DCGANGeneratorConfig(size=(8, 8), channels=1, features=4, latent=3),
        discriminator=DCGANDiscriminatorConfig(size=(8, 8), channels=1, features=4),
        **changes,
    ).build()


def batch() -> dict[str, torch.Tensor]:
    return {"image": torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)}


def test_every_parameter_belongs_to_one_player() -> None:
    method = gan()
    owned = [p for parameters in method.players().values() for p in parameters]
    assert {id(p) for p in owned} == {id(p) for p in method.parameters()}
    assert len(owned) == len(set(map(id, owned)))


@pytest.mark.parametrize("loss", ["non_saturating", "hinge", "least_squares", "wasserstein"])
def test_each_turn_moves_its_player(loss: str) -> None:
    method = gan(loss=loss)
    for phase in method.phases():
        value, _ = phase.loss(batch(), START)
        grads = torch.autograd.grad(value, list(method.players()[phase.player]), allow_unused=True)
        assert all(grad is not None for grad in grads)
        assert torch.isfinite(value)


def test_the_discriminators_turn_leaves_the_generator_alone() -> None:
    method = gan()
    method.phases()[0].loss(batch(), START).value.backward()
    assert all(p.grad is None for p in method.generator.parameters())


def test_the_penalty_is_lazy_and_weighs_as_much_more() -> None:
    assert [p.name for p in gan().phases()] == ["discriminator", "generator"]
    penalty = gan(r1=10.0, r1_interval=4).phases()[1]
    assert (penalty.player, penalty.interval, penalty.weight, penalty.second_order) == ("discriminator", 4, 4.0, True)
    assert penalty.loss(batch(), START).value > 0


@pytest.mark.parametrize("wrong", [{"r1": -1.0}, {"r1": float("nan")}, {"r1": float("inf")}, {"r1_interval": 0}])
def test_a_penalty_that_rewards_or_has_no_turn_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))} must be at least"):
        gan(**wrong)


def test_smoothing_keeps_real_logits_from_growing_without_end() -> None:
    method = gan(smoothing=0.1)
    with torch.no_grad():
        method.discriminator.head.weight.mul_(1e4)
    assert method.discriminator_loss(batch(), START).value > gan().discriminator_loss(batch(), START).value
    with pytest.raises(ValueError, match="smoothing"):
        gan(smoothing=0.1, loss="hinge")


def test_what_is_averaged_is_what_the_synthesizer_holds() -> None:
    method = gan()
    model = method.synthesizer().build()
    parts = {name for name, _ in model.named_children()}
    assert parts == set(method.averaged())
    model.generator.load_state_dict(method.averaged()["generator"].state_dict())


def test_players_learn_to_win_against_a_still_opponent() -> None:
    torch.manual_seed(0)
    method = gan()
    for phase in method.phases():
        optimizer = torch.optim.Adam(method.players()[phase.player], 1e-2)
        losses = []
        for _ in range(25):
            loss = phase.loss(batch(), START).value
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]
