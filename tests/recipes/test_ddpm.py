"""DDPM's recipes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.recipes.ddpm import ddpm, ddpm_class, ddpm_class_cpu, ddpm_cpu
from diorama.recipes.edm import edm_class, edm_class_cpu
from diorama.training.recipe import AverageConfig, Recipe
from tests.recipes.families import clips, one_step, parameters, pictures


def _network(recipe: Recipe) -> DDPMUNetConfig:
    assert isinstance(recipe.method, DiffusionMethodConfig)
    assert isinstance(recipe.method.synthesizer.denoiser, DDPMUNetConfig)
    return recipe.method.synthesizer.denoiser


def test_the_papers_settings() -> None:
    recipe = ddpm(pictures(32))
    adam = recipe.optimizers["denoiser"]
    assert (recipe.batch_size, adam.rate.peak, adam.rate.warmup, adam.clip) == (128, 2e-4, 128 * 5_000, 1.0)
    assert parameters(recipe) == 35_746_307
    assert _network(recipe) == DDPMUNetConfig(dropout=0.1)
    average = recipe.averages["ema"]
    assert isinstance(average, AverageConfig)
    assert 0.5 ** (128 / average.half_life) == pytest.approx(0.9999, abs=1e-7)


@pytest.mark.parametrize(
    ("height", "width", "levels", "attention_at"), [(32, 32, 4, 16), (64, 64, 5, 16), (28, 28, 3, 14), (48, 32, 4, 16)]
)
def test_the_network_follows_the_size(height: int, width: int, levels: int, attention_at: int) -> None:
    media = MediaSpec(kind="image", channels=3, height=height, width=width)
    network = _network(ddpm(DataInfo(name="some", media=media)))
    assert len(network.widths) == levels
    assert [min(height, width) >> i for i, there in enumerate(network.attention) if there] == [attention_at]


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3), (64, 4), (128, 3)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = ddpm_cpu(pictures(size, channels))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_labels_and_their_absence() -> None:
    labelled = replace(pictures(32), classes=("cat", "dog"))
    for recipe, name in (
        (ddpm_class(labelled), "ddpm_class"),
        (ddpm_class_cpu(labelled), "ddpm_class_cpu"),
        (edm_class(labelled), "edm_class"),
        (edm_class_cpu(labelled), "edm_class_cpu"),
    ):
        assert recipe.name == name
        assert _network(recipe).embedding.classes == 2
        assert isinstance(recipe.method, DiffusionMethodConfig)
        (label,) = recipe.method.synthesizer.conditions
        assert (label.null, label.dropout) == (2, 0.1)
        assert decode(AnyMethod, encode(recipe.method)) == recipe.method
    with pytest.raises(BadConfig, match="no labels; use ddpm_cpu"):
        ddpm_class_cpu(pictures(32))
    with pytest.raises(BadConfig, match="no labels; use edm_cpu"):
        edm_class_cpu(pictures(32))


@pytest.mark.parametrize("recipe", [ddpm, ddpm_cpu])
@pytest.mark.parametrize(("info", "message"), [(pictures(30), "30 x 30.*multiples"), (clips(), "clips")])
def test_data_that_do_not_fit_are_refused(recipe: object, info: DataInfo, message: str) -> None:
    assert callable(recipe)
    with pytest.raises(BadConfig, match=message):
        recipe(info)
