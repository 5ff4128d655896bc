"""Golden cases of Progressive GAN."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.interop import gan_zoo as published
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``img_alpha`` and ``img_alpha0`` of ``z``, while the last scale fades in and when it has."""
    network, z = published.GENERATOR.load(case.config, case.weights), case.inputs["z"]
    return {"img_alpha": network(z, fade=case.config["alpha"]), "img_alpha0": network(z)}


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``out_alpha`` with its features, and ``out_alpha0``, of ``x``."""
    network, x = published.DISCRIMINATOR.load(case.config, case.weights), case.inputs["x"]
    fading = network.judge(x, fade=case.config["alpha"])  # type: ignore[operator]
    whole = network(x)
    return {
        "out_alpha": fading.logits.reshape(len(x), -1),
        "feat_alpha": fading.features[0],
        "out_alpha0": whole.reshape(len(x), -1),
    }


ADAPTERS: dict[str, Compute] = {
    "models.networks.progressive_conv_net.GNet": generator,
    "models.networks.progressive_conv_net.DNet": discriminator,
}
