"""Golden cases of MoCoGAN."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from diorama.interop import mocogan as published
from diorama.interop.layout import Layout
from diorama.networks.motion.mocogan import MoCoGANGenerator
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``z_motion``, ``z`` and ``video`` of injected draws: ``e`` (t, b, m), ``h0``, ``z_content``, ``category``."""
    # The case notes how many frames it draws beside the class's arguments.
    config = {key: value for key, value in case.config.items() if key != "T"}
    network = cast(MoCoGANGenerator, published.GENERATOR.load(config, case.weights))
    given = case.inputs
    category = network.one_hot(given["category"]) if "category" in given else None
    motion = network.motion(given["h0"], given["e"].transpose(0, 1))  # (b, t, m)
    codes = network.codes(given["z_content"], motion, category)  # (b, t, d)
    return {"z_motion": motion.flatten(0, 1), "z": codes.flatten(0, 1), "video": network.draw(codes)}


@torch.no_grad()
def discriminator(case: Case, layout: Layout[Any, Any]) -> Mapping[str, Tensor]:
    """``h``, and ``categ`` where categories are told apart, of frames or clips ``x``."""
    # The case lowers the width of the one class that fixes it.
    config = {"ndf" if key == "ndf_default_patched" else key: value for key, value in case.config.items()}
    network = cast(published.Discriminator, layout.load(config, case.weights))
    logits, categories = published.published_outputs(network, case.inputs["x"])
    return {"h": logits} if categories is None else {"h": logits, "categ": categories}


ADAPTERS: dict[str, Compute] = {"src/models.py::VideoGenerator": generator} | {
    f"src/models.py::{layout.network}": partial(discriminator, layout=layout)
    for layout in published.LAYOUTS
    if layout.role == "discriminator"
}
