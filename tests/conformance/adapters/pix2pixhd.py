"""Golden cases of pix2pixHD's discriminators and losses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

import torch
from torch import Tensor

from diorama.interop import pix2pixhd as published
from diorama.interop.layout import shapes_of
from diorama.losses.adversarial import cross_entropy, squared_error
from diorama.losses.multi_scale import feature_distance, over_scales
from diorama.networks.adversarial.pix2pixhd import MultiScaleDiscriminator
from tests.conformance.adapters.published_part import PublishedPart, rounding, stored
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_GENERATORS = {layout.network: layout for layout in (published.GLOBAL, published.LOCAL)}


@torch.no_grad()
def discriminator(case: Case) -> Mapping[str, Tensor]:
    """``scaleI_featJ`` of ``x``, the finest scale first."""
    arguments = published.DISCRIMINATOR.read_arguments(case.config, shapes_of(case.weights))
    network = cast(MultiScaleDiscriminator, published.DISCRIMINATOR.load(case.config, case.weights))
    scales = published.published_outputs(network, case.inputs["x"], arguments)
    return {f"scale{i}_feat{j}": feature for i, scale in enumerate(scales) for j, feature in enumerate(scale)}


def losses(case: Case) -> Mapping[str, Tensor]:
    """Both sides' losses of a ``label`` map and its ``image``, and gradients by the weights of both networks."""
    generator = PublishedPart(_GENERATORS[case.config["G"].get("cls", "GlobalGenerator")], case, "G")
    judge = PublishedPart(published.DISCRIMINATOR, case, "D")
    network = cast(MultiScaleDiscriminator, judge.network)
    label, image = case.inputs["label"], case.inputs["image"]
    fake = generator.network(label)
    side = cross_entropy if case.config.get("no_lsgan", False) else squared_error
    towards_real, towards_fake = partial(side, target=1.0), partial(side, target=0.0)

    real_scales = network.judge_scales(torch.cat([label, image], dim=1))
    fake_scales = network.judge_scales(torch.cat([label, fake], dim=1))
    adversarial = over_scales(towards_real, [scale.logits for scale in fake_scales])
    features = case.config["lambda_feat"] * feature_distance(
        [scale.features for scale in real_scales] if judge.arguments.getIntermFeat else [],
        [scale.features for scale in fake_scales] if judge.arguments.getIntermFeat else [],
    )
    by_generator = generator.gradients(adversarial + features)

    detached = network.judge_scales(torch.cat([label, fake.detach()], dim=1))
    real = over_scales(towards_real, [scale.logits for scale in real_scales])
    drawn = over_scales(towards_fake, [scale.logits for scale in detached])
    by_judge = judge.gradients(0.5 * (real + drawn))

    found = {"fake": fake, "G_GAN": adversarial, "G_GAN_Feat": features, "D_real": real, "D_fake": drawn}
    found |= {f"grad_G/{name}": value for name, value in by_generator.items()}
    found |= {f"grad_D/{name}": value for name, value in by_judge.items()}
    cancelled = {f"grad_G/{name}" for name in rounding(by_generator)}
    cancelled |= {f"grad_D/{name}" for name in rounding(by_judge)}
    return stored(case, {name: value.detach() for name, value in found.items()}, cancelled)


ADAPTERS: dict[str, Compute] = {
    "models.networks.MultiscaleDiscriminator": discriminator,
    "models.pix2pixHD_model.Pix2PixHDModel.forward": losses,
}
