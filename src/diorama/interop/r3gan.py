"""R3GAN in the layout of its authors' code: ``Model.MainLayers.N.Layers.M``, in pickles of whole networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diorama.core.errors import BadInput
from diorama.interop.layout import Constant, Layout, Shapes, Table, numbered, refuse_above, refuse_below
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig, square_filter

PUBLISHER = "r3gan"
_CHANNELS = 3
"""Of all published networks."""
_MOST_BLOCKS, _MOST_STAGES = 64, 12
"""Of each stage, and of a network; published ones have two, and up to seven."""


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``Discriminator``.

    Args:
        WidthPerStage: width of each stage, from the picture on.
        CardinalityPerStage: groups of each stage's middle convolutions.
        BlocksPerStage: blocks of each stage.
        ExpansionFactor: how many times wider blocks are inside.
        ConditionEmbeddingDimension: length of a label's vector.
        KernelSize: of middle convolutions.
        ResamplingFilter: taps between stages.
        FP16Stages: those in bfloat16; negative ones count from the end.
        c_dim: classes; 0 for none.
        img_resolution: side of the pictures, which the stages decide.
    """

    WidthPerStage: tuple[int, ...]
    CardinalityPerStage: tuple[int, ...]
    BlocksPerStage: tuple[int, ...]
    ExpansionFactor: int
    ConditionEmbeddingDimension: int = 0
    KernelSize: int = 3
    ResamplingFilter: tuple[float, ...] = (1, 2, 1)
    FP16Stages: tuple[int, ...] = ()
    c_dim: int = 0
    img_resolution: int | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments(DiscriminatorArguments):
    """Arguments of ``Generator``: those of :class:`DiscriminatorArguments`, from the coarsest stage on, and one more.

    Args:
        NoiseDimension: length of the latent vector.
    """

    NoiseDimension: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[GeneratorArguments, R3GANGeneratorConfig]):
    """``Generator``: a stage begins with its transition."""

    arguments = GeneratorArguments
    config = R3GANGeneratorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        told = _observed(shapes, 1)
        first = shapes.get("Model.MainLayers.0.Layers.0.LinearLayer.weight")
        if not told or not first:
            return {}
        return told | {"NoiseDimension": first[1] - told.get("ConditionEmbeddingDimension", 0)}

    def to_ours(self, arguments: GeneratorArguments) -> R3GANGeneratorConfig:
        refuse_below(arguments, 1, "NoiseDimension")
        return R3GANGeneratorConfig(**_ours(arguments), latent=arguments.NoiseDimension)

    def to_published(self, config: R3GANGeneratorConfig) -> GeneratorArguments:
        return GeneratorArguments(**_published(config), NoiseDimension=config.latent)

    def table(self, config: R3GANGeneratorConfig) -> Table:
        rows = {"label": "Model.EmbeddingLayer", "last": "Model.AggregationLayer.Layer"}
        for stage in range(len(config.widths)):
            rows |= _transition(f"stages.{stage}.transition", f"Model.MainLayers.{stage}.Layers.0")
            rows |= _blocks(stage, config.blocks[stage], 1)
        return rows

    def constants(self, config: R3GANGeneratorConfig) -> Mapping[str, Constant]:
        """See :meth:`Layout.constants`: the filters before all stages but the first."""
        return _filters(config.taps, [(stage, 0) for stage in range(1, len(config.widths))])


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscriminatorLayout(Layout[DiscriminatorArguments, R3GANDiscriminatorConfig]):
    """``Discriminator``: a stage ends with its transition."""

    arguments = DiscriminatorArguments
    config = R3GANDiscriminatorConfig

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return _observed(shapes, 0)

    def to_ours(self, arguments: DiscriminatorArguments) -> R3GANDiscriminatorConfig:
        return R3GANDiscriminatorConfig(**_ours(arguments))

    def to_published(self, config: R3GANDiscriminatorConfig) -> DiscriminatorArguments:
        return DiscriminatorArguments(**_published(config))

    def table(self, config: R3GANDiscriminatorConfig) -> Table:
        rows = {"label": "Model.EmbeddingLayer", "first": "Model.ExtractionLayer.Layer"}
        for stage, blocks in enumerate(config.blocks):
            rows |= _transition(f"stages.{stage}.transition", f"Model.MainLayers.{stage}.Layers.{blocks}")
            rows |= _blocks(stage, blocks, 0)
        return rows

    def constants(self, config: R3GANDiscriminatorConfig) -> Mapping[str, Constant]:
        """See :meth:`Layout.constants`: the filters behind all stages but the last."""
        return _filters(config.taps, list(enumerate(config.blocks[:-1])))


def _filters(taps: tuple[float, ...], places: Sequence[tuple[int, int]]) -> dict[str, Constant]:
    """The filters of layers, given by stage and place in it."""
    same = Constant(square_filter(taps), f"filter than the config's ResamplingFilter, {list(taps)}")
    return {f"Model.MainLayers.{stage}.Layers.{layer}.Resampler.Kernel": same for stage, layer in places}


