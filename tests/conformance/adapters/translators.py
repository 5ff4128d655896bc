"""Golden cases of CycleGAN's, pix2pix's and pix2pixHD's generators."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from diorama.interop import cyclegan_generators, pix2pixhd
from diorama.interop.layout import Layout
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def translated(case: Case, layout: Layout[Any, Any]) -> Mapping[str, Tensor]:
    """``out`` of ``x``."""
    return {"out": layout.load(case.config, case.weights)(case.inputs["x"])}


ADAPTERS: dict[str, Compute] = {
    f"models.networks.{layout.network}": partial(translated, layout=layout)
    for layout in (*cyclegan_generators.LAYOUTS, pix2pixhd.GLOBAL, pix2pixhd.LOCAL)
}
