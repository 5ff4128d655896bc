"""pix2pixHD in its authors' layout: ``GlobalGenerator``, ``LocalEnhancer`` and ``MultiscaleDiscriminator``.

The tensors tell all but whether residual blocks reflect or replicate at the border; the published programs reflect.
Numbers of the discriminators run from the coarsest to the finest. They have two forms of names, by whether the class
returns intermediate features: ``layerI.N``, or ``scaleI_layerJ.N``, in which they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Shapes, Table, refuse_below
from diorama.interop.plain_norms import WithPlainNorms, published_norm, told_norm
from diorama.interop.resnet_layers import (
    PaddingName,
    block_rows,
    body_rows,
    layer_rows,
    padding_taken,
    places_of_blocks,
    refuse_many,
    resnet_facts,
    told_of_whole,
    whole_table,
)
from diorama.networks.adversarial.patchgan import Norm
from diorama.networks.adversarial.pix2pixhd import (
    GlobalGeneratorConfig,
    LocalEnhancerConfig,
    MultiScaleDiscriminator,
    MultiScaleDiscriminatorConfig,
)

PUBLISHER = "pix2pixhd"
NormName = Literal["batch", "instance"]
_MOST, _MOST_BLOCKS = 24, 1000
_PLAIN = re.compile(r"layer(\d{1,4})\.(\d{1,4})\.(.*)")


@dataclass(frozen=True, kw_only=True)
class GlobalArguments:
    """Arguments of ``GlobalGenerator``.

    Args:
        input_nc: channels of the pictures that are given.
        output_nc: channels of the pictures that are drawn.
        ngf: width of the first map.
        n_downsampling: halvings.
        n_blocks: residual blocks.
        norm: as the published commands name it.
        padding_type: of the residual blocks.
    """

    input_nc: int
    output_nc: int
    ngf: int = 64
    n_downsampling: int = 3
    n_blocks: int = 9
    norm: NormName = "batch"
    padding_type: PaddingName = "reflect"


@dataclass(frozen=True, kw_only=True)
class LocalArguments:
    """Arguments of ``LocalEnhancer``.

    Args:
        input_nc: channels of the pictures that are given.
        output_nc: channels of the pictures that are drawn.
        ngf: width of the last enhancer's first map.
        n_downsample_global: halvings of the global generator.
        n_blocks_global: its residual blocks.
        n_local_enhancers: how many there are.
        n_blocks_local: residual blocks of each.
        norm: as the published commands name it.
        padding_type: of the enhancers' residual blocks; the global generator's reflect.
    """

    input_nc: int
    output_nc: int
    ngf: int = 32
    n_downsample_global: int = 3
    n_blocks_global: int = 9
    n_local_enhancers: int = 1
    n_blocks_local: int = 3
    norm: NormName = "batch"
    padding_type: PaddingName = "reflect"


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``MultiscaleDiscriminator``.

    Args:
        input_nc: channels of what is judged.
        ndf: width of the first maps.
        n_layers: strided convolutions of each scale.
        norm: as the published commands name it.
        use_sigmoid: the class returns probabilities; with intermediate features it does not, whatever is said here.
        num_D: scales.
        getIntermFeat: the class returns the maps behind all convolutions. Ours does in any case.
    """

    input_nc: int
    ndf: int = 64
    n_layers: int = 3
    norm: NormName = "batch"
    use_sigmoid: bool = False
    num_D: int = 3  # noqa: N815
    getIntermFeat: bool = False  # noqa: N815


