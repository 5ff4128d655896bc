"""Turns whose batches are prepared beforehand, by what cannot be recorded, are recorded and equal launched ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import nn

from diorama.core.contracts import Batch, DataInfo, Loss, MediaSpec, Moment, SideSpec
from diorama.methods.base import Method, Phase
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.nn import normal
from diorama.recipes.ddpm import ddpm_class_cpu
from diorama.recipes.edm import edm_cpu
from diorama.recipes.flow import flow_ot_cpu
from diorama.recipes.toy import latent_text_toy, vae_spatial_toy
from diorama.training.recipe import Recipe
from tests.recipes.families import pictures as info_of
from tests.training.toy import ToyFlowConfig
from tests.training.walks import Run, assert_same, pictures

_LONG = [pytest.mark.slow, pytest.mark.long]


def _noisy(batch: Batch) -> Batch:
    """The batch with noise; it reads a value for the program, which no recording can."""
    scale = 1 + batch["image"].abs().mean().item()
    return {**batch, "noise": scale * torch.randn_like(batch["image"])}


def _noiseless(batch: Batch) -> Batch:
    return {**batch, "noise": torch.zeros_like(batch["image"])}


def prepared_twice() -> Method:
    """Three turns on one player: two prepare batches of one form, each in its way, and one takes them as they are."""
    method = ToyFlowConfig().build()

    def loss(batch: Batch, moment: Moment) -> Loss:
        drawn = method.generator(torch.randn(len(batch["image"]), 4, device=batch["image"].device))
        return Loss((drawn - batch["image"] - batch.get("noise", batch["image"])).square().mean())

    phases = [
        Phase("noisy", "generator", loss, recorded=True, prepare=_noisy),
        Phase("plain", "generator", loss, recorded=True),
        Phase("noiseless", "generator", loss, recorded=True, prepare=_noiseless),
    ]
    method.phases = lambda: phases  # type: ignore[method-assign]
    return method


@pytest.mark.parametrize("micros", [2, *(pytest.param(micros, marks=_LONG) for micros in (1, 3))])
def test_what_phases_prepare_is_recorded_apart(micros: int, device: torch.device, recordings: list[str]) -> None:
    runs = [
        Run(prepared_twice, device).go(6, recorded=recorded, batches=pictures(device, micros))
        for recorded in (False, True)
    ]
    assert sorted(recordings) == ["noiseless", "noisy", "plain"]
    assert not runs[1].notes()
    assert_same(*runs)


def test_a_run_with_prepared_batches_is_resumed_to_the_bit(device: torch.device) -> None:
    whole = Run(prepared_twice, device).go(8, recorded=True, batches=pictures(device))
    begun = Run(prepared_twice, device).go(4, recorded=False, batches=pictures(device))
    assert_same(begun.resumed().go(8, recorded=True, batches=pictures(device)), whole)


CAPTIONED = DataInfo(
    name="captioned",
    media=MediaSpec(kind="image", channels=3, height=32, width=32),
    sides=(SideSpec(key="tokens", kind="text", shape=(8,), ragged=True),),
)
COUPLED = {
    "pictures": lambda: flow_ot_cpu(info_of(16)),
    "classes": lambda: ddpm_class_cpu(replace(info_of(16), classes=("a", "b"))),
    "altered": lambda: edm_cpu(info_of(16)),
    "latents": lambda: latent_text_toy(CAPTIONED),
}


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == "pictures" else _LONG) for name in COUPLED])
def test_turns_with_coupled_noise_are_recorded_and_equal_launched_ones(
    name: str, dtype: torch.dtype, device: torch.device, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)
    recipe: Recipe = COUPLED[name]()
    config = recipe.method
    assert isinstance(config, DiffusionMethodConfig)
    config = replace(config, coupling="minibatch", augment=0.5 if name == "altered" else 0.0)

    def build() -> Method:
        parts: dict[str, nn.Module] = {}
        if config.parts_wanted():
            parts["codec"] = vae_spatial_toy(replace(CAPTIONED, sides=())).method.build().synthesizer().build()
        return config.build(parts)

    def batches(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(step)
        image = torch.rand(6, *config.synthesizer.media.shape, generator=draws) * 2 - 1
        sides = {
            "label": torch.randint(2, (6,), generator=draws),
            "tokens": torch.randint(1, 257, (6, 8), generator=draws),
        }
        return [{"image": image.to(device), **{key: side.to(device) for key, side in sides.items()}}]

    runs = [
        Run(build, device, dtype, recipe.optimizers).go(5, recorded=recorded, batches=batches)
        for recorded in (False, True)
    ]
    assert not runs[1].notes()
    assert recordings == ["loss"]
    assert_same(*runs)
