"""Golden cases of BigGAN and BigGAN-deep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.interop import biggan as published
from diorama.interop.layout import Layout
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _generator(layout: Layout[Any, Any]) -> Compute:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``img`` of ``z`` and ``y``, and the embedding of ``y`` where there is one for all norms."""
        network, label = layout.load(case.config, case.weights), case.inputs["y"]
        drawn = {"img": network(case.inputs["z"], {"label": label})}
        return drawn | ({"shared": network.shared(label)} if case.config.get("G_shared", True) else {})  # type: ignore[operator]

    return compute


def _discriminator(layout: Layout[Any, Any]) -> Callable[[Case], Mapping[str, Tensor]]:
    @torch.no_grad()
    def compute(case: Case) -> Mapping[str, Tensor]:
        """``out`` (b, 1) of ``x`` and ``y``."""
        network = layout.load(case.config, case.weights)
        return {"out": network(case.inputs["x"], {"label": case.inputs["y"]}).reshape(len(case.inputs["y"]), -1)}

    return compute


ADAPTERS: dict[str, Compute] = {
    "BigGAN.Generator": _generator(published.GENERATOR),
    "BigGAN.Discriminator": _discriminator(published.DISCRIMINATOR),
    "BigGANdeep.Generator": _generator(published.DEEP_GENERATOR),
    "BigGANdeep.Discriminator": _discriminator(published.DEEP_DISCRIMINATOR),
}
