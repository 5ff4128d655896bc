"""Pipelines of consistency models of diffusers: we draw from them what the library does, and it from ours."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import diorama
from diorama.core.rng import StepNoise
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.consistency_models import KARRAS
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.export import export, write_export
from diorama.synthesis.published import published_model
from tests.interop.test_guided_diffusion import random_state

diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

# The smallest of the networks that the library's own conversion of published checkpoints makes.
NETWORK: dict[str, Any] = {
    "sample_size": 16,
    "layers_per_block": 1,
    "num_class_embeds": 4,
    "block_out_channels": [32, 64],
    "attention_head_dim": 16,
    "down_block_types": ["ResnetDownsampleBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "ResnetUpsampleBlock2D"],
    "resnet_time_scale_shift": "scale_shift",
    "attn_norm_num_groups": 32,
    "upsample_type": "resnet",
    "downsample_type": "resnet",
}
LABELS = torch.tensor([3, 1])
_SEED = 7


@torch.no_grad()
def of_the_library(pipeline: Any, noise: Tensor, steps: int) -> Tensor:
    """What a pipeline draws, in [-1, 1], with the draws of our seeds."""
    draws = StepNoise(tuple(noise.shape[1:]), seed=_SEED, first=0, count=len(noise), device=torch.device("cpu"))
    asked = iter(range(steps))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(f"{type(pipeline.scheduler).__module__}.randn_tensor", lambda *a, **k: draws(next(asked)))
        pipeline.set_progress_bar_config(disable=True)
        drawn = pipeline(
            batch_size=len(noise),
            class_labels=LABELS,
            latents=noise,
            num_inference_steps=steps,
            output_type="pt",
            return_dict=False,
        )
    return 2 * drawn[0] - 1


def ours(model: DiffusionSynthesizer, noise: Tensor, steps: int) -> Tensor:
    drawn = model if model.sampling.steps == steps else model.resampled(Sampling(steps=steps))
    return drawn.sample(len(noise), seed=_SEED, noise=noise, condition={"label": LABELS})


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_pipeline_draws_the_same_here(tmp_path: Path, steps: int) -> None:
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(**NETWORK)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.15)
    pipeline = diffusers.ConsistencyModelPipeline(network, diffusers.CMStochasticIterativeScheduler())
    pipeline.save_pretrained(tmp_path / "pipeline")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = diorama.load(tmp_path / "pipeline")
    assert isinstance(model, DiffusionSynthesizer)
    # As the library's pipeline, where nobody says how many steps.
    assert (model.sampling.sampler, model.sampling.steps) == ("consistency", 1)
    noise = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(ours(model, noise, steps), of_the_library(pipeline, noise, steps), rtol=1e-3, atol=2e-3)


def test_the_library_draws_from_a_checkpoint_of_the_authors_that_was_turned_into_its_form(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "distillation": True,
        "image_size": 16,
        "in_channels": 3,
        "out_channels": 3,
        "model_channels": 32,
        "num_res_blocks": 1,
        "attention_resolutions": [2],
        "channel_mult": [1, 2],
        "num_head_channels": 16,
        "use_scale_shift_norm": True,
        "resblock_updown": True,
        "num_classes": 4,
    }
    save_file(random_state(KARRAS, config), tmp_path / "cd.safetensors")
    (tmp_path / "cd.json").write_text(json.dumps(config))
    found = published_model(open_checkpoint(tmp_path / "cd.safetensors", config=tmp_path / "cd.json"))
    model = found.config.build().eval()
    model.load_state_dict(dict(found.state))
    assert isinstance(model, DiffusionSynthesizer)
    write_export(export(model, "diffusers"), tmp_path / "folder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = diffusers.UNet2DModel.from_pretrained(tmp_path / "folder")
        scheduler = diffusers.CMStochasticIterativeScheduler.from_pretrained(tmp_path / "folder")
    pipeline, noise = diffusers.ConsistencyModelPipeline(network, scheduler), torch.randn(2, 3, 16, 16)
    for steps in (1, 4):
        torch.testing.assert_close(
            ours(model, noise, steps), of_the_library(pipeline, noise, steps), rtol=1e-3, atol=2e-3
        )
