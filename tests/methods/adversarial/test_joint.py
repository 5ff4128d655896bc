"""Penalties of the discriminator's own turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import MediaSpec, Moment
from diorama.interop import r3gan as published
from diorama.losses.penalties import gradient_penalty, r1, r2
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.joint import JointPenalties, judged
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from tests.conformance.case import golden_folder, read_case

START = Moment(0, 0)
REAL, FAKE = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def critic() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Softplus(), nn.Linear(6, 1), nn.Flatten(0)).double()


def test_what_is_added_is_every_penalty_by_its_weight() -> None:
    network, weights = critic(), JointPenalties(r1=2.0, r2=3.0, gradient=10.0, drift=0.5)
    torch.manual_seed(1)
    found = judged(network, network, REAL, FAKE, weights, torch.tensor(0.5))
    torch.manual_seed(1)
    slopes = 0.5 * (r1(network, REAL) + 1.5 * r2(network, FAKE))
    expected = slopes + 10 * gradient_penalty(network, REAL, FAKE) + 0.5 * network(REAL).square().mean()
    torch.testing.assert_close(found.added, expected)
    assert torch.equal(found.real, network(REAL))


def test_slopes_are_told_of_each_sample_where_they_weigh_anything() -> None:
    network = critic()
    found = judged(network, network, REAL, FAKE, JointPenalties(r1=1.0))
    assert found.r1 is not None
    assert found.r1.shape == (5,)
    torch.testing.assert_close(found.r1.mean(), r1(network, REAL))
    assert found.r2 is None
    assert judged(network, network, REAL, FAKE, None)[3:] == (None, None)


def test_no_gradient_of_the_discriminators_turn_goes_into_what_drew() -> None:
    drawn = FAKE.clone().requires_grad_(True)
    found = judged(critic(), critic(), REAL, drawn * 2, JointPenalties(r1=1.0, r2=1.0))
    (found.real.sum() + found.fake.sum() + found.added).backward()
    assert drawn.grad is None


def test_the_slope_is_that_before_pictures_are_altered() -> None:
    network = critic()

    def altered(x: Tensor) -> Tensor:
        logits: Tensor = network(3 * x)
        return logits

    found = judged(altered, altered, REAL, FAKE, JointPenalties(r1=1.0))
    assert found.r1 is not None
    # Of pictures three times as strong the slope before is three times that behind.
    torch.testing.assert_close(found.r1.mean(), 9 * r1(network, 3 * REAL))


def test_slopes_weigh_less_with_images_seen_and_then_stay() -> None:
    weights = JointPenalties(r1=1.0, final=0.1, fall=1000)
    assert [weights.left(images) for images in (0, 500, 1000, 9000)] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    config = gan(joint=JointPenalties(r1=1.0, final=0.1, fall=1000))
    method = config.build()
    method.after_step(Moment(10, 500))
    assert method.state_dict()["penalties_left"].item() == pytest.approx(0.55)
    (turn, *_) = method.phases()
    assert (turn.name, turn.second_order, turn.recorded) == ("discriminator", True, True)


def gan(**changes: Any) -> GANConfig:
    return GANConfig(
        media=MediaSpec(kind="image", channels=1, height=8, width=8),
        generator=DCGANGeneratorConfig(size=(8, 8), channels=1, features=4, latent=3),
        discriminator=DCGANDiscriminatorConfig(size=(8, 8), channels=1, features=4),
        **changes,
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"r1": -1.0}, "r1 must"), ({"final": 0.5}, "final and fall"), ({"fall": -1}, "fall must")],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JointPenalties(**wrong)
    with pytest.raises(ValueError, match="leave r1 and r2 at 0"):
        gan(joint=JointPenalties(r1=1.0), r1=1.0)


@pytest.mark.skipif(not golden_folder().is_dir(), reason="no golden files: set DIORAMA_GOLDEN")
@pytest.mark.parametrize("phase", ["D", "G"])
def test_a_step_is_that_of_r3gans_published_program(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = read_case(golden_folder() / "gan_r3gan_loss.safetensors")
    layouts = {"G": published.GENERATOR, "D": published.DISCRIMINATOR}
    networks = {part: layout.load(case.config[part], under(case.weights, part)) for part, layout in layouts.items()}
    real, gamma = case.inputs["real_img"], case.config["phases"]["D"]["gamma"]
    method = GANConfig(
        media=MediaSpec(kind="image", channels=3, height=real.shape[2], width=real.shape[3]),
        generator=networks["G"].config,
        discriminator=networks["D"].config,
        loss="relativistic",
        joint=JointPenalties(r1=gamma, r2=gamma),
    ).build()
    method.generator, method.discriminator = networks["G"], networks["D"]
    monkeypatch.setattr(method, "draw", lambda batch, track=False: method.generator(case.inputs["gen_z"]))
    turn = {"D": method.discriminator_loss, "G": method.generator_loss}[phase]
    turn({"image": real}, START).value.backward()
    named = networks[phase].named_parameters()
    gradients = {key: torch.zeros_like(p) if p.grad is None else p.grad for key, p in named}
    found = layouts[phase].export_state(networks[phase].config, gradients)
    for name, wanted in under(under(case.outputs, phase), f"grad/{phase}").items():
        torch.testing.assert_close(found[name], wanted, rtol=2e-4, atol=1e-6 + 2e-4 * wanted.abs().max().item())


def under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Those whose names begin with a part, without it."""
    marks = (f"{part}.", f"{part}/")
    return {name[len(part) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(marks)}
