"""Unconditional and class-conditional U-Nets in the layout of the diffusers library's ``UNet2DModel``.

Its checkpoints hold, among others, the networks of Ho et al. 2020 (``google/ddpm-*``), Song et al. 2021
(``google/ncsnpp-*``) and the ImageNet-64 consistency models. Names of 2022 (``query``, ``key``, ``value``,
``proj_attn``) are read as well; the newer ones are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.diffusers_adm import as_ddpm, ddpm_state
from diorama.interop.diffusers_unet2d_arguments import UNet2DModelArguments, refuse_impossible_values
from diorama.interop.layout import Layout, Table, tensors_of
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig

UNet2DConfig = DDPMUNetConfig | NCSNppConfig | ADMUNetConfig
"""Of these ADM's is written and read back as that of DDPM."""

PUBLISHER = "diffusers-unet2d"
_TIMES: dict[Any, Any] = {"positional": "sinusoidal", "fourier": "fourier", "learned": "learned"}
_LABELS: dict[Any, Any] = {"timestep": "number", "identity": "vector"}


@dataclass(frozen=True)
class _Block:
    """What one published block type means: attention, a residual block as resampler, a picture pyramid."""

    attention: bool = False
    residual: bool | None = False
    pyramid: bool = False


# ``residual=None``: as ``downsample_type`` or ``upsample_type`` says; the other blocks do not read those.
_BLOCKS = {
    "DownBlock2D": _Block(),
    "AttnDownBlock2D": _Block(attention=True, residual=None),
    "ResnetDownsampleBlock2D": _Block(residual=True),
    "SkipDownBlock2D": _Block(pyramid=True),
    "AttnSkipDownBlock2D": _Block(attention=True, pyramid=True),
    "UpBlock2D": _Block(),
    "AttnUpBlock2D": _Block(attention=True, residual=None),
    "ResnetUpsampleBlock2D": _Block(residual=True),
    "SkipUpBlock2D": _Block(pyramid=True),
    "AttnSkipUpBlock2D": _Block(attention=True, pyramid=True),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class UNet2DLayout(Layout[UNet2DModelArguments, UNet2DConfig]):
    """``UNet2DModel``: plain blocks are our DDPM network, blocks called Skip our NCSN++."""

    arguments = UNet2DModelArguments
    config = (DDPMUNetConfig, NCSNppConfig, ADMUNetConfig)
    size_argument = "sample_size"
    config_file = "config.json"

    def current_name(self, name: str) -> str:
        return _OLD_PLACE.sub(lambda match: match[1] + _OLD_NAMES[match[2]], name)

    def to_ours(self, arguments: UNet2DModelArguments) -> DDPMUNetConfig | NCSNppConfig:
        down = [_block(name, "Down", "down_block_types") for name in arguments.down_block_types]
        # The library lists the way up from the coarsest level on, we list all levels from the finest on.
        up = [_block(name, "Up", "up_block_types") for name in arguments.up_block_types][::-1]
        if not 0 < len(down) == len(up) == len(arguments.block_out_channels):
            raise BadInput(
                "UNet2DModel config: down_block_types, up_block_types and block_out_channels differ in length"
            )
        pyramid = {block.pyramid for block in (*down, *up)}
        if len(pyramid) > 1:
            raise BadInput("UNet2DModel config: down_block_types and up_block_types mix Skip blocks with others")
        refuse_impossible_values(arguments, pyramid=pyramid == {True})
        return _pyramid_config(arguments, down, up) if pyramid == {True} else _plain_config(arguments, down, up)

    def to_published(self, config: UNet2DConfig) -> UNet2DModelArguments:
        if isinstance(config, ADMUNetConfig):
            config = as_ddpm(config)
        if isinstance(config, DDPMUNetConfig) and config.patch != 1:
            raise BadInput(f"patch: UNet2DModel sees single pixels, this network squares of {config.patch}")
        if isinstance(config, DDPMUNetConfig) and (config.text or config.picture):
            raise BadInput("text, picture: UNet2DModel reads a label alone, this network more")
        if config.embedding.guidance or config.embedding.two_times:
            raise BadInput("embedding: UNet2DModel is told a time and a label, this network a scale or two times too")
        if isinstance(config, NCSNppConfig) and (config.in_channels, config.out_channels) != (3, 3):
            raise BadInput("in_channels, out_channels: the pyramids of UNet2DModel's Skip blocks have 3 channels")
        if config.middle == "attention" and config.middle_groups == 0 and not config.scale_shift:
            raise BadInput("middle_groups: UNet2DModel always normalises before attention unless scale_shift is set")
        return replace(_published_blocks(config), **_published_values(config))

    def notes(self, config: UNet2DConfig) -> tuple[str, ...]:
        if not isinstance(config, ADMUNetConfig):
            return ()
        return ("its network is ADM's; read again, it is the DDPM network that computes the same",)

    def export_state(self, config: UNet2DConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if isinstance(config, ADMUNetConfig):
            return super().export_state(as_ddpm(config), ddpm_state(config, state))
        return super().export_state(config, state)

    def table(self, config: UNet2DConfig) -> Table:
        pyramid = isinstance(config, NCSNppConfig)
        places = {name.rpartition(".")[0] for name in tensors_of(config)}
        rows = {place: _published_place(place, pyramid) for place in sorted(places)}
        # A buffer here, a parameter there.
        return rows | {"embedding.time_features.frequencies": "time_proj.weight"}


UNET2D = UNet2DLayout(
    publisher=PUBLISHER,
    network="UNet2DModel",
    role="denoiser",
    telltale={"conv_in.weight": 4, "conv_norm_out.weight": 1, "down_blocks.0.resnets.0.conv1.weight": 4},
    # Networks that read texts or pictures beside the noisy one, and autoencoders, have these.
    absent=("transformer_blocks", "add_embedding", "encoder_hid_proj", "quant_conv", "decoder.", "encoder."),
)
LAYOUTS = (UNET2D,)


def _block(name: str, direction: str, key: str) -> _Block:
    block = _BLOCKS.get(name.removeprefix("UNetRes"))
    if block is None or direction not in name:
        raise BadInput(f"UNet2DModel config: {key} has {name!r}, which is not supported")
    return block


def _embedding(arguments: UNet2DModelArguments) -> EmbeddingConfig:
    kind, classes, time = arguments.class_embed_type, arguments.num_class_embeds, arguments.time_embedding_type
    label = "none" if classes is None else "table"
    if kind is not None:
        label = _LABELS[kind]
    return EmbeddingConfig(
        width=arguments.time_embedding_dim,
        time=_TIMES[time],
        sine_first=not arguments.flip_sin_to_cos,
        shift=arguments.freq_shift,
        steps=arguments.num_train_timesteps if time == "learned" else None,
        label=label,  # type: ignore[arg-type]
        classes=classes or 0 if label == "table" else 0,
    )


def _common(arguments: UNet2DModelArguments, down: Sequence[_Block], up: Sequence[_Block]) -> dict[str, Any]:
    """Fields that both our networks have."""
    scale_shift = arguments.resnet_time_scale_shift == "scale_shift"
    middle = "none" if arguments.mid_block_type is None else "attention" if arguments.add_attention else "residual"
    # Without a number of its own, the middle's attention is normalised only in networks that add the embedding.
    middle_groups = arguments.attn_norm_num_groups
    _refuse_empty_heads(arguments, down, up, middle == "attention")
    return {
        "in_channels": arguments.in_channels,
        "out_channels": arguments.out_channels,
        "widths": arguments.block_out_channels,
        "depth": arguments.layers_per_block,
        "attention": tuple(block.attention for block in down),
        "up_attention": tuple(block.attention for block in up),
        "middle": middle,
        "middle_divide": arguments.mid_block_scale_factor,
        "middle_groups": 0 if middle_groups is None and scale_shift else middle_groups,
        "head_channels": arguments.attention_head_dim,
        "eps": arguments.norm_eps,
        "act": "silu" if arguments.act_fn == "swish" else arguments.act_fn,
        "dropout": arguments.dropout,
        "scale_shift": scale_shift,
        "centre_input": arguments.center_input_sample,
        "embedding": _embedding(arguments),
    }


def _refuse_empty_heads(
    arguments: UNet2DModelArguments, down: Sequence[_Block], up: Sequence[_Block], middle: bool
) -> None:
    head, widths = arguments.attention_head_dim, arguments.block_out_channels
    attending = [w for w, a, b in zip(widths, down, up, strict=True) if a.attention or b.attention]
    attending += widths[-1:] if middle else ()
    if head is not None and attending and not 0 < head <= min(attending):
        raise ValueError(f"attention_head_dim is {head}, which gives maps of {min(attending)} channels no head")


def _plain_config(arguments: UNet2DModelArguments, down: Sequence[_Block], up: Sequence[_Block]) -> DDPMUNetConfig:
    if arguments.norm_num_groups is None:
        raise BadInput("UNet2DModel config: norm_num_groups is missing")

    def resampling(blocks: Sequence[_Block], default: str) -> tuple[Any, ...]:
        named = {None: "residual" if default == "resnet" else "conv", True: "residual", False: "conv"}
        return tuple(named[block.residual] for block in blocks)

    return DDPMUNetConfig(
        **_common(arguments, down, up),
        groups=arguments.norm_num_groups,
        # Between n levels there are n - 1 changes of resolution: the coarsest has none below, the finest none above.
        resample=resampling(down[:-1], arguments.downsample_type),
        up_resample=resampling(up[1:], arguments.upsample_type),
        down_padding=arguments.downsample_padding,
    )


def _pyramid_config(arguments: UNet2DModelArguments, down: Sequence[_Block], up: Sequence[_Block]) -> NCSNppConfig:
    for key in ("in_channels", "out_channels"):
        if getattr(arguments, key) != 3:
            raise BadInput(f"UNet2DModel config: {key} is {getattr(arguments, key)}, but Skip blocks carry 3 channels")
    return NCSNppConfig(**_common(arguments, down, up), groups=arguments.norm_num_groups)


def _published_values(config: DDPMUNetConfig | NCSNppConfig) -> dict[str, Any]:
    """Every argument but those of the blocks."""
    embedding = config.embedding
    times = {ours: theirs for theirs, ours in _TIMES.items()}
    labels = {ours: theirs for theirs, ours in _LABELS.items()}
    middle_groups = config.middle_groups or None
    if config.middle_groups is None and config.scale_shift:
        # Unsaid means none there: so what our networks take unsaid is said, the pyramid's quarter of the channels too.
        middle_groups = config.groups or min(config.widths[-1] // 4, 32)
    return {
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "center_input_sample": config.centre_input,
        "time_embedding_type": times[embedding.time],
        "time_embedding_dim": embedding.width,
        "freq_shift": embedding.shift,
        "flip_sin_to_cos": not embedding.sine_first,
        "mid_block_type": None if config.middle == "none" else "UNetMidBlock2D",
        "add_attention": config.middle != "residual",
        "block_out_channels": config.widths,
        "layers_per_block": config.depth,
        "mid_block_scale_factor": config.middle_divide,
        "dropout": config.dropout,
        "act_fn": config.act,
        "attention_head_dim": config.head_channels,
        "norm_num_groups": config.groups,
        "attn_norm_num_groups": middle_groups,
        "norm_eps": config.eps,
        "resnet_time_scale_shift": "scale_shift" if config.scale_shift else "default",
        "class_embed_type": labels.get(embedding.label),
        # The null label is one more row, which only we know by its meaning.
        "num_class_embeds": embedding.classes + embedding.unconditional if embedding.label == "table" else None,
        "num_train_timesteps": embedding.steps,
    }


def _published_blocks(config: DDPMUNetConfig | NCSNppConfig) -> UNet2DModelArguments:
    """The arguments of the blocks; all others at their defaults."""
    down = config.attention
    up = (config.up_attention or config.attention)[::-1]
    if isinstance(config, NCSNppConfig):
        return UNet2DModelArguments(
            down_block_types=tuple("AttnSkipDownBlock2D" if a else "SkipDownBlock2D" for a in down),
            up_block_types=tuple("AttnSkipUpBlock2D" if a else "SkipUpBlock2D" for a in up),
        )
    steps = len(config.widths) - 1
    resample = config.resample or ("conv",) * steps
    residual = [kind == "residual" for kind in resample]
    up_residual = [kind == "residual" for kind in (config.up_resample or resample)][::-1]
    return UNet2DModelArguments(
        down_block_types=_block_names(down, [*residual, False], ("DownBlock2D", "ResnetDownsampleBlock2D", "Attn")),
        up_block_types=_block_names(up, [*up_residual, False], ("UpBlock2D", "ResnetUpsampleBlock2D", "Attn")),
        downsample_padding=config.down_padding,
        downsample_type=_attention_resampling(down[:steps], residual, "resample"),
        upsample_type=_attention_resampling(up[:steps], up_residual, "up_resample"),
    )


def _block_names(attention: Sequence[bool], residual: Sequence[bool], names: tuple[str, str, str]) -> tuple[str, ...]:
    plain, resampling, prefix = names
    return tuple(
        prefix + plain if attends else (resampling if changes else plain)
        for attends, changes in zip(attention, residual, strict=True)
    )


def _attention_resampling(attention: Sequence[bool], residual: Sequence[bool], field: str) -> Literal["conv", "resnet"]:
    kinds = {changes for attends, changes in zip(attention, residual, strict=True) if attends}
    if len(kinds) > 1:
        raise BadInput(f"{field}: UNet2DModel resamples all levels with attention in the same way")
    return "resnet" if kinds == {True} else "conv"


_WITHIN = {
    "norm_in": "norm1",
    "conv_in": "conv1",
    "time": "time_emb_proj",
    "norm_out": "norm2",
    "conv_out": "conv2",
    "shortcut": "conv_shortcut",
}
_WITHIN_ATTENTION = {"norm": "group_norm", "out": "to_out.0"}
_OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_PLACE = re.compile(rf"(attentions\.\d+\.)({'|'.join(_OLD_NAMES)})(?=\.)")
_OUTSIDE = {
    "embedding.time_features": "time_proj",
    "embedding.time_mlp.inner": "time_embedding.linear_1",
    "embedding.time_mlp.outer": "time_embedding.linear_2",
    "embedding.label.inner": "class_embedding.linear_1",
    "embedding.label.outer": "class_embedding.linear_2",
    "embedding.label": "class_embedding",
    "norm_out": "conv_norm_out",
    "middle.first": "mid_block.resnets.0",
    "middle.second": "mid_block.resnets.1",
    "middle.attention": "mid_block.attentions.0",
}


def _published_place(place: str, pyramid: bool) -> str | tuple[str, ...]:
    """The published module that ours is, or the three that our queries, keys and values are."""
    if place in ("conv_in", "conv_out"):
        return place
    if place in _OUTSIDE:
        return _OUTSIDE[place]
    if place.startswith("middle."):
        _, part, inner = place.split(".")
        block = _OUTSIDE[f"middle.{part}"]
    else:
        block, part, inner = _level_place(place, pyramid)
    if part == "attention" and inner == "qkv":
        return tuple(f"{block}.{which}" for which in ("to_q", "to_k", "to_v"))
    inner = (_WITHIN_ATTENTION if part == "attention" else _WITHIN).get(inner, inner)
    return f"{block}.{inner}" if inner else block


def _level_place(place: str, pyramid: bool) -> tuple[str, str, str]:
    """``down.1.blocks.0.norm_in`` -> (the published block, which kind of part it is, ``norm_in``)."""
    direction, level, part, *rest = place.split(".")
    stem = f"{direction}_blocks.{level}"
    if part in ("blocks", "attention"):
        return f"{stem}.{'resnets' if part == 'blocks' else 'attentions'}.{rest[0]}", part, rest[1]
    inner = rest[0] if rest else ""
    if part == "resample":
        return f"{stem}.resnet_{direction}" if pyramid else f"{stem}.{direction}samplers.0", part, inner
    return stem, part, {"skip": "skip_conv", "skip_norm": "skip_norm"}[part]
