"""U-Nets of the diffusers library's ``UNet2DModel``."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.interop.diffusers_unet2d import UNET2D
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def unet2d(case: Case) -> Mapping[str, Tensor]:
    """The prediction for a noisy sample, its timestep and perhaps its label."""
    network, given = UNET2D.load(case.config, case.weights), case.inputs
    condition = {"label": given["class_labels"]} if "class_labels" in given else {}
    return {"sample": network(given["sample"], given["timestep"], condition)}


ADAPTERS: dict[str, Compute] = {"diffusers.UNet2DModel": unet2d}
