"""Networks of guided diffusion as models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from diorama.core.errors import BadInput
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.guided_diffusion import SUPERRES, UNET
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.published import Asked, published_model
from diorama.tasks.edit import GivenBatch
from diorama.tasks.upscale import Upscale
from tests.interop.test_guided_diffusion import SMALL, random_state


def test_a_learned_variance_is_drawn_with(tmp_path: Path) -> None:
    config = SMALL | {"out_channels": 6}
    save_file(random_state(UNET, config), tmp_path / "unet.safetensors")
    (tmp_path / "unet.json").write_text(json.dumps(config))
    process = {"_class_name": "DDPMScheduler", "num_train_timesteps": 5, "beta_schedule": "squaredcos_cap_v2"}
    (tmp_path / "scheduler_config.json").write_text(json.dumps(process))
    found = published_model(open_checkpoint(tmp_path / "unet.safetensors", config=tmp_path / "unet.json"))
    assert isinstance(found.config, DiffusionSynthesizerConfig)
    assert found.config.preconditioning == TargetPreconditioning(variance="share")
    assert found.config.process == DiscreteProcess(steps=5, betas="cosine")
    model = found.config.build()
    model.load_state_dict(dict(found.state))
    assert model.sample(2, seed=0).isfinite().all()


def super_resolution(folder: Path) -> Path:
    """A network of super-resolution, its config and its noise process."""
    save_file(random_state(SUPERRES, SMALL), folder / "upsampler.safetensors")
    (folder / "upsampler.json").write_text(json.dumps({"_class_name": "SuperResModel"} | SMALL))
    (folder / "scheduler_config.json").write_text(json.dumps({"_class_name": "DDIMScheduler"}))
    return folder / "upsampler.safetensors"


def test_a_network_of_super_resolution_enlarges(tmp_path: Path) -> None:
    file = super_resolution(tmp_path)
    checkpoint = open_checkpoint(file, config=tmp_path / "upsampler.json")
    found = published_model(checkpoint, Asked(size=(16, 16), small=(8, 8)))
    assert [(spec.key, spec.shape) for spec in found.config.conditions] == [("image", (3, 8, 8))]
    model = found.config.build().eval()
    model.load_state_dict(dict(found.state))
    edit = Upscale(model.resampled(Sampling(steps=2)))
    assert (edit.reads.height, edit.reads.width) == (8, 8)
    x = torch.rand(2, 3, 8, 8) * 2 - 1
    drawn = edit.draw(GivenBatch(pixels=np.zeros(0), x=x, places=[0, 1], first=0, seed=0))
    assert drawn.shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(size=(16, 16)), "low_res: how large the small pictures are must be said; give --small N"),
        (Asked(size=(16, 16), small=(32, 8)), "--small: 32 x 8 is more than the 16 x 16 drawn"),
    ],
)
def test_small_pictures_must_be_said(tmp_path: Path, asked: Asked, message: str) -> None:
    checkpoint = open_checkpoint(super_resolution(tmp_path), config=tmp_path / "upsampler.json")
    with pytest.raises(BadInput, match=message):
        published_model(checkpoint, asked)


def test_small_pictures_of_a_network_that_reads_none_are_refused(tmp_path: Path) -> None:
    save_file(random_state(UNET, SMALL), tmp_path / "unet.safetensors")
    (tmp_path / "unet.json").write_text(json.dumps(SMALL))
    checkpoint = open_checkpoint(tmp_path / "unet.safetensors", config=tmp_path / "unet.json")
    with pytest.raises(BadInput, match="--small: the published network enlarges no small picture"):
        published_model(checkpoint, Asked(size=(16, 16), small=(8, 8)))
