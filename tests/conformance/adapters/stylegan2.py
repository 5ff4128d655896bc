"""Golden cases of StyleGAN2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.interop import stylegan2 as published
from diorama.networks.adversarial.stylegan2 import StyleGAN2Generator
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2Discriminator
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def truncation_of(case: Case) -> tuple[float, int]:
    """The numbers that the case's call names."""
    psi = re.search(r"truncation_psi=([0-9.]+)", case.call)
    cutoff = re.search(r"truncation_cutoff=([0-9]+)", case.call)
    assert psi is not None
    assert cutoff is not None
    return float(psi[1]), int(cutoff[1])


def condition_of(case: Case) -> Condition:
    """The label, where there are classes."""
    return {"label": case.inputs["c"]} if case.inputs.get("c", torch.empty(0)).numel() else {}


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """Styles and pictures of ``z`` and ``c``, plain and truncated."""
    network = cast(StyleGAN2Generator, published.GENERATOR.load(case.config, case.weights))
    z, condition, (psi, cutoff) = case.inputs["z"], condition_of(case), truncation_of(case)
    plain = network.styles(z, condition)
    some = network.styles(z, condition, psi=psi)
    few = network.styles(z, condition, psi=psi, cutoff=cutoff)
    return {
        "ws": plain,
        "ws_psi": some,
        "ws_psi_cutoff": few,
        "img": network.draw(plain, "const"),
        "img_psi": network.draw(some, "const"),
        "img_psi_cutoff_nonoise": network.draw(few, "none"),
    }


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``logits`` (b, 1) of ``img`` and ``c``, and the features at 4 x 4."""
    network = cast(StyleGAN2Discriminator, published.DISCRIMINATOR.load(case.config, case.weights))
    features = network.features(case.inputs["img"])
    return {"feat4": features[0], "logits": network.judged(features, condition_of(case))[:, None]}


ADAPTERS: dict[str, Compute] = {
    "training.networks_stylegan2.Generator": generator,
    "training.networks_stylegan2.Discriminator": discriminator,
}
