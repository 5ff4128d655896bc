"""The two players' turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.contracts import ConditionSpec, MediaSpec, Moment
from diorama.losses.penalties import r1, r2
from diorama.methods.adversarial.gan import GAN, GANConfig
from diorama.methods.adversarial.levels import LogitLevels
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig
from diorama.networks.adversarial.progressive import ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig

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


def test_the_generator_moves_in_every_so_many_steps() -> None:
    phases = {phase.name: phase for phase in gan(critic_steps=3).phases()}
    assert (phases["discriminator"].interval, phases["generator"].interval, phases["generator"].weight) == (1, 3, 1.0)


@pytest.mark.parametrize("loss", ["relativistic", "relativistic_average"])
def test_a_relativistic_generator_is_judged_against_real_pictures(loss: str) -> None:
    method, other = gan(loss=loss), {"image": batch()["image"].flip(0) * 0.1}
    torch.manual_seed(0)
    value = method.generator_loss(batch(), START).value
    torch.manual_seed(0)
    assert not torch.equal(method.generator_loss(other, START).value, value)
    value.backward()
    assert all(p.grad is not None for p in method.generator.parameters())


@pytest.mark.parametrize("loss", ["wasserstein", "relativistic"])
def test_shares_judged_rightly_do_not_move_with_all_logits_where_the_loss_does_not(loss: str) -> None:
    method, real, fake = gan(loss=loss), torch.tensor([3.0, 0.5]), torch.tensor([0.0, 0.0])
    for shift in (0.0, 7.0, -7.0):
        told = method.told(real + shift, fake + shift, batch()["image"], batch())
        assert (told["real_right"], told["fake_right"]) == (0.5, 1.0)


def test_shares_judged_rightly_are_those_beyond_the_middle_of_both_targets() -> None:
    told = gan(loss="least_squares").told(torch.tensor([0.6, 0.4]), torch.tensor([0.1]), batch()["image"], batch())
    assert (told["real_right"], told["fake_right"]) == (0.5, 1.0)


def test_r2_is_the_slope_at_generated_pictures() -> None:
    both = gan(r1=2.0, r2=2.0).eval()
    torch.manual_seed(3)
    value = both.penalty(batch(), START).value
    torch.manual_seed(3)
    drawn = both.draw(batch())
    expected = r1(both.discriminator, batch()["image"]) + r2(both.discriminator, drawn)
    torch.testing.assert_close(value, expected)
    assert [phase.name for phase in gan(r2=1.0).phases()] == ["discriminator", "discriminator.r1", "generator"]


def test_feature_matching_and_orthogonality_weigh_and_are_logged() -> None:
    method = gan(feature_matching=2.0, orthogonal=0.5)
    torch.manual_seed(1)
    loss = method.generator_loss(batch(), START)
    assert set(loss.scalars) == {"feature_matching", "orthogonality"}
    method.config = replace(method.config, feature_matching=0.0, orthogonal=0.0)
    torch.manual_seed(1)
    plain = method.generator_loss(batch(), START)
    added = 2 * loss.scalars["feature_matching"] + 0.5 * loss.scalars["orthogonality"]
    torch.testing.assert_close(loss.value - plain.value, added, rtol=1e-4, atol=1e-5)


def test_logits_are_held_near_what_those_of_the_other_side_have_been() -> None:
    method, plain = gan(lecam=0.5), gan()
    plain.load_state_dict({k: v for k, v in method.state_dict().items() if not k.startswith("levels.")})
    losses = []
    for each in (method, plain):
        torch.manual_seed(2)
        losses.append(each.discriminator_loss(batch(), START))
    held = losses[0].scalars["lecam"]
    torch.testing.assert_close(losses[0].value - losses[1].value, 0.5 * held)
    assert method.levels is not None
    assert method.levels.count == 1


def test_levels_are_means_at_first_and_then_moving_averages() -> None:
    levels = LogitLevels()
    for value in (1.0, 3.0):
        levels.follow(torch.full((4,), value), torch.tensor([-value]))
    assert (levels.real.item(), levels.fake.item()) == (2.0, -2.0)
    levels.count.fill_(10_000)
    levels.follow(torch.tensor([12.0]), torch.tensor([-2.0]))
    assert levels.real.item() == pytest.approx(2.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"critic_steps": 0}, "critic_steps must be at least 1"),
        ({"r2": -1.0}, "r2 must be at least 0"),
        ({"lecam": -1.0}, "lecam must be at least 0"),
        ({"orthogonal": float("nan")}, "orthogonal must be at least 0"),
        ({"conditions": (ConditionSpec(key="label", names=("a",)),)}, r"the network reads \[\], given are \['label'\]"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gan(**wrong)


@pytest.mark.parametrize(
    ("generator", "discriminator"),
    [
        (
            ProgressiveGeneratorConfig(widths=(4, 4), channels=1, latent=3),
            ProgressiveDiscriminatorConfig(widths=(4, 4), channels=1),
        ),
        (
            DCGANGeneratorConfig(size=(8, 8), channels=1, features=4, latent=3),
            PatchDiscriminatorConfig(channels=1, width=4, layers=1),
        ),
    ],
)
def test_any_generator_plays_against_any_discriminator(generator: Any, discriminator: Any) -> None:
    method = GANConfig(media=MEDIA, generator=generator, discriminator=discriminator, r1=1.0, feature_matching=1.0)
    for phase in method.build().phases():
        assert torch.isfinite(phase.loss(batch(), START).value)
