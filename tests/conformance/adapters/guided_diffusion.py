"""Golden cases of ADM's U-Nets and classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from diorama.interop.guided_diffusion import CLASSIFIER, SUPERRES, UNET
from diorama.interop.layout import Layout
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_CONDITIONS = {"y": "label", "low_res": "image"}


@torch.no_grad()
def unet(case: Case, layout: Layout[Any, Any]) -> Mapping[str, Tensor]:
    """The prediction for a noisy picture, its timestep and perhaps its label and a small picture."""
    network, given = layout.load(case.config, case.weights), case.inputs
    condition = {ours: given[theirs] for theirs, ours in _CONDITIONS.items() if theirs in given}
    return {"out": network(given["x"], given["timesteps"], condition)}


@torch.no_grad()
def classifier(case: Case) -> Mapping[str, Tensor]:
    """Logits of a noisy picture and its timestep."""
    network, given = CLASSIFIER.load(case.config, case.weights), case.inputs
    return {"out": network(given["x"], given["timesteps"])}


ADAPTERS: dict[str, Compute] = {
    "guided_diffusion.unet.UNetModel": partial(unet, layout=UNET),
    "guided_diffusion.unet.SuperResModel": partial(unet, layout=SUPERRES),
    "guided_diffusion.unet.EncoderUNetModel": classifier,
}
