"""Tiny StyleGANs as NVIDIA publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.interop.layout import Layout
from tests.interop.research_pickles import module_of, research_modules, write_pickle

_OF_ALL: dict[str, Any] = {"z_dim": 5, "w_dim": 6, "img_resolution": 16, "img_channels": 3, "channel_max": 8}
STYLEGAN2 = _OF_ALL | {"c_dim": 3, "channel_base": 64, "mapping_kwargs": {"num_layers": 2}}
"""Arguments of a conditional one."""
STYLEGAN3 = _OF_ALL | {"c_dim": 0, "channel_base": 128, "num_layers": 5, "margin_size": 4}
"""Arguments of one without labels."""
_BUFFERS = ("w_avg", "noise_const", "resample_filter", "freqs", "phases", "transform", "_filter", "magnitude_ema")


def published_tensors(layout: Layout[Any, Any], arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """A fresh network under its published names, in which every number counts."""
    torch.manual_seed(0)
    network = layout.read_config(arguments).build()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("bias", "strength", "average")):
                tensor.normal_(0, 0.3)
    return layout.export_state(network.config, network.state_dict())


def pickled(path: Path, tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> Path:
    """A file that holds a generator and its average."""
    with research_modules():
        averaged = module_of("Generator", tensors, arguments, _BUFFERS)
        return write_pickle(path, {"G": averaged, "G_ema": averaged, "training_set_kwargs": None})
