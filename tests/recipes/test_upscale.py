"""Recipes of models that draw larger pictures of small ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo, MediaSpec, Moment, SideSpec
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.edm import DhariwalUNetConfig, EDMUNetConfig, SongUNetConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.processes.precondition import EDMPreconditioning
from diorama.recipes.adm import adm_cpu
from diorama.recipes.ddpm import ddpm_class_cpu, ddpm_cpu
from diorama.recipes.edm import edm_cpu
from diorama.recipes.edm2 import edm2_cpu
from diorama.recipes.flow import flow_ot_cpu
from diorama.recipes.upscale import edm_upscale, edm_upscale_cpu, enlarging
from diorama.training.recipe import Recipe
from tests.recipes.families import clips, one_step, parameters, pictures


def pairs(small: int = 8, large: int = 16, channels: int = 1) -> DataInfo:
    """Small pictures with larger ones beside them."""
    media = MediaSpec(kind="image", channels=channels, height=large, width=large)
    side = SideSpec(key="target", kind="picture", shape=media.shape, media=media)
    return replace(pictures(small, channels), sides=(side,))


def test_edm2s_network_sees_the_small_picture_at_unit_magnitude() -> None:
    method = enlarging(edm2_cpu, pairs(), "larger").method
    assert isinstance(method, DiffusionMethodConfig)
    network, preconditioning = method.synthesizer.denoiser, method.synthesizer.preconditioning
    assert isinstance(network, EDM2UNetConfig)
    assert isinstance(preconditioning, EDMPreconditioning)
    assert network.picture_deviation == preconditioning.sigma_data


def _with(network: SongUNetConfig | DhariwalUNetConfig | ScoreUNetConfig) -> Callable[[DataInfo], Recipe]:
    """EDM's recipe with another network."""

    def make(info: DataInfo) -> Recipe:
        recipe = edm_cpu(info)
        method = recipe.method
        assert isinstance(method, DiffusionMethodConfig)
        channels = info.media.channels
        own = replace(network, in_channels=channels, out_channels=channels)
        return replace(recipe, method=replace(method, synthesizer=replace(method.synthesizer, denoiser=own)))

    return make


_SONG = SongUNetConfig(size=16, width=8, growth=(1, 2), depth=1, attention=(False, True), dropout=0.0)
_ADM = DhariwalUNetConfig(size=16, width=32, growth=(1, 2), depth=1, attention=(False, True), dropout=0.0)
_SCORE = ScoreUNetConfig(
    size=16, width=8, growth=(1, 2), depth=1, attention=(False, True), time="sinusoidal", divide_by="nothing"
)


@pytest.mark.parametrize(
    "make",
    [
        edm_cpu,
        ddpm_cpu,
        adm_cpu,
        edm2_cpu,
        _with(_SONG),
        _with(replace(_SONG, time="fourier", features=2, encoder="residual", taps=(1.0, 3.0, 3.0, 1.0))),
        _with(_ADM),
    ],
)
def test_what_was_trained_a_few_steps_draws_the_larger_pictures_of_what_it_is_given(
    make: Callable[[DataInfo], Recipe],
) -> None:
    torch.manual_seed(0)
    recipe = enlarging(make, pairs(), "larger")
    method = recipe.method.build()
    players = method.players()["denoiser"]
    optimizer = torch.optim.Adam(players, lr=1e-2)
    large = torch.rand(4, 1, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    batch = {"image": nn.functional.avg_pool2d(large, 2), "target": large, "index": torch.arange(4)}
    assert set(method.reads(()) or ()) == {"target", "image"}
    for step in range(4):
        (phase,) = method.phases()
        loss = phase.loss(batch, Moment(step, 4 * step)).value
        assert math.isfinite(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model = method.synthesizer().build().eval()
    model.load_state_dict(method.model_tensors())
    model = model.resampled(replace(model.sampling, steps=3, guidance=None))
    drawn = model.sample(2, seed=1, condition={"image": batch["image"][:2]})
    assert drawn.shape == (2, 1, 16, 16)
    assert bool(drawn.isfinite().all())
    assert not torch.allclose(drawn, model.sample(2, seed=1, condition={"image": batch["image"][2:]}))


@pytest.mark.parametrize("make", [edm_upscale, edm_upscale_cpu])
def test_the_recipes_are_edms_for_the_larger_pictures(make: Callable[[DataInfo], Recipe]) -> None:
    info = pairs(16, 32, channels=3)
    method = make(info).method
    assert isinstance(method, DiffusionMethodConfig)
    model = method.synthesizer
    assert (model.media.shape, model.conditions[0].key, model.conditions[0].shape) == (
        (3, 32, 32),
        "image",
        (3, 16, 16),
    )
    assert decode(AnyMethod, json.loads(json.dumps(encode(method)))) == method


def test_the_small_one_is_small_and_takes_a_step() -> None:
    recipe = edm_upscale_cpu(pairs(16, 64, channels=3))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_noises_are_not_matched_where_they_would_foretell_the_small_picture() -> None:
    method = edm_upscale_cpu(pairs()).method
    assert isinstance(method, DiffusionMethodConfig)
    with pytest.raises(ValueError, match=r"^coupling: .* let it be 'independent'"):
        replace(method, coupling="minibatch")


@pytest.mark.parametrize("config", [_SONG, _ADM])
def test_a_network_of_before_is_written_as_it_was(config: EDMUNetConfig) -> None:
    assert "picture" not in encode(config)
    larger = replace(config, picture=3)
    assert decode(type(config), encode(larger)) == larger


@pytest.mark.parametrize(
    ("make", "info", "told"),
    [
        (
            edm_cpu,
            pictures(16),
            r"no larger ones beside them \(side target\); prepare makes them with --size N --small M",
        ),
        (edm_cpu, pairs(32, 16), "are 16 x 16, no larger than the pictures' own 32 x 32"),
        (edm_cpu, pairs(32, 32), "are 32 x 32, no larger than the pictures' own 32 x 32"),
        (edm_cpu, replace(pairs(), media=clips().media), "holds clips"),
        (edm_cpu, pairs(8, 18), "pictures of 18 x 18 pixels; height and width must be multiples"),
        (
            ddpm_class_cpu,
            replace(pairs(), classes=("a", "b")),
            "ddpm_class_cpu: only a recipe .* that is given nothing",
        ),
        (flow_ot_cpu, pairs(), "flow_ot_cpu: matched noises would foretell the small picture"),
        (_with(_SCORE), pairs(), "edm_cpu: its network, ScoreUNet, cannot be given a picture"),
    ],
)
def test_what_cannot_learn_to_enlarge_is_refused_in_a_line(
    make: Callable[[DataInfo], Recipe], info: DataInfo, told: str
) -> None:
    with pytest.raises(BadConfig, match=told) as refused:
        enlarging(make, info, "larger")
    assert "\n" not in str(refused.value)
