"""Alterations of training pictures: what each does, what the network is told, and what is drawn afterwards."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Moment, SideSpec
from diorama.methods.diffusion.augmentation import NUMBERS, Alteration, altered, drawn_alteration
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import SongUNetConfig
from diorama.recipes.edm import edm_cpu
from diorama.recipes.edm2 import edm2_cpu
from diorama.recipes.latent import latent_text_cpu
from diorama.samplers.euler import EulerConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.export import export
from tests.recipes.families import one_step, pictures

CPU = torch.device("cpu")


def only(**changes: float) -> Alteration:
    """One picture, altered in these ways alone."""
    return Alteration(**{name: torch.tensor([changes.get(name, 0.0)]) for name in Alteration._fields})


def blob(x: float, y: float) -> Tensor:
    """A round spot of 32 x 32 pixels, so far to the right and down of the middle."""
    across = torch.arange(32) - 15.5
    return torch.exp(-((across[None, :] - x) ** 2 + (across[:, None] - y) ** 2) / 8)[None, None]


def spot(image: Tensor) -> tuple[float, float]:
    """Where its middle lies, to the right and down."""
    mass, across = image[0, 0].clamp(min=0), torch.arange(32) - 15.5
    return float((mass.sum(0) * across).sum() / mass.sum()), float((mass.sum(1) * across).sum() / mass.sum())


# Where a spot at (4, 2) goes, worked out by hand: mirrored first, then grown, turned, stretched and moved. The paper's
# program turns pictures counter-clockwise by positive angles where y points down.
WAYS: list[tuple[dict[str, float], tuple[float, float], list[float]]] = [
    ({}, (4.0, 2.0), [0] * 9),
    ({"mirrored": 1}, (-4.0, 2.0), [1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ({"flipped": 1}, (4.0, -2.0), [0, 1, 0, 0, 0, 0, 0, 0, 0]),
    ({"size": 2.0}, (4 * 2**0.4, 2 * 2**0.4), [0, 0, 2, 0, 0, 0, 0, 0, 0]),
    ({"turn": math.pi / 2}, (2.0, -4.0), [0, 0, 0, -1, 1, 0, 0, 0, 0]),
    ({"stretch": 2.0}, (4 * 2**0.4, 2 * 2**-0.4), [0, 0, 0, 0, 0, 2, 0, 0, 0]),
    ({"stretch": 2.0, "direction": math.pi / 2}, (4 * 2**-0.4, 2 * 2**0.4), [0, 0, 0, 0, 0, 0, 2, 0, 0]),
    ({"right": 1.0, "down": -0.5}, (8.0, 0.0), [0, 0, 0, 0, 0, 0, 0, 1, -0.5]),
]


@pytest.mark.parametrize(("changes", "where", "told"), WAYS)
def test_each_alteration_moves_a_spot_as_it_says(
    changes: dict[str, float], where: tuple[float, float], told: list[float]
) -> None:
    how = only(**changes)
    # The filter is not quite symmetric, which moves what is turned by a tenth of a pixel.
    assert spot(altered(blob(4, 2), how)) == pytest.approx(where, abs=0.12)
    assert how.numbers()[0].tolist() == pytest.approx(told, abs=1e-6)
    assert how.numbers().shape == (1, NUMBERS)


def test_the_maps_are_products_in_the_papers_order() -> None:
    """Against the maps multiplied out in NumPy: where a pixel that is seen lies in the picture."""
    how = only(size=1.3, turn=0.4, stretch=-0.7, direction=2.0, right=0.6, down=-1.1)

    def turn(angle: float) -> Any:
        return np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])

    grow = np.diag([2 ** (0.2 * 1.3)] * 2 + [1.0])
    along = turn(-2.0) @ np.diag([2 ** (0.2 * -0.7), 2 ** (0.2 * 0.7), 1.0]) @ turn(2.0)
    move = np.array([[1, 0, 0.125 * 24 * 0.6], [0, 1, 0.125 * 16 * -1.1], [0, 0, 1]])
    forward = move @ along @ turn(-0.4) @ grow
    np.testing.assert_allclose(how.inverse(16, 24)[0].numpy(), np.linalg.inv(forward), atol=1e-5)


def test_with_probability_zero_half_the_pictures_are_mirrored_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    how, x = drawn_alteration(64, 0.0, CPU), torch.randn(64, 3, 8, 8)
    assert how.numbers()[:, 1:].abs().max() == 0
    assert 16 < how.mirrored.sum() < 48
    assert torch.equal(altered(x, how), torch.where(how.mirrored.view(-1, 1, 1, 1) == 1, x.flip(3), x))


def test_every_alteration_is_as_frequent_and_as_large_as_is_said() -> None:
    torch.manual_seed(1)
    how = drawn_alteration(20_000, 0.3, CPU)
    for values, share in (
        (how.mirrored, 0.5),
        (how.flipped, 0.15),
        *((v, 0.3) for v in (how.size, how.turn, how.right)),
    ):
        assert float((values != 0).float().mean()) == pytest.approx(share, abs=0.015)
    assert torch.equal(how.right != 0, how.down != 0)
    assert float(how.stretch[how.stretch != 0].std()) == pytest.approx(1.0, abs=0.03)
    assert float(how.turn.abs().max()) == pytest.approx(math.pi, abs=0.01)
    assert float((how.direction != 0).float().mean()) == pytest.approx(0.5, abs=0.015)


def test_training_in_half_precision_alters_pictures_in_full() -> None:
    torch.manual_seed(0)
    how, x = drawn_alteration(4, 1.0, CPU), torch.randn(4, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = altered(x, how)
    assert torch.equal(found, altered(x, how))


def augmented_method(augment: float) -> DiffusionMethodConfig:
    method = edm_cpu(pictures(16)).method
    assert isinstance(method, DiffusionMethodConfig)
    return replace(method, augment=augment)


def test_a_recipe_is_augmented_by_one_value_and_draws_without_being_told() -> None:
    recipe = replace(edm_cpu(pictures(16)), method=augmented_method(0.12))
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())
    torch.manual_seed(0)
    method = recipe.method.build()
    model = method.synthesizer()
    assert isinstance(model, DiffusionSynthesizerConfig)
    assert isinstance(model.denoiser, DDPMUNetConfig)
    assert model.denoiser.embedding.augment == NUMBERS
    synthesizer = model.build().eval()
    # The last layer of a new network is silent.
    for parameter in synthesizer.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    network, x, t = synthesizer.get_submodule("denoiser"), torch.randn(2, 3, 16, 16), torch.tensor([0.1, 0.7])
    assert torch.equal(network(x, t), network(x, t, {"augment": torch.zeros(2, NUMBERS)}))
    assert not torch.allclose(network(x, t), network(x, t, {"augment": torch.ones(2, NUMBERS)}))
    assert synthesizer.sample(1, seed=0).shape == (1, 3, 16, 16)


def test_the_network_learns_from_what_it_is_told() -> None:
    """The layer's gradient is that of the numbers: none where every picture is as it is."""
    torch.manual_seed(0)
    method = augmented_method(1.0).build()
    for parameter in method.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    (phase,) = method.phases()
    phase.loss({"image": torch.rand(8, 3, 16, 16) * 2 - 1}, Moment(0, 0)).value.backward()
    layer = method.get_submodule("denoiser.embedding.augment")
    assert all(float(column.abs().max()) > 0 for column in layer.weight.grad.T)  # type: ignore[union-attr]


