"""Golden cases of MoCoGAN."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from diorama.interop import mocogan as published
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """``z_motion``, ``z`` and ``video`` of injected draws: ``e`` (t, b, m), ``h0``, ``z_content``, ``category``."""
    network = published.import_generator(case.weights, published.generator_config(case.config))
    given = case.inputs
    category = network.one_hot(given["category"]) if "category" in given else None
    motion = network.motion(given["h0"], given["e"].transpose(0, 1))
    codes = network.codes(given["z_content"], motion, category)
    return {"z_motion": motion.flatten(0, 1), "z": codes.flatten(0, 1), "video": network.draw(codes)}


@torch.no_grad()
def _discriminator(case: Case, config: published.DiscriminatorConfig) -> Mapping[str, Tensor]:
    network = published.import_discriminator(case.weights, config)
    logits, categories = published.published_outputs(network, case.inputs["x"])
    return {"h": logits} if categories is None else {"h": logits, "categ": categories}


def image_discriminator(case: Case, *, patch: bool) -> Mapping[str, Tensor]:
    """``h`` of frames ``x``."""
    return _discriminator(case, published.image_discriminator_config(case.config, patch=patch))


def categorical_discriminator(case: Case) -> Mapping[str, Tensor]:
    """``h`` and ``categ`` of clips ``x``; the case lowers the class's fixed width."""
    config = {**case.config, "ndf": case.config["ndf_default_patched"]}
    return _discriminator(case, published.video_discriminator_config(config, patch=False))


def video_discriminator(case: Case, *, patch: bool) -> Mapping[str, Tensor]:
    """``h`` of clips ``x``."""
    return _discriminator(case, published.video_discriminator_config(case.config, patch=patch))


ADAPTERS: dict[str, Compute] = {
    "src/models.py::VideoGenerator": generator,
    "src/models.py::ImageDiscriminator": partial(image_discriminator, patch=False),
    "src/models.py::PatchImageDiscriminator": partial(image_discriminator, patch=True),
    "src/models.py::VideoDiscriminator": partial(video_discriminator, patch=False),
    "src/models.py::CategoricalVideoDiscriminator": categorical_discriminator,
    "src/models.py::PatchVideoDiscriminator": partial(video_discriminator, patch=True),
}