def _transition(ours: str, theirs: str) -> dict[str, str]:
    return {
        f"{ours}.conv": f"{theirs}.LinearLayer.Layer",
        f"{ours}.basis": f"{theirs}.Basis",
        f"{ours}.linear": f"{theirs}.LinearLayer",
    }


def _blocks(stage: int, blocks: int, first: int) -> dict[str, str]:
    """Names of a stage's blocks, the first of which has that number among the stage's layers."""
    rows: dict[str, str] = {}
    for block in range(blocks):
        ours, theirs = f"stages.{stage}.blocks.{block}", f"Model.MainLayers.{stage}.Layers.{block + first}"
        rows |= {f"{ours}.conv{n}": f"{theirs}.LinearLayer{n}.Layer" for n in (1, 2, 3)}
        rows |= {f"{ours}.bias{n}": f"{theirs}.NonLinearity{n}.Bias" for n in (1, 2)}
    return rows


def _observed(shapes: Shapes, first: int) -> dict[str, Any]:
    """Arguments that the tensors of blocks tell, whose numbers begin at ``first``."""
    stages: list[tuple[int, ...]] = []
    while (stage := f"Model.MainLayers.{len(stages)}.Layers.{first}.LinearLayer1.Layer.weight") in shapes:
        stages.append(shapes[stage])
    middle = [
        shapes.get(f"Model.MainLayers.{i}.Layers.{first}.LinearLayer2.Layer.weight", ()) for i in range(len(stages))
    ]
    if not stages or any(len(shape) != 4 or not shape[1] for shape in (*stages, *middle)):
        return {}
    label = shapes.get("Model.EmbeddingLayer.weight")
    return {
        "WidthPerStage": [shape[1] for shape in stages],
        "CardinalityPerStage": [shape[0] // shape[1] for shape in middle],
        "BlocksPerStage": [_number_of_blocks(shapes, i, first) for i in range(len(stages))],
        "ExpansionFactor": stages[0][0] // stages[0][1],
        "KernelSize": middle[0][2],
    } | ({"ConditionEmbeddingDimension": label[0], "c_dim": label[1]} if label else {})


def _number_of_blocks(shapes: Shapes, stage: int, first: int) -> int:
    return numbered(shapes, f"Model.MainLayers.{stage}.Layers.{{}}.LinearLayer1.Layer.weight", first)


def _ours(arguments: DiscriminatorArguments) -> dict[str, Any]:
    """Fields of our config."""
    refuse_below(arguments, 1, "WidthPerStage", "CardinalityPerStage", "ExpansionFactor", "KernelSize")
    refuse_below(arguments, 0, "BlocksPerStage", "ConditionEmbeddingDimension", "c_dim")
    refuse_above(arguments, _MOST_BLOCKS, "BlocksPerStage")
    stages = len(arguments.WidthPerStage)
    if stages > _MOST_STAGES:
        raise BadInput(f"WidthPerStage: {stages} stages are more than {_MOST_STAGES}")
    if not all(-stages <= stage < stages for stage in arguments.FP16Stages):
        raise BadInput(f"FP16Stages: there are {stages} stages, got {list(arguments.FP16Stages)}")
    return {
        "channels": _CHANNELS,
        "widths": arguments.WidthPerStage,
        "groups": arguments.CardinalityPerStage,
        "blocks": arguments.BlocksPerStage,
        "expansion": arguments.ExpansionFactor,
        "kernel": arguments.KernelSize,
        "taps": arguments.ResamplingFilter,
        "classes": arguments.c_dim,
        # Without classes the published class reads it nowhere that works.
        "embedding": arguments.ConditionEmbeddingDimension if arguments.c_dim else 0,
        "half": tuple(sorted({stage % stages for stage in arguments.FP16Stages})),
    }


def _published(config: R3GANGeneratorConfig | R3GANDiscriminatorConfig) -> dict[str, Any]:
    """Published arguments.

    Raises:
        BadInput: the pictures have other channels than all published ones.
    """
    if config.channels != _CHANNELS:
        raise BadInput(f"channels: are {_CHANNELS} in every published network, and {config.channels} in this one")
    return {
        "WidthPerStage": config.widths,
        "CardinalityPerStage": config.groups,
        "BlocksPerStage": config.blocks,
        "ExpansionFactor": config.expansion,
        "ConditionEmbeddingDimension": config.embedding,
        "KernelSize": config.kernel,
        "ResamplingFilter": config.taps,
        "FP16Stages": config.half,
        "c_dim": config.classes,
        "img_resolution": config.side,
    }


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="Generator",
    role="generator",
    telltale={"Model.MainLayers.0.Layers.0.Basis": 3, "Model.AggregationLayer.Layer.weight": 4},
)
DISCRIMINATOR = DiscriminatorLayout(
    publisher=PUBLISHER,
    network="Discriminator",
    role="discriminator",
    telltale={"Model.ExtractionLayer.Layer.weight": 4, "Model.MainLayers.0.Layers.0.LinearLayer1.Layer.weight": 4},
)
LAYOUTS = (GENERATOR, DISCRIMINATOR)