@dataclass(frozen=True, kw_only=True, eq=False)
class GlobalLayout(WithPlainNorms[GlobalArguments, GlobalGeneratorConfig]):
    """``GlobalGenerator``: layers as CycleGAN's, with biases everywhere and any number of halvings."""

    arguments = GlobalArguments
    config = GlobalGeneratorConfig

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        return super().recognises(shapes, published) and resnet_facts(shapes, "model") is not None

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        facts = resnet_facts(shapes, "model")
        if facts is None:
            return {}
        return {**told_of_whole(shapes, facts), "n_downsampling": facts.halvings}

    def taken(self, arguments: GlobalArguments, given: Mapping[str, Any]) -> tuple[str, ...]:
        return padding_taken(arguments.padding_type, arguments.n_blocks, given)

    def to_ours(self, arguments: GlobalArguments) -> GlobalGeneratorConfig:
        refuse_below(arguments, 1, "input_nc", "output_nc", "ngf")
        refuse_below(arguments, 0, "n_downsampling", "n_blocks")
        refuse_many([("n_downsampling", arguments.n_downsampling)], _MOST)
        refuse_many([("n_blocks", arguments.n_blocks)], _MOST_BLOCKS)
        return GlobalGeneratorConfig(
            inputs=arguments.input_nc,
            outputs=arguments.output_nc,
            width=arguments.ngf,
            halvings=arguments.n_downsampling,
            blocks=arguments.n_blocks,
            norm=arguments.norm,
            padding=arguments.padding_type,
        )

    def to_published(self, config: GlobalGeneratorConfig) -> GlobalArguments:
        return GlobalArguments(
            input_nc=config.inputs,
            output_nc=config.outputs,
            ngf=config.width,
            n_downsampling=config.halvings,
            n_blocks=config.blocks,
            norm=_published_norm(config.norm),
            padding_type=config.padding,
        )

    def table(self, config: GlobalGeneratorConfig) -> Table:
        return whole_table(config.halvings, config.blocks, config.layers)


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalLayout(WithPlainNorms[LocalArguments, LocalEnhancerConfig]):
    """``LocalEnhancer``: the global generator in ``model``, what halves and enlarges in ``modelN_1`` and ``modelN_2``,
    the coarsest being number 1."""

    arguments = LocalArguments
    config = LocalEnhancerConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        facts = resnet_facts(shapes, "model", whole=False)
        enhancers = 0
        while f"model{enhancers + 1}_1.1.weight" in shapes:
            enhancers += 1
        if facts is None or not enhancers:
            return {}
        local = places_of_blocks(shapes, f"model{enhancers}_2")
        last = shapes.get(f"model{enhancers}_2.{len(local) + 4}.weight", (0,))
        zero = f"model{enhancers}_2.0.conv_block.0.weight" in shapes
        told = {"input_nc": facts.channels, "output_nc": last[0], "ngf": facts.width >> enhancers}
        told |= {"n_downsample_global": facts.halvings, "n_blocks_global": facts.blocks}
        told |= {"n_local_enhancers": enhancers, "n_blocks_local": len(local)}
        norm = told_norm(shapes, "model.1.bias", "model.2.weight")
        return {**told, "norm": norm} | ({"padding_type": "zero" if zero else "reflect"} if local else {})

    def taken(self, arguments: LocalArguments, given: Mapping[str, Any]) -> tuple[str, ...]:
        return padding_taken(arguments.padding_type, arguments.n_blocks_local, given)

    def to_ours(self, arguments: LocalArguments) -> LocalEnhancerConfig:
        refuse_below(arguments, 1, "input_nc", "output_nc", "ngf", "n_local_enhancers")
        refuse_below(arguments, 0, "n_downsample_global", "n_blocks_global", "n_blocks_local")
        for name in ("n_downsample_global", "n_local_enhancers"):
            refuse_many([(name, getattr(arguments, name))], _MOST)
        for name in ("n_blocks_global", "n_blocks_local"):
            refuse_many([(name, getattr(arguments, name))], _MOST_BLOCKS)
        return LocalEnhancerConfig(
            inputs=arguments.input_nc,
            outputs=arguments.output_nc,
            width=arguments.ngf,
            enhancers=arguments.n_local_enhancers,
            local_blocks=arguments.n_blocks_local,
            halvings=arguments.n_downsample_global,
            blocks=arguments.n_blocks_global,
            norm=arguments.norm,
            padding=arguments.padding_type,
        )

    def to_published(self, config: LocalEnhancerConfig) -> LocalArguments:
        return LocalArguments(
            input_nc=config.inputs,
            output_nc=config.outputs,
            ngf=config.width,
            n_downsample_global=config.halvings,
            n_blocks_global=config.blocks,
            n_local_enhancers=config.enhancers,
            n_blocks_local=config.local_blocks,
            norm=_published_norm(config.norm),
            padding_type=config.padding,
        )

    def table(self, config: LocalEnhancerConfig) -> Table:
        rows, _ = body_rows("model", config.halvings, config.blocks, config.layers("reflect"))
        for number in range(config.enhancers):
            ours, theirs = f"enhancers.{number}", f"model{number + 1}"
            rows |= layer_rows(f"{ours}.first", f"{theirs}_1", 1) | layer_rows(f"{ours}.down", f"{theirs}_1", 4)
            for block in range(config.local_blocks):
                rows |= block_rows(f"{ours}.blocks.{block}", f"{theirs}_2.{block}", config.layers(config.padding))
            rows |= layer_rows(f"{ours}.up", f"{theirs}_2", config.local_blocks)
        return rows | {"head": f"model{config.enhancers}_2.{config.local_blocks + 4}"}


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(WithPlainNorms[DiscriminatorArguments, MultiScaleDiscriminatorConfig]):
    """``MultiscaleDiscriminator``."""

    arguments = DiscriminatorArguments
    config = MultiScaleDiscriminatorConfig

    def current_name(self, name: str) -> str:
        """The name with intermediate features of one without: places of a sequence, by threes behind the first."""
        plain = _PLAIN.fullmatch(name)
        if plain is None:
            return name
        scale, place, rest = int(plain[1]), int(plain[2]), plain[3]
        layer, within = (0, place) if place < 2 else ((place + 1) // 3, (place + 1) % 3)
        return f"scale{scale}_layer{layer}.{within}.{rest}"

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        return super().recognises(self._current(shapes), published)

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        current = self._current(shapes)
        first = current.get("scale0_layer0.0.weight")
        if first is None:
            return {}
        scales, layers = 1, 0
        while f"scale{scales}_layer0.0.weight" in current:
            scales += 1
        while f"scale0_layer{layers + 2}.0.weight" in current:
            layers += 1
        told = {"input_nc": first[1], "ndf": first[0], "n_layers": layers, "num_D": scales}
        norm = told_norm(current, "scale0_layer1.0.bias", "scale0_layer1.1.weight")
        return {**told, "norm": norm, "getIntermFeat": "scale0_layer0.0.weight" in shapes}

    def to_ours(self, arguments: DiscriminatorArguments) -> MultiScaleDiscriminatorConfig:
        refuse_below(arguments, 1, "input_nc", "ndf", "n_layers", "num_D")
        refuse_many([("n_layers", arguments.n_layers), ("num_D", arguments.num_D)], _MOST_BLOCKS)
        return MultiScaleDiscriminatorConfig(
            channels=arguments.input_nc,
            width=arguments.ndf,
            layers=arguments.n_layers,
            scales=arguments.num_D,
            norm=arguments.norm,
        )

    def to_published(self, config: MultiScaleDiscriminatorConfig) -> DiscriminatorArguments:
        return DiscriminatorArguments(
            input_nc=config.channels,
            ndf=config.width,
            n_layers=config.layers,
            norm=_published_norm(config.norm),
            num_D=config.scales,
            getIntermFeat=True,
        )

    def table(self, config: MultiScaleDiscriminatorConfig) -> Table:
        rows: dict[str, str] = {}
        for scale in range(config.scales):
            ours, theirs = f"scales.{scale}", f"scale{config.scales - 1 - scale}_layer"
            rows |= {f"{ours}.first": f"{theirs}0.0", f"{ours}.head": f"{theirs}{config.layers + 1}.0"}
            for block in range(config.layers):
                place = f"{theirs}{block + 1}"
                rows |= {f"{ours}.blocks.{block}.conv": f"{place}.0", f"{ours}.blocks.{block}.norm": f"{place}.1"}
        return rows

    def _current(self, shapes: Shapes) -> Shapes:
        return {self.current_name(name): shape for name, shape in shapes.items()}


def published_outputs(
    network: MultiScaleDiscriminator, x: Float[Tensor, "b c h w"], arguments: DiscriminatorArguments
) -> list[list[Tensor]]:
    """What the published discriminator returns: of each scale, the finest first, its features and then its logits.

    Without intermediate features it is the logits alone, or the probabilities.
    """
    scales = network.judge_scales(x)
    if arguments.getIntermFeat:
        return [[*scale.features, scale.logits] for scale in scales]
    return [[scale.logits.sigmoid() if arguments.use_sigmoid else scale.logits] for scale in scales]


def _published_norm(norm: Norm) -> NormName:
    published = published_norm(norm)
    if published == "none":
        raise BadInput("norm: the published networks have batch or instance norm, this one has none")
    return published


GLOBAL = GlobalLayout(
    publisher=PUBLISHER,
    network="GlobalGenerator",
    role="picture",
    telltale={"model.1.weight": 4, "model.1.bias": 1},
    absent=("model1_1",),
)
LOCAL = LocalLayout(
    publisher=PUBLISHER,
    network="LocalEnhancer",
    role="picture",
    telltale={"model.1.weight": 4, "model1_1.1.weight": 4, "model1_1.4.weight": 4},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="MultiscaleDiscriminator",
    role="discriminator",
    telltale={"scale0_layer0.0.weight": 4, "scale0_layer1.0.weight": 4, "scale0_layer2.0.weight": 4},
)
LAYOUTS = (GLOBAL, LOCAL, DISCRIMINATOR)
