"""Consistency models and their teachers as published: drawn as their program draws, and written back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.consistency_models import KARRAS
from diorama.processes.precondition import TargetPreconditioning
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.unipc import UniPCConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.export import export, write_export
from diorama.synthesis.published import PublishedModel, published_model
from tests.interop.adm_walk import Walk
from tests.interop.test_guided_diffusion import SMALL, random_state

LABELLED = SMALL | {"num_classes": 5}
LABELS = torch.tensor([4, 0])


def read(folder: Path, config: dict[str, Any]) -> tuple[PublishedModel, dict[str, Tensor]]:
    """A checkpoint of this config as a model, and its published tensors."""
    torch.manual_seed(0)
    state = random_state(KARRAS, config)
    save_file(state, folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps(config))
    return published_model(open_checkpoint(folder / "model.safetensors", config=folder / "model.json")), state


def built(model: PublishedModel) -> DiffusionSynthesizer:
    synthesizer = model.config.build()
    synthesizer.load_state_dict(dict(model.state))
    assert isinstance(synthesizer, DiffusionSynthesizer)
    return synthesizer.eval()


def denoiser(state: dict[str, Tensor], *, distillation: bool) -> Callable[[Tensor, float], Tensor]:
    """What the published program finds in a noisy picture, by the formulas of the papers and a walk over tensors."""
    # Queries of all heads first: that order has the other name in guided-diffusion.
    config = vars(KARRAS.read_arguments(LABELLED | {"distillation": True}, {})) | {"use_new_attention_order": True}

    def found(x: Tensor, sigma: float) -> Tensor:
        total = math.sqrt(sigma**2 + 0.25)
        above = sigma - 0.002 if distillation else sigma
        output = Walk(state, config).predict(x / total, torch.full((len(x),), 250 * math.log(sigma)), y=LABELS)
        return (0.25 / (above**2 + 0.25) * x + 0.5 * above / total * output).clamp(-1, 1)

    return found


def level(place: float, steps: int) -> float:
    """Of the grid of Karras et al. between 0.002 and 80, counted from the noisiest."""
    high, low = 80 ** (1 / 7), 0.002 ** (1 / 7)
    return float((high + place / (steps - 1) * (low - high)) ** 7)


@torch.no_grad()
@pytest.mark.parametrize("ts", [(0, 39), (0, 22, 39), (0, 10, 25, 39)])
def test_a_consistency_model_draws_in_one_step_or_at_the_published_places(tmp_path: Path, ts: tuple[int, ...]) -> None:
    config = LABELLED | {"distillation": True} | ({"ts": ts} if len(ts) > 2 else {})
    model, state = read(tmp_path, config)
    synthesizer = built(model)
    assert (synthesizer.sampling.sampler, synthesizer.sampling.steps) == ("consistency", len(ts) - 1)
    denoise, noise = denoiser(state, distillation=True), torch.randn(2, 3, 8, 8)
    draws = StepNoise((3, 8, 8), seed=3, first=0, count=2, device=torch.device("cpu"))
    x = 80 * noise
    for i, (place, following) in enumerate(pairwise(ts)):
        x = denoise(x, level(place, 40)) + draws(i) * math.sqrt(max(level(following, 40) ** 2 - 0.002**2, 0))
    found = synthesizer.sample(2, seed=3, noise=noise, condition={"label": LABELS})
    torch.testing.assert_close(found, x, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_a_teacher_draws_by_heuns_method(tmp_path: Path) -> None:
    model, state = read(tmp_path, LABELLED | {"distillation": False, "steps": 4})
    denoise, noise = denoiser(state, distillation=False), torch.randn(2, 3, 8, 8)
    levels, x = [*(level(i, 4) for i in range(4)), 0.0], 80 * noise
    for sigma, below in pairwise(levels):
        slope = (x - denoise(x, sigma)) / sigma
        ahead = x + (below - sigma) * slope
        if below:
            slope = (slope + (ahead - denoise(ahead, below)) / below) / 2
        x = x + (below - sigma) * slope
    found = built(model).sample(2, noise=noise, condition={"label": LABELS})
    torch.testing.assert_close(found, x.clamp(-1, 1), rtol=1e-3, atol=1e-3)


def test_a_model_of_several_places_also_draws_in_one_step(tmp_path: Path) -> None:
    model = built(read(tmp_path, SMALL | {"distillation": True, "ts": [0, 22, 39]})[0])
    noise = torch.randn(1, 3, 8, 8)
    plain = built(read(tmp_path, SMALL | {"distillation": True})[0])
    assert torch.equal(model.resampled(Sampling(steps=1)).sample(1, noise=noise), plain.sample(1, noise=noise))
    with pytest.raises(BadInput, match="1 or 2 places are visited, got 3"):
        model.resampled(Sampling(steps=3))


@pytest.mark.parametrize(
    "change",
    [
        {"distillation": True},
        {"distillation": True, "ts": [0, 106, 200], "steps": 201, "sigma_min": 0.01, "rho": 5.0},
        {"distillation": False},
        {"distillation": False, "sampler": "dpm", "s_churn": 4.0, "s_noise": 1.01, "sigma_max": 70.0},
        {"distillation": False, "sampler": "ancestral", "clip_denoised": False},
        {"distillation": False, "sampler": "progdist", "steps": 8},
        {"distillation": False, "sampler": "euler", "sigma_data": 1.0},
    ],
)
def test_what_is_read_is_written_back(tmp_path: Path, change: dict[str, Any]) -> None:
    model, state = read(tmp_path, LABELLED | change)
    files = export(built(model), "consistency-models")
    written = write_export(files, tmp_path / "back.safetensors")
    back = load_file(written[0])
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
    assert all(json.loads(written[1].read_text())[name] == value for name, value in (SMALL | change).items())
    again = published_model(open_checkpoint(written[0], config=written[1]))
    assert again.config == model.config
    assert files.notes == ("the names of its 5 classes are not written",)


def test_what_the_program_cannot_draw_is_not_written(tmp_path: Path) -> None:
    model = built(read(tmp_path, SMALL | {"distillation": False})[0])
    refused: list[tuple[DiffusionSynthesizerConfig, str]] = [
        (replace(model.config, sampler=UniPCConfig()), "sampler: karras_sample has none as unipc$"),
        (replace(model.config, sampler=DDIMConfig(eta=0.5)), r"sampler.eta: 0.5 cannot be written"),
        (
            replace(model.config, preconditioning=TargetPreconditioning(time_input="log_sigma")),
            "KarrasDenoiser has noise without end .* is exploding, its preconditioning target",
        ),
    ]
    for config, message in refused:
        with pytest.raises(BadInput, match=message):
            export(config.build(), "consistency-models")


def test_a_network_of_unknown_kind_is_said_to_be_one(tmp_path: Path) -> None:
    save_file(random_state(KARRAS, SMALL | {"distillation": True}), tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_text(json.dumps(SMALL))
    model = published_model(open_checkpoint(tmp_path / "model.safetensors", config=tmp_path / "model.json"))
    assert any("of a consistency model" in note and "training_mode" in note for note in model.notes)