def test_the_loss_is_a_function_of_the_seed_and_without_augmentation_what_it_was() -> None:
    batch = {"image": torch.rand(4, 3, 16, 16) * 2 - 1}

    def loss(augment: float) -> float:
        torch.manual_seed(2)
        method = augmented_method(augment).build()
        torch.manual_seed(3)
        (phase,) = method.phases()
        return phase.loss(batch, Moment(0, 0)).value.item()

    plain = edm_cpu(pictures(16)).method
    assert plain == augmented_method(0.0)
    assert loss(0.3) == loss(0.3)
    assert loss(0.3) != loss(0.0)


def test_networks_of_edm_have_a_place_for_it_already() -> None:
    network = SongUNetConfig(size=16, width=16, growth=(1, 2), depth=1, attention=(False, False))
    method = augmented_method(0.12)
    method = replace(method, synthesizer=replace(method.synthesizer, denoiser=network))
    told = method.build().synthesizer()
    assert isinstance(told, DiffusionSynthesizerConfig)
    assert told.denoiser == replace(network, augment=NUMBERS)
    assert export(told.build().eval(), "edm").arguments["augment_dim"] == NUMBERS


def test_diffusers_gets_the_network_without_the_layer() -> None:
    method = augmented_method(0.12)
    network = DDPMUNetConfig(widths=(8, 16), depth=1, attention=(False, True), groups=4)
    model = replace(method.synthesizer, denoiser=network, sampler=EulerConfig())
    told = replace(method, synthesizer=model).build().synthesizer()
    files = export(told.build().eval(), "diffusers")
    assert not any("augment" in name for name in files.tensors)
    assert any("augmentation is not written" in note for note in files.notes)
    assert export(model.build().eval(), "diffusers").arguments == files.arguments


def test_what_cannot_be_augmented_is_refused() -> None:
    captions = SideSpec(key="tokens", kind="text", shape=(24,), ragged=True)
    latents = latent_text_cpu(replace(pictures(32), sides=(captions,))).method
    for method, message in (
        (edm2_cpu(pictures(16)).method, "EDM2UNet cannot be told how pictures were altered"),
        (latents, "draws latents"),
    ):
        assert isinstance(method, DiffusionMethodConfig)
        with pytest.raises(ValueError, match=message):
            replace(method, augment=0.1)


@pytest.mark.parametrize("augment", [-0.1, 1.5, math.nan])
def test_the_probability_is_one(augment: float) -> None:
    with pytest.raises(ValueError, match=r"augment must be in \[0, 1\]"):
        augmented_method(augment)
