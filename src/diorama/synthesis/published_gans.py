"""Published generators of pictures as models: how large they draw, their labels, and the noise of their layers."""

from __future__ import annotations

from collections.abc import Iterator

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.networks.adversarial.gan2014 import GAN2014GeneratorConfig
from diorama.networks.adversarial.stylegan1 import StyleGAN1GeneratorConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.catalog import Generator
from diorama.synthesis.base import SynthesizerConfig
from diorama.synthesis.gan import GANSynthesizerConfig

LARGEST_SIDE = 16_384
"""Of what is drawn; a config from anybody may ask for any number."""


def gan_config(network: Generator, *, stored_noise: bool) -> GANSynthesizerConfig:
    """A generator that draws one size, with the labels that it reads.

    Args:
        network: of which nothing is said beside its own config.
        stored_noise: layers add the noise that the network stores, in place of each sample's own.

    Raises:
        BadInput: its pictures are too large.
    """
    height, width = _size(network)
    if max(height, width) > LARGEST_SIDE:
        raise BadInput(f"{height} x {width} pixels are more than {LARGEST_SIDE} a side")
    media = MediaSpec(kind="image", channels=network.channels, height=height, width=width)
    names = tuple(str(i) for i in range(network.classes)) if "label" in network.reads else ()
    label = (ConditionSpec(key="label", names=names),) if names else ()
    return GANSynthesizerConfig(media=media, conditions=label, generator=network, stored_noise=stored_noise)


def _size(network: Generator) -> tuple[int, int]:
    """Height and width."""
    match network:
        case DCGANGeneratorConfig() | GAN2014GeneratorConfig():
            return network.size
        case StyleGAN1GeneratorConfig() | StyleGAN2GeneratorConfig() | StyleGAN3GeneratorConfig():
            return network.size, network.size
        case _:
            return network.side, network.side


def noise_notes(config: SynthesizerConfig) -> Iterator[str]:
    """What was chosen of the noise of layers, where there is a choice, for people."""
    if isinstance(config, GANSynthesizerConfig) and config.generator.stores_noise and not config.stored_noise:
        yield (
            "each sample has its own noise of layers, as in training; --stored-noise takes what the file holds, the "
            "same for all samples"
        )
