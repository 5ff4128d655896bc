"""DCGAN checkpoints in the layout of the PyTorch examples: ``main.N.weight`` in one sequence of layers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diorama.interop.rename import Table, to_ours, to_published
from diorama.networks.adversarial.dcgan import (
    DCGANDiscriminator,
    DCGANDiscriminatorConfig,
    DCGANGenerator,
    DCGANGeneratorConfig,
)
from diorama.nn.pyramid import pyramid


def generator_config(published: Mapping[str, int], size: tuple[int, int] = (64, 64)) -> DCGANGeneratorConfig:
    """Our config for published arguments.

    Args:
        published: ``nc`` channels, ``ngf`` features, ``nz`` latent length.
        size: the published networks draw 64 x 64.
    """
    return DCGANGeneratorConfig(size=size, channels=published["nc"], features=published["ngf"], latent=published["nz"])


def discriminator_config(published: Mapping[str, int], size: tuple[int, int] = (64, 64)) -> DCGANDiscriminatorConfig:
    """Our config for published arguments: ``nc`` channels, ``ndf`` features."""
    return DCGANDiscriminatorConfig(size=size, channels=published["nc"], features=published["ndf"])


def import_generator(published: Mapping[str, Tensor], config: DCGANGeneratorConfig) -> DCGANGenerator:
    """The generator with published weights, in evaluation mode.

    Raises:
        BadInput: the weights do not fit the config.
    """
    network = config.build()
    network.load_state_dict(to_ours(published, generator_table(config), network))
    return network.eval()


def import_discriminator(published: Mapping[str, Tensor], config: DCGANDiscriminatorConfig) -> DCGANDiscriminator:
    """The discriminator with published weights, in evaluation mode.

    Raises:
        BadInput: the weights do not fit the config.
    """
    network = config.build()
    network.load_state_dict(to_ours(published, discriminator_table(config), network))
    return network.eval()


def export_generator(network: DCGANGenerator) -> dict[str, Tensor]:
    """The generator's state dict under the published names."""
    return to_published(network.state_dict(), generator_table(network.config))


def export_discriminator(network: DCGANDiscriminator) -> dict[str, Tensor]:
    """The discriminator's state dict under the published names."""
    return to_published(network.state_dict(), discriminator_table(network.config))


def published_probability(network: DCGANDiscriminator, x: Tensor) -> Tensor:
    """What the published discriminator returns: the probability (b,) that each picture (b, c, h, w) is real."""
    return network(x).sigmoid()


def generator_table(config: DCGANGeneratorConfig) -> Table:
    """Convolution, norm and activation take three places a block; the last convolution follows."""
    blocks = pyramid(config.size)[0]
    rows = [row for i in range(blocks) for row in _rows(i, 3 * i, 3 * i + 1)]
    return [*rows, (f"main.{3 * blocks}", "head")]


def discriminator_table(config: DCGANDiscriminatorConfig) -> Table:
    """The first block has no norm, and so takes two places."""
    blocks = pyramid(config.size)[0]
    rows = [("main.0", "blocks.0.conv")]
    rows += [row for i in range(1, blocks) for row in _rows(i, 3 * i - 1, 3 * i)]
    return [*rows, (f"main.{3 * blocks - 1}", "head")]


def _rows(block: int, conv: int, norm: int) -> Table:
    return [(f"main.{conv}", f"blocks.{block}.conv"), (f"main.{norm}", f"blocks.{block}.norm")]
