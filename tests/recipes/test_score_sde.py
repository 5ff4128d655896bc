"""Recipes of score SDEs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.processes.geometric import GeometricProcess
from diorama.processes.preserving import PreservingProcess
from diorama.recipes.score_sde import score_sde_ve, score_sde_ve_cpu, score_sde_vp, score_sde_vp_cpu
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import Recipe
from tests.recipes.families import clips, pictures
from tests.samplers.gaussian_data import Draws


def model_of(recipe: Recipe) -> DiffusionSynthesizerConfig:
    """What it draws with."""
    assert isinstance(recipe.method, DiffusionMethodConfig)
    return recipe.method.synthesizer


@pytest.mark.parametrize("make", [score_sde_vp_cpu, score_sde_ve_cpu])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_small_networks_stay_small(make: type, size: int) -> None:
    network = model_of(make(pictures(size))).denoiser.build()
    assert sum(p.numel() for p in network.parameters()) <= 3_000_000


def test_the_papers_networks_have_the_papers_size() -> None:
    # As the published networks count: DDPM++ cont. and NCSN++ cont. of four blocks a level.
    for make, size in ((score_sde_vp, 61.8e6), (score_sde_ve, 62.8e6)):
        network = model_of(make(pictures())).denoiser.build()
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(size, rel=2e-3)


def test_each_has_its_equation() -> None:
    for make, process in ((score_sde_vp, PreservingProcess), (score_sde_vp_cpu, PreservingProcess)):
        assert isinstance(model_of(make(pictures())).process, process)
    for make in (score_sde_ve, score_sde_ve_cpu):
        assert isinstance(model_of(make(pictures())).process, GeometricProcess)


def test_clips_are_refused() -> None:
    for make in (score_sde_vp, score_sde_ve, score_sde_vp_cpu, score_sde_ve_cpu):
        with pytest.raises(BadConfig, match="holds clips"):
            make(clips())


def test_pictures_that_cannot_be_halved_so_often_have_fewer_levels() -> None:
    assert model_of(score_sde_vp(pictures(20))).denoiser.multiple == 4
    with pytest.raises(BadConfig, match="multiples of 4"):
        score_sde_vp(pictures(30))


@pytest.mark.parametrize("make", [score_sde_vp_cpu, score_sde_ve_cpu])
def test_small_models_draw_samples_with_as_much_noise_as_their_level_has(make: type) -> None:
    # A denoiser takes the noise that it is told of, and leaves or smooths away what differs from that.
    model, shape, picture = model_of(make(pictures())), (2, 3, 32, 32), 0.4

    def best(x: Tensor, level: Level) -> Prediction:
        return Prediction(torch.full_like(x, picture))

    times = model.spacing.times(model.process, model.steps)
    x = model.process.prior_scale(times[0]) * torch.randn(shape, generator=torch.Generator().manual_seed(99_999))
    *above, last = model.sampler.run(best, x, model.process, times, Draws(shape))
    for stage in above:
        assert stage.level is not None
        noise = (stage.x - stage.level.alpha * picture) / stage.level.sigma
        assert float(noise.std()) == pytest.approx(1, abs=0.04)
    torch.testing.assert_close(last.x, torch.full(shape, picture), atol=1e-4, rtol=0)
