"""Folders as the diffusers library leaves them, written without the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from diorama.interop.diffusers_unet2d import UNET2D

SMALL: dict[str, Any] = {
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
    "layers_per_block": 1,
}
DDIM: dict[str, Any] = {"_class_name": "DDIMScheduler", "num_train_timesteps": 100}


def unet_folder(
    folder: Path, schedule: Mapping[str, Any] | None = None, *, pickled: bool = False, **config: Any
) -> Path:
    """What ``UNet2DModel.save_pretrained`` leaves, of random weights for 16 x 8 pixels.

    Args:
        folder: to make.
        schedule: written beside the network, as pipelines of 2022 had it.
        pickled: weights as a ``.bin``.
        config: arguments of the class that differ.
    """
    given = SMALL | {"sample_size": [16, 8]} | config
    document = {"_class_name": "UNet2DModel", "_diffusers_version": "0.1.0"} | given
    network = UNET2D.read_config(given)
    torch.manual_seed(0)
    tensors = {n: t.clone() for n, t in UNET2D.export_state(network, network.build().state_dict()).items()}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(document))
    if pickled:
        torch.save(tensors, folder / "diffusion_pytorch_model.bin")
    else:
        save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    if schedule is not None:
        (folder / "scheduler_config.json").write_text(json.dumps(schedule))
    return folder


def pipeline_folder(folder: Path) -> Path:
    """What ``DDIMPipeline.save_pretrained`` leaves."""
    unet_folder(folder / "unet")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(DDIM))
    (folder / "model_index.json").write_text('{"_class_name": "DDIMPipeline"}')
    return folder
