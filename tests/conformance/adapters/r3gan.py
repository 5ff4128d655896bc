"""Golden cases of R3GAN: both networks, and the gradients of every turn."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.interop import r3gan as published
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _condition(case: Case, name: str) -> Condition:
    """The labels, as rows of shares, where there are any."""
    return {"label": case.inputs[name]} if name in case.inputs else {}


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``img`` of ``z`` and ``c``."""
    return {"img": published.GENERATOR.load(case.config, case.weights)(case.inputs["z"], _condition(case, "c"))}


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``logits`` of ``img`` and ``c``."""
    network = published.DISCRIMINATOR.load(case.config, case.weights)
    return {"logits": network(case.inputs["img"], _condition(case, "c"))}


ADAPTERS: dict[str, Compute] = {
    "training.networks.Generator (R3GAN)": generator,
    "training.networks.Discriminator (R3GAN)": discriminator,
}
