"""PatchGAN and PixelGAN in the layout of the CycleGAN authors' PyTorch code: ``model.N`` and ``net.N``.

The tensors tell all. A network without tensors of a norm has instance norm where its convolutions have biases, and none
where they have not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diorama.interop.layout import Shapes, Table, refuse_below
from diorama.interop.plain_norms import NormName, WithPlainNorms, published_norm, told_norm
from diorama.interop.resnet_layers import convolutions, refuse_many
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig

PUBLISHER = "cyclegan"
_MOST_LAYERS = 1000


@dataclass(frozen=True, kw_only=True)
class PatchArguments:
    """Arguments of ``NLayerDiscriminator``.

    Args:
        input_nc: channels of what is judged.
        ndf: width of the first map.
        n_layers: strided convolutions.
        norm: as the published commands name it.
    """

    input_nc: int
    ndf: int = 64
    n_layers: int = 3
    norm: NormName = "batch"


@dataclass(frozen=True, kw_only=True)
class PixelArguments:
    """Arguments of ``PixelDiscriminator``; see :class:`PatchArguments`.

    Args:
        input_nc: channels of what is judged.
        ndf: width of the first map.
        norm: as the published commands name it.
    """

    input_nc: int
    ndf: int = 64
    norm: NormName = "batch"


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchLayout(WithPlainNorms[PatchArguments, PatchDiscriminatorConfig]):
    """``NLayerDiscriminator``: of each block convolution, norm and activation take three places."""

    arguments = PatchArguments
    config = PatchDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("model.0.weight")
        if first is None:
            return {}
        norm = told_norm(shapes, "model.2.bias", "model.3.weight")
        return {
            "input_nc": first[1],
            "ndf": first[0],
            "n_layers": (convolutions(shapes, "model")[-1] - 2) // 3,
            "norm": norm,
        }

    def to_ours(self, arguments: PatchArguments) -> PatchDiscriminatorConfig:
        refuse_below(arguments, 1, "input_nc", "ndf", "n_layers")
        refuse_many([("n_layers", arguments.n_layers)], _MOST_LAYERS)
        return PatchDiscriminatorConfig(
            channels=arguments.input_nc, width=arguments.ndf, layers=arguments.n_layers, norm=arguments.norm
        )

    def to_published(self, config: PatchDiscriminatorConfig) -> PatchArguments:
        return PatchArguments(
            input_nc=config.channels, ndf=config.width, n_layers=config.layers, norm=published_norm(config.norm)
        )

    def table(self, config: PatchDiscriminatorConfig) -> Table:
        rows = {"first": "model.0", "head": f"model.{3 * config.layers + 2}"}
        for block in range(config.layers):
            place = 3 * block + 2
            rows |= {f"blocks.{block}.conv": f"model.{place}", f"blocks.{block}.norm": f"model.{place + 1}"}
        return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelLayout(WithPlainNorms[PixelArguments, PixelDiscriminatorConfig]):
    """``PixelDiscriminator``."""

    arguments = PixelArguments
    config = PixelDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("net.0.weight")
        norm = told_norm(shapes, "net.2.bias", "net.3.weight")
        return {"input_nc": first[1], "ndf": first[0], "norm": norm} if first else {}

    def to_ours(self, arguments: PixelArguments) -> PixelDiscriminatorConfig:
        refuse_below(arguments, 1, "input_nc", "ndf")
        return PixelDiscriminatorConfig(channels=arguments.input_nc, width=arguments.ndf, norm=arguments.norm)

    def to_published(self, config: PixelDiscriminatorConfig) -> PixelArguments:
        return PixelArguments(input_nc=config.channels, ndf=config.width, norm=published_norm(config.norm))

    def table(self, config: PixelDiscriminatorConfig) -> Table:
        return {"first": "net.0", "second": "net.2", "norm": "net.3", "head": "net.5"}


PATCH = PatchLayout(
    publisher=PUBLISHER,
    network="NLayerDiscriminator",
    role="discriminator",
    telltale={"model.0.weight": 4, "model.0.bias": 1, "model.2.weight": 4},
    absent=("conv_block", "scale", "RRDB", "model.1."),
)
PIXEL = PixelLayout(
    publisher=PUBLISHER,
    network="PixelDiscriminator",
    role="discriminator",
    telltale={"net.0.weight": 4, "net.2.weight": 4, "net.5.weight": 4},
)
LAYOUTS = (PATCH, PIXEL)
