"""MoCoGAN checkpoints in the authors' layout: ``main.N`` in one sequence, in which noise layers take a place each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from diorama.interop.pytorch_examples_dcgan import generator_table as image_table
from diorama.interop.rename import Table, to_ours, to_published
from diorama.networks.motion.mocogan import (
    MoCoGANGenerator,
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminator,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminator,
    MoCoGANVideoDiscriminatorConfig,
)

Discriminator = MoCoGANImageDiscriminator | MoCoGANVideoDiscriminator
DiscriminatorConfig = MoCoGANImageDiscriminatorConfig | MoCoGANVideoDiscriminatorConfig


def generator_config(published: Mapping[str, Any]) -> MoCoGANGeneratorConfig:
    """Our config for the arguments of the published ``VideoGenerator``; its clip length is no part of the network."""
    return MoCoGANGeneratorConfig(
        channels=published["n_channels"],
        features=published.get("ngf", 64),
        content=published["dim_z_content"],
        motion=published["dim_z_motion"],
        categories=published["dim_z_category"],
    )


def image_discriminator_config(published: Mapping[str, Any], *, patch: bool) -> MoCoGANImageDiscriminatorConfig:
    """Our config for the arguments of ``ImageDiscriminator``, or of ``PatchImageDiscriminator``."""
    return MoCoGANImageDiscriminatorConfig(
        channels=published["n_channels"], features=published.get("ndf", 64), noise=_noise(published), patch=patch
    )


def video_discriminator_config(published: Mapping[str, Any], *, patch: bool) -> MoCoGANVideoDiscriminatorConfig:
    """Our config for the arguments of ``VideoDiscriminator``, of its patch form, or of its categorical form."""
    return MoCoGANVideoDiscriminatorConfig(
        channels=published["n_channels"],
        features=published.get("ndf", 64),
        categories=published.get("dim_categorical", 0),
        noise=_noise(published),
        patch=patch,
    )


def import_generator(published: Mapping[str, Tensor], config: MoCoGANGeneratorConfig) -> MoCoGANGenerator:
    """The generator with published weights, in evaluation mode.

    Raises:
        BadInput: the weights do not fit the config.
    """
    network = config.build()
    network.load_state_dict(to_ours(published, generator_table(network), network))
    return network.eval()


def import_discriminator(published: Mapping[str, Tensor], config: DiscriminatorConfig) -> Discriminator:
    """A discriminator with published weights, in evaluation mode.

    Raises:
        BadInput: the weights do not fit the config.
    """
    network = config.build()
    network.load_state_dict(to_ours(published, discriminator_table(network), network))
    return network.eval()


def export_generator(network: MoCoGANGenerator) -> dict[str, Tensor]:
    """The generator's state dict under the published names."""
    return to_published(network.state_dict(), generator_table(network))


def export_discriminator(network: Discriminator) -> dict[str, Tensor]:
    """A discriminator's state dict under the published names."""
    return to_published(network.state_dict(), discriminator_table(network))


def published_outputs(network: Discriminator, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the published discriminator returns: logits, and category logits or ``None``.

    All axes of length one are dropped, the batch's too; the categorical discriminator drops them before it parts logits
    from categories, so that both keep their columns.
    """
    answer = network(x)
    if isinstance(answer, Tensor):
        return answer.squeeze(), None
    logits, categories = answer
    if categories is None:
        return logits.squeeze(), None
    places = tuple(range(2, logits.dim()))
    return logits.squeeze(places), categories.squeeze(places)


def generator_table(network: MoCoGANGenerator) -> Table:
    """The frame generator is a DCGAN generator; the recurrence keeps its name."""
    inner = image_table(network.image.config)
    return [("recurrent", "recurrent"), *((theirs, f"image.{ours}") for theirs, ours in inner)]


def discriminator_table(network: Discriminator) -> Table:
    """Noise, convolution, norm and activation take four places; the first stage has no norm.

    Before the head only the patch discriminator of frames has a noise layer.
    """
    stages = len(network.stages)
    rows = [("main.1", "stages.0.conv")]
    for i in range(1, stages):
        rows += [(f"main.{4 * i}", f"stages.{i}.conv"), (f"main.{4 * i + 1}", f"stages.{i}.norm")]
    noisy_head = isinstance(network, MoCoGANImageDiscriminator) and network.config.patch
    return [*rows, (f"main.{4 * stages - 1 + noisy_head}", "head")]


def _noise(published: Mapping[str, Any]) -> float:
    return float(published.get("noise_sigma") or 0.0) if published.get("use_noise") else 0.0
