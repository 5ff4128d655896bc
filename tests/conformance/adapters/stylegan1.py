"""Golden cases of StyleGAN's PyTorch port: several calls of one network in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from diorama.interop import stylegan1 as published
from diorama.networks.adversarial.stylegan1 import StyleGAN1Discriminator, StyleGAN1Generator
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _arguments(case: Case) -> dict[str, Any]:
    """The class's arguments, without the calls that the case notes beside them."""
    return {key: value for key, value in case.config.items() if key != "calls"}


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """Styles of ``z0`` and the mean of those of ``z_mean``, and the picture of every call."""
    network = cast(StyleGAN1Generator, published.GENERATOR.load(_arguments(case), case.weights))
    given = case.inputs
    styles = tuple(network.style(given[name]) for name in ("z0", "z1") if name in given)
    noise = tuple(given[name] for name in sorted(given) if name.startswith("noise"))
    mean = network.mean_style(given["z_mean"])
    outputs = {"style0": styles[0], "mean_style": mean}
    for call in case.config["calls"]:
        used = styles if call.get("mix") else styles[:1]
        outputs[call["out"]] = published.published_picture(network, used, noise, call, mean)
    return outputs


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """The logits (b, 1) of every call."""
    network = cast(StyleGAN1Discriminator, published.DISCRIMINATOR.load(_arguments(case), case.weights))
    outputs = {}
    for call in case.config["calls"]:
        alpha = call["alpha"] if 0 <= call["alpha"] < 1 else 1.0
        outputs[call["out"]] = network(case.inputs[call["x"]], level=call["step"], alpha=alpha)[:, None]
    return outputs


ADAPTERS: dict[str, Compute] = {"model.StyledGenerator": generator, "model.Discriminator": discriminator}
