"""Golden cases of DCGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from diorama.interop import pytorch_examples_dcgan as published
from diorama.networks.adversarial.dcgan import DCGANDiscriminator
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``img`` of ``z`` (b, nz, 1, 1)."""
    network = published.GENERATOR.load(case.config, case.weights)
    return {"img": network(case.inputs["z"].flatten(1))}


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``prob`` and ``logit`` of ``x``."""
    network = cast(DCGANDiscriminator, published.DISCRIMINATOR.load(case.config, case.weights))
    x = case.inputs["x"]
    return {"prob": published.published_probability(network, x), "logit": network(x)}


ADAPTERS: dict[str, Compute] = {"dcgan/main.py::Generator": generator, "dcgan/main.py::Discriminator": discriminator}
