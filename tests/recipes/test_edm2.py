"""EDM2's recipes."""

from __future__ import annotations

import math

import pytest
import torch

from diorama.core.contracts import Moment
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.nn.magnitude import magnitude_layers
from diorama.recipes.edm2 import edm2, edm2_cpu
from diorama.training.recipe import PowerAverageConfig, rate
from tests.recipes.families import clips, one_step, parameters, pictures


def test_the_papers_settings() -> None:
    recipe = edm2(pictures(64))
    method, adam = recipe.method, recipe.optimizers["denoiser"]
    assert isinstance(method, DiffusionMethodConfig)
    with torch.device("meta"):
        network = method.synthesizer.denoiser.build()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(280e6, rel=0.01)
    # Half the rate after four times the 35,000 steps up to which it stays.
    assert rate(adam.rate, 4 * 35_000 * 2_048, recipe.images) == pytest.approx(5e-3)
    assert [a.std for a in recipe.averages.values() if isinstance(a, PowerAverageConfig)] == [0.05, 0.10]


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 4), (96, 3)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = edm2_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_weights_keep_their_length_and_the_uncertainty_is_no_part_of_the_model() -> None:
    torch.manual_seed(0)
    method = edm2_cpu(pictures(16)).method.build()
    adam = torch.optim.Adam(method.players()["denoiser"], lr=0.1)
    batch = {"image": torch.rand(4, 3, 16, 16)}
    for _ in range(2):
        (phase,) = method.phases()
        loss = phase.loss(batch, Moment(0, 0))
        loss.value.backward()
        adam.step()
        method.after_step(Moment(1, 4))
    layers = magnitude_layers(method)
    assert len(layers) > 30
    for layer in layers:
        length = layer.weight.detach().flatten(1).square().mean(1).sqrt()
        torch.testing.assert_close(length, torch.ones_like(length), rtol=1e-3, atol=1e-3)
    assert set(loss.scalars) == {"error"}
    assert not any("log_variance" in name for name in method.model_tensors())
    assert any("uncertainty.log_variance" in name for name in method.state_dict())


@pytest.mark.parametrize("recipe", [edm2, edm2_cpu])
def test_other_data_are_refused(recipe) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadConfig, match="holds clips"):
        recipe(clips(64))
    with pytest.raises(BadConfig, match="must be multiples of"):
        recipe(pictures(30))
