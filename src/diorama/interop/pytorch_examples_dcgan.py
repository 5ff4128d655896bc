"""DCGAN checkpoints in the layout of the PyTorch examples: ``main.N.weight`` in one sequence of layers.

Both networks are of 64 x 64 pixels: their depth is written into the published classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Layout, Shapes, Table, refuse_below
from diorama.networks.adversarial.dcgan import (
    DCGANDiscriminator,
    DCGANDiscriminatorConfig,
    DCGANGeneratorConfig,
)
from diorama.nn.pyramid import pyramid

PUBLISHER = "dcgan-pytorch-examples"
_SIZE = (64, 64)


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """The example's options that its ``Generator`` reads.

    Args:
        nc: channels of the pictures.
        ngf: width of the last hidden map.
        nz: length of the latent vector.
        ndf: of the discriminator, not read.
        ngpu: changes no number.
    """

    nc: int
    ngf: int
    nz: int
    ndf: int | None = None
    ngpu: int = 1


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """The example's options that its ``Discriminator`` reads.

    Args:
        nc: channels of the pictures.
        ndf: width of the first hidden map.
        ngf: of the generator, not read.
        nz: of the generator, not read.
        ngpu: changes no number.
    """

    nc: int
    ndf: int
    ngf: int | None = None
    nz: int | None = None
    ngpu: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[GeneratorArguments, DCGANGeneratorConfig]):
    """``Generator``: convolution, norm and activation take three places a block; the last convolution follows."""

    arguments = GeneratorArguments
    config = DCGANGeneratorConfig
    unused = ("ngpu",)

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last = shapes.get("main.0.weight"), shapes.get("main.12.weight")
        # Transposed convolutions have their inputs first.
        return {"nz": first[0], "ngf": last[0], "nc": last[1]} if first and last else {}

    def to_ours(self, arguments: GeneratorArguments) -> DCGANGeneratorConfig:
        refuse_below(arguments, 1, "nc", "ngf", "nz")
        return DCGANGeneratorConfig(
            size=_SIZE, channels=arguments.nc, features=arguments.ngf, latent=arguments.nz
        )  # fmt: skip

    def to_published(self, config: DCGANGeneratorConfig) -> GeneratorArguments:
        only_64_pixels(config.size, self.network)
        return GeneratorArguments(nc=config.channels, ngf=config.features, nz=config.latent)

    def table(self, config: DCGANGeneratorConfig) -> Table:
        return generator_table(config)


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(Layout[DiscriminatorArguments, DCGANDiscriminatorConfig]):
    """``Discriminator``: the first block has no norm, and so takes two places."""

    arguments = DiscriminatorArguments
    config = DCGANDiscriminatorConfig
    unused = ("ngpu",)

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("main.0.weight")
        return {"ndf": first[0], "nc": first[1]} if first else {}

    def to_ours(self, arguments: DiscriminatorArguments) -> DCGANDiscriminatorConfig:
        refuse_below(arguments, 1, "nc", "ndf")
        return DCGANDiscriminatorConfig(size=_SIZE, channels=arguments.nc, features=arguments.ndf)

    def to_published(self, config: DCGANDiscriminatorConfig) -> DiscriminatorArguments:
        only_64_pixels(config.size, self.network)
        return DiscriminatorArguments(nc=config.channels, ndf=config.features)

    def table(self, config: DCGANDiscriminatorConfig) -> Table:
        blocks = pyramid(config.size)[0]
        rows = {"blocks.0.conv": "main.0", "head": f"main.{3 * blocks - 1}"}
        for i in range(1, blocks):
            rows |= {f"blocks.{i}.conv": f"main.{3 * i - 1}", f"blocks.{i}.norm": f"main.{3 * i}"}
        return rows


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="Generator",
    role="generator",
    telltale={"main.0.weight": 4, "main.1.weight": 1, "main.3.weight": 4},
    absent=("recurrent.",),
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="Discriminator",
    role="discriminator",
    telltale={"main.0.weight": 4, "main.2.weight": 4, "main.3.weight": 1},
)
LAYOUTS = (GENERATOR, DISCRIMINATOR)


def generator_table(config: DCGANGeneratorConfig) -> Table:
    """Names of a generator's modules, which MoCoGAN's frame generator shares."""
    blocks = pyramid(config.size)[0]
    rows = {"head": f"main.{3 * blocks}"}
    for i in range(blocks):
        rows |= {f"blocks.{i}.conv": f"main.{3 * i}", f"blocks.{i}.norm": f"main.{3 * i + 1}"}
    return rows


def only_64_pixels(size: tuple[int, int], network: str) -> None:
    """Refuse a size that a published class of fixed depth does not have.

    Raises:
        BadInput: another size.
    """
    if size != _SIZE:
        raise BadInput(f"size: the published {network} is of 64 x 64 pixels, this network of {size[0]} x {size[1]}")


def published_probability(network: DCGANDiscriminator, x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """What the published discriminator returns: the probability that each picture is real."""
    return network(x).sigmoid()
