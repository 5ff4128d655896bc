"""Networks in the layout of guided-diffusion: ``UNetModel``, ``SuperResModel`` and the classifiers.

Its checkpoints are bare state dicts. The number of heads, their order and the pooling of a classifier lie in no tensor
but in the arguments of the class, which the published commands derive from their flags: so a config is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from diorama.core.errors import BadInput
from diorama.interop.guided_diffusion_arguments import (
    ClassifierArguments,
    TorsoArguments,
    UNetArguments,
    refuse_impossible_classifiers,
    refuse_impossible_unets,
    widths_of,
)
from diorama.interop.layout import Layout, Shapes, Table, tensors_of
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.networks.denoisers.adm import ADMShape, ADMUNetConfig

PUBLISHER = "guided-diffusion"
_FIRST = "input_blocks.0.0.weight"
_TELLTALE = {_FIRST: 4, "time_embed.0.weight": 2, "middle_block.0.in_layers.0.weight": 1}
# Later networks of the same names read texts too.
_ABSENT = ("transformer_blocks", "encoder_kv")
_POOLINGS: dict[Any, Any] = {
    "adaptive": "mean",
    "attention": "attention",
    "spatial": "levels",
    "spatial_v2": "levels_normed",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class UNetLayout(Layout[UNetArguments, ADMUNetConfig]):
    """``UNetModel``."""

    arguments: ClassVar[type] = UNetArguments
    config = ADMUNetConfig
    size_argument = "image_size"
    unused = ("use_checkpoint",)
    unknown_schedule = (
        "; of a consistency model, or of a denoiser that one was distilled from, say its training_mode in the config"
    )

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        named = "_class_name" in published
        return super().recognises(shapes, published) and (named or not _is_doubled(shapes, published))

    def to_ours(self, arguments: UNetArguments) -> ADMUNetConfig:
        refuse_impossible_unets(arguments)
        by_number = arguments.num_head_channels == -1
        return ADMUNetConfig(
            **_shape(arguments),
            out_channels=arguments.out_channels,
            up_heads=arguments.num_heads_upsample if by_number and arguments.num_heads_upsample != -1 else None,
            classes=arguments.num_classes or 0,
        )

    def to_published(self, config: ADMUNetConfig) -> UNetArguments:
        if config.picture:
            raise BadInput(f"picture: {self.network} reads no picture beside the noisy one, this network does")
        return UNetArguments(
            **_published_shape(config),
            out_channels=config.out_channels,
            num_heads_upsample=config.up_heads or -1,
            # The null label is one more row, which only we know by its meaning.
            num_classes=config.classes + config.unconditional or None,
        )

    def table(self, config: ADMUNetConfig) -> Table:
        return _table(config, {"norm_out": "out.0", "conv_out": "out.2"})

    def published_shape(self, config: ADMUNetConfig, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _with_length(name, shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class SuperResLayout(UNetLayout):
    """``SuperResModel``: a ``UNetModel`` with the small picture's channels behind those of the noisy one."""

    def recognises(self, shapes: Shapes, published: Mapping[str, Any]) -> bool:
        named = "_class_name" in published
        return Layout.recognises(self, shapes, published) and (named or _is_doubled(shapes, published))

    def holds(self, config: Any) -> bool:
        return super().holds(config) and config.picture > 0

    def to_ours(self, arguments: UNetArguments) -> ADMUNetConfig:
        return replace(super().to_ours(arguments), picture=arguments.in_channels)

    def to_published(self, config: ADMUNetConfig) -> UNetArguments:
        if config.picture != config.in_channels:
            raise BadInput(
                f"picture: that of SuperResModel has as many channels as the noisy one, {config.in_channels}, not "
                f"{config.picture}"
            )
        return super().to_published(replace(config, picture=0))


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifierLayout(Layout[ClassifierArguments, ADMClassifierConfig]):
    """``EncoderUNetModel``."""

    arguments = ClassifierArguments
    config = ADMClassifierConfig
    size_argument = "image_size"
    unused = ("use_checkpoint",)

    def to_ours(self, arguments: ClassifierArguments) -> ADMClassifierConfig:
        refuse_impossible_classifiers(arguments)
        return ADMClassifierConfig(
            **_shape(arguments),
            classes=arguments.out_channels,
            pooling=_POOLINGS[arguments.pool],
            side=arguments.image_size if arguments.pool == "attention" else None,
        )

    def to_published(self, config: ADMClassifierConfig) -> ClassifierArguments:
        published = {ours: theirs for theirs, ours in _POOLINGS.items()}
        return ClassifierArguments(
            **_published_shape(config),
            image_size=config.side,
            out_channels=config.classes,
            pool=published[config.pooling],
        )

    def table(self, config: ADMClassifierConfig) -> Table:
        head = {
            "mean": {"head.norm": "out.0", "head.out": "out.3"},
            "attention": {
                "head.norm": "out.0",
                "head.places": "out.2.positional_embedding",
                "head.qkv": "out.2.qkv_proj",
                "head.out": "out.2.c_proj",
            },
            "levels": {"head.inner": "out.0", "head.out": "out.2"},
            "levels_normed": {"head.inner": "out.0", "head.norm": "out.1", "head.out": "out.3"},
        }
        return _table(config, head[config.pooling])

    def published_shape(self, config: ADMClassifierConfig, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        if config.pooling == "mean" and name == "out.3.weight":
            return (*shape, 1, 1)
        return _with_length(name, shape)


UNET = UNetLayout(
    publisher=PUBLISHER,
    network="UNetModel",
    role="denoiser",
    telltale=_TELLTALE | {"output_blocks.0.0.in_layers.0.weight": 1},
    absent=_ABSENT,
)
SUPERRES = SuperResLayout(
    publisher=PUBLISHER, network="SuperResModel", role="denoiser", telltale=UNET.telltale, absent=_ABSENT
)
CLASSIFIER = ClassifierLayout(
    publisher=PUBLISHER,
    network="EncoderUNetModel",
    role="classifier",
    telltale=_TELLTALE,
    absent=(*_ABSENT, "output_blocks"),
)
LAYOUTS = (UNET, SUPERRES, CLASSIFIER)


def _is_doubled(shapes: Shapes, published: Mapping[str, Any]) -> bool:
    """Whether the first layer reads twice the channels that are said: another picture lies beside the noisy one."""
    said = published.get("in_channels")
    return isinstance(said, int) and len(shapes.get(_FIRST, ())) == 4 and shapes[_FIRST][1] == 2 * said


def _shape(arguments: TorsoArguments) -> dict[str, Any]:
    """Fields that the U-Net and the classifier share."""
    by_number = arguments.num_head_channels == -1
    levels = range(len(arguments.channel_mult))
    return {
        "in_channels": arguments.in_channels,
        "channels": arguments.model_channels,
        "widths": widths_of(arguments),
        "depth": arguments.num_res_blocks,
        # Resolutions are given by how many times smaller they are than the pictures.
        "attention": tuple(2**level in arguments.attention_resolutions for level in levels),
        "resample": "residual" if arguments.resblock_updown else "conv" if arguments.conv_resample else "pool",
        "heads": arguments.num_heads if by_number else 1,
        "head_channels": None if by_number else arguments.num_head_channels,
        "heads_first": not arguments.use_new_attention_order,
        "scale_shift": arguments.use_scale_shift_norm,
        "dropout": arguments.dropout,
    }


def _published_shape(config: ADMShape) -> dict[str, Any]:
    return {
        "in_channels": config.in_channels,
        "model_channels": config.channels,
        "channel_mult": tuple(_multiplier(width, config.channels) for width in config.widths),
        "num_res_blocks": config.depth,
        "attention_resolutions": tuple(2**level for level, attends in enumerate(config.attention) if attends),
        "resblock_updown": config.resample == "residual",
        "conv_resample": config.resample != "pool",
        "num_heads": config.heads,
        "num_head_channels": config.head_channels or -1,
        "use_new_attention_order": not config.heads_first,
        "use_scale_shift_norm": config.scale_shift,
        "dropout": config.dropout,
    }


def _multiplier(width: int, channels: int) -> float:
    """What times the channels, cut to a whole number, is the width."""
    found = width / channels
    return found if int(found * channels) == width else math.nextafter(found, math.inf)


def _with_length(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Projections of attention are convolutions of length 1 there."""
    projections = ("qkv.weight", "proj_out.weight", "qkv_proj.weight", "c_proj.weight")
    return (*shape, 1) if name.endswith(projections) else shape


_WITHIN = {
    "norm_in": "in_layers.0",
    "conv_in": "in_layers.2",
    "time": "emb_layers.1",
    "norm_out": "out_layers.0",
    "conv_out": "out_layers.3",
    "shortcut": "skip_connection",
    "norm": "norm",
    "qkv": "qkv",
    "out": "proj_out",
}
_OUTSIDE = {
    "torso.conv_in": "input_blocks.0.0",
    "torso.embedding.time_mlp.inner": "time_embed.0",
    "torso.embedding.time_mlp.outer": "time_embed.2",
    "torso.embedding.label": "label_emb",
}
_MIDDLE = {"first": "middle_block.0", "attention": "middle_block.1", "second": "middle_block.2"}
_STEMS = {"down": "input_blocks", "up": "output_blocks"}


def _table(config: ADMUNetConfig | ADMClassifierConfig, end: Table) -> Table:
    """What our modules are called there.

    Args:
        config: of the network.
        end: the part of the table for what comes after the blocks.
    """
    known = {**_OUTSIDE, **end}
    # A parameter that is itself in the table stands in no module of the table.
    places = {name.rpartition(".")[0] for name in tensors_of(config) if name not in known}
    return {**known, **{place: _published_place(place, config) for place in sorted(places - known.keys())}}


def _published_place(place: str, config: ADMShape) -> str:
    """``torso.down.1.blocks.0.norm_in`` -> ``input_blocks.4.0.in_layers.0``: blocks are numbered through there."""
    direction, *rest = place.removeprefix("torso.").split(".")
    if direction == "middle":
        part, inner = rest
        return f"{_MIDDLE[part]}.{_WITHIN[inner]}"
    level, part, *path = rest
    # The first layer is a block of the way down, and so is each change of resolution there; on the way up these are the
    # end of a level's last block.
    first = int(level) * (config.depth + 1) + (direction == "down")
    if part != "resample":
        index, inner = path
        return f"{_STEMS[direction]}.{first + int(index)}.{0 if part == 'blocks' else 1}.{_WITHIN[inner]}"
    last = f"{_STEMS[direction]}.{first + config.depth}"
    (inner,) = path
    if direction == "down":
        return f"{last}.0.{'op' if inner == 'conv' else _WITHIN[inner]}"
    # Our levels on the way up are listed from the coarsest on.
    attends = config.attention[::-1][int(level)]
    return f"{last}.{2 if attends else 1}.{'conv' if inner == 'conv' else _WITHIN[inner]}"
