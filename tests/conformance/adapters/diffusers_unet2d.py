"""U-Nets of the diffusers library's ``UNet2DModel``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diorama.interop.diffusers_unet2d import import_config, import_state
from tests.conformance.case import Case


def unet2d(case: Case) -> dict[str, Tensor]:
    """The prediction for a noisy sample, its timestep and perhaps its label."""
    config = import_config(case.config)
    network = config.build().eval()
    network.load_state_dict(import_state(config, case.weights))
    inputs = case.inputs
    condition = {"label": inputs["class_labels"]} if "class_labels" in inputs else {}
    with torch.no_grad():
        return {"sample": network(inputs["sample"], inputs["timestep"], condition)}


ADAPTERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {"diffusers.UNet2DModel": unet2d}
