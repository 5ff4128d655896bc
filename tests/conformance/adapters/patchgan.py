"""Golden cases of PatchGAN and PixelGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.interop import cyclegan_discriminators as published
from diorama.interop.layout import Layout
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _logits(layout: Layout[Any, Any]) -> Compute:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``out`` of ``x``."""
        return {"out": layout.load(case.config, case.weights)(case.inputs["x"])}

    return compute


ADAPTERS: dict[str, Compute] = {
    "models.networks.NLayerDiscriminator": _logits(published.PATCH),
    "models.networks.PixelDiscriminator": _logits(published.PIXEL),
}
