"""Unconditional and class-conditional U-Nets in the layout of the diffusers library's ``UNet2DModel``.

Its checkpoints hold, among others, the networks of Ho et al. 2020 (``google/ddpm-*``), Song et al. 2021
(``google/ncsnpp-*``) and the ImageNet-64 consistency models. Names of 2022 (``query``, ``key``, ``value``,
``proj_attn``) are read as well; the newer ones are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig

UNet2DConfig = DDPMUNetConfig | NCSNppConfig

# The library's own defaults: a published config leaves out what equals them.
_DEFAULTS: Mapping[str, Any] = {
    "sample_size": None,
    "in_channels": 3,
    "out_channels": 3,
    "center_input_sample": False,
    "time_embedding_type": "positional",
    "time_embedding_dim": None,
    "freq_shift": 0,
    "flip_sin_to_cos": True,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2D",
    "up_block_types": ("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (224, 448, 672, 896),
    "layers_per_block": 2,
    "mid_block_scale_factor": 1.0,
    "downsample_padding": 1,
    "downsample_type": "conv",
    "upsample_type": "conv",
    "dropout": 0.0,
    "act_fn": "silu",
    "attention_head_dim": 8,
    "norm_num_groups": 32,
    "attn_norm_num_groups": None,
    "norm_eps": 1e-5,
    "resnet_time_scale_shift": "default",
    "add_attention": True,
    "class_embed_type": None,
    "num_class_embeds": None,
    "num_train_timesteps": None,
}
_TIMES = {"positional": "sinusoidal", "fourier": "fourier", "learned": "learned"}
_LABELS = {"timestep": "number", "identity": "vector"}
_ACTS = {"silu": "silu", "swish": "silu", "mish": "mish", "gelu": "gelu", "relu": "relu"}


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


def import_config(published: Mapping[str, Any]) -> UNet2DConfig:
    """Our network's config for a published ``config.json``.

    Args:
        published: the library's constructor arguments; keys that begin with an underscore are not read.

    Raises:
        BadInput: an unknown key or a value that no supported network has; the message names it.
    """
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    for key in given:
        if key not in _DEFAULTS:
            raise BadInput(f"UNet2DModel config: unknown key {key!r}")
    values = {**_DEFAULTS, **given}
    down = [_block(name, "Down", "down_block_types") for name in values["down_block_types"]]
    up = [_block(name, "Up", "up_block_types") for name in values["up_block_types"]][::-1]
    if not len(down) == len(up) == len(values["block_out_channels"]):
        raise BadInput("UNet2DModel config: down_block_types, up_block_types and block_out_channels differ in length")
    pyramid = {block.pyramid for block in (*down, *up)}
    if len(pyramid) > 1:
        raise BadInput("UNet2DModel config: down_block_types and up_block_types mix Skip blocks with others")
    try:
        return _pyramid_config(values, down, up) if pyramid == {True} else _plain_config(values, down, up)
    except ValueError as problem:
        raise BadInput(f"UNet2DModel config: {problem}") from problem


def _block(name: str, direction: str, key: str) -> _Block:
    block = _BLOCKS.get(name.removeprefix("UNetRes"))
    if block is None or direction not in name:
        raise BadInput(f"UNet2DModel config: {key} has {name!r}, which is not supported")
    return block


def _choice(values: Mapping[str, Any], key: str, choices: Mapping[Any, str]) -> Any:
    value = values[key]
    if value not in choices:
        raise BadInput(f"UNet2DModel config: {key} is {value!r}, not one of {list(choices)}")
    return choices[value]


def _embedding(values: Mapping[str, Any]) -> EmbeddingConfig:
    kind, classes = values["class_embed_type"], values["num_class_embeds"]
    time = _choice(values, "time_embedding_type", _TIMES)
    label: Any = "none" if classes is None else "table"
    if kind is not None:
        label = _choice(values, "class_embed_type", _LABELS)
    return EmbeddingConfig(
        width=values["time_embedding_dim"],
        time=time,
        sine_first=not values["flip_sin_to_cos"],
        shift=float(values["freq_shift"]),
        steps=values["num_train_timesteps"] if time == "learned" else None,
        label=label,
        classes=classes if label == "table" else 0,
    )


def _middle(values: Mapping[str, Any]) -> Any:
    kind = _choice(values, "mid_block_type", {"UNetMidBlock2D": "attention", None: "none"})
    return "residual" if kind == "attention" and not values["add_attention"] else kind


def _common(values: Mapping[str, Any], down: list[_Block], up: list[_Block]) -> dict[str, Any]:
    scale_shift = _choice(values, "resnet_time_scale_shift", {"default": "", "scale_shift": "yes"}) == "yes"
    # Without a number of its own, the middle's attention is normalised only in networks that add the embedding.
    middle_groups = values["attn_norm_num_groups"]
    return {
        "in_channels": values["in_channels"],
        "out_channels": values["out_channels"],
        "widths": tuple(values["block_out_channels"]),
        "depth": values["layers_per_block"],
        "attention": tuple(block.attention for block in down),
        "up_attention": tuple(block.attention for block in up),
        "middle": _middle(values),
        "middle_divide": float(values["mid_block_scale_factor"]),
        "middle_groups": 0 if middle_groups is None and scale_shift else middle_groups,
        "head_channels": values["attention_head_dim"],
        "eps": float(values["norm_eps"]),
        "act": _choice(values, "act_fn", _ACTS),
        "dropout": float(values["dropout"]),
        "scale_shift": scale_shift,
        "centre_input": values["center_input_sample"],
        "embedding": _embedding(values),
    }


def _plain_config(values: Mapping[str, Any], down: list[_Block], up: list[_Block]) -> DDPMUNetConfig:
    if values["norm_num_groups"] is None:
        raise BadInput("UNet2DModel config: norm_num_groups is missing")
    kinds = {"conv": "conv", "resnet": "residual"}

    def resampling(blocks: list[_Block], key: str) -> tuple[Any, ...]:
        default = _choice(values, key, kinds)
        named = {None: default, True: "residual", False: "conv"}
        return tuple(named[block.residual] for block in blocks)

    return DDPMUNetConfig(
        **_common(values, down, up),
        groups=values["norm_num_groups"],
        resample=resampling(down[:-1], "downsample_type"),
        up_resample=resampling(up[1:], "upsample_type"),
        down_padding=values["downsample_padding"],
    )


def _pyramid_config(values: Mapping[str, Any], down: list[_Block], up: list[_Block]) -> NCSNppConfig:
    for key in ("in_channels", "out_channels"):
        if values[key] != 3:
            raise BadInput(f"UNet2DModel config: {key} is {values[key]}, but Skip blocks carry 3 channels")
    return NCSNppConfig(**_common(values, down, up), groups=values["norm_num_groups"])


def export_config(config: UNet2DConfig) -> dict[str, Any]:
    """The published constructor arguments of our network; :func:`import_config` reads them back.

    Raises:
        BadInput: the library has no such network.
    """
    if isinstance(config, DDPMUNetConfig) and config.patch != 1:
        raise BadInput(f"patch: UNet2DModel sees single pixels, this network squares of {config.patch}")
    embedding = config.embedding
    times = {ours: theirs for theirs, ours in _TIMES.items()}
    labels = {ours: theirs for theirs, ours in _LABELS.items()}
    no_middle_norm = config.middle_groups == 0
    if no_middle_norm and not config.scale_shift:
        raise BadInput("middle_groups: UNet2DModel always normalises before attention unless scale_shift is set")
    middle_groups = config.middle_groups or (config.groups if config.scale_shift and not no_middle_norm else None)
    published = {
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "center_input_sample": config.centre_input,
        "time_embedding_type": times[embedding.time],
        "time_embedding_dim": embedding.width,
        "freq_shift": int(embedding.shift),
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
        "num_class_embeds": embedding.classes + embedding.unconditional if embedding.label == "table" else None,
        "num_train_timesteps": embedding.steps,
    }
    return published | _export_blocks(config)


def _export_blocks(config: UNet2DConfig) -> dict[str, Any]:
    down = config.attention
    up = (config.up_attention or config.attention)[::-1]
    if isinstance(config, NCSNppConfig):
        return {
            "down_block_types": tuple("AttnSkipDownBlock2D" if a else "SkipDownBlock2D" for a in down),
            "up_block_types": tuple("AttnSkipUpBlock2D" if a else "SkipUpBlock2D" for a in up),
        }
    steps = len(config.widths) - 1
    resample = config.resample or ("conv",) * steps
    residual = [kind == "residual" for kind in resample]
    up_residual = [kind == "residual" for kind in (config.up_resample or resample)][::-1]
    return {
        "down_block_types": _block_names(down, [*residual, False], ("DownBlock2D", "ResnetDownsampleBlock2D", "Attn")),
        "up_block_types": _block_names(up, [*up_residual, False], ("UpBlock2D", "ResnetUpsampleBlock2D", "Attn")),
        "downsample_padding": config.down_padding,
        "downsample_type": _attention_resampling(down[:steps], residual, "resample"),
        "upsample_type": _attention_resampling(up[:steps], up_residual, "up_resample"),
    }


def _block_names(attention: tuple[bool, ...], residual: list[bool], names: tuple[str, str, str]) -> tuple[str, ...]:
    plain, resampling, prefix = names
    return tuple(
        prefix + plain if attends else (resampling if changes else plain)
        for attends, changes in zip(attention, residual, strict=True)
    )


def _attention_resampling(attention: tuple[bool, ...], residual: list[bool], field: str) -> str:
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
_OUTSIDE = {
    "embedding.time_features.frequencies": "time_proj.weight",
    "embedding.time_features.weight": "time_proj.weight",
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


def _published_names(name: str, pyramid: bool) -> tuple[str, ...]:
    """The published tensors that ours is made of, one below the other: one, or query, key and value."""
    place, _, kind = name.rpartition(".")
    if place in ("conv_in", "conv_out"):
        return (name,)
    if name in _OUTSIDE:
        return (_OUTSIDE[name],)
    if place in _OUTSIDE:
        return (f"{_OUTSIDE[place]}.{kind}",)
    if place.startswith("middle."):
        _, part, inner = place.split(".")
        block = _OUTSIDE[f"middle.{part}"]
    else:
        block, part, inner = _level_place(place, pyramid)
    if part == "attention" and inner == "qkv":
        return tuple(f"{block}.{which}.{kind}" for which in ("to_q", "to_k", "to_v"))
    inner = (_WITHIN_ATTENTION if part == "attention" else _WITHIN).get(inner, inner)
    return (".".join(filter(None, (block, inner, kind))),)


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


def _names(config: UNet2DConfig) -> dict[str, tuple[tuple[str, ...], torch.Size]]:
    """For each tensor of our network, what it is made of and its shape."""
    with torch.device("meta"):
        state = config.build().state_dict()
    pyramid = isinstance(config, NCSNppConfig)
    return {name: (_published_names(name, pyramid), tensor.shape) for name, tensor in state.items()}


def import_state(config: UNet2DConfig, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our network's state dict from a published one, with names of either age.

    Args:
        config: from :func:`import_config`.
        published: the library's state dict.

    Raises:
        BadInput: a tensor is missing, unknown or of the wrong shape; the message names it.
    """
    old = re.compile(r"(?<=attentions\.\d\.)(" + "|".join(_OLD_NAMES) + r")(?=\.)")
    tensors = {old.sub(lambda match: _OLD_NAMES[match[1]], name): tensor for name, tensor in published.items()}
    state = {}
    for ours, (theirs, shape) in _names(config).items():
        missing = [name for name in theirs if name not in tensors]
        if missing:
            raise BadInput(f"UNet2DModel weights: missing {missing}")
        state[ours] = torch.cat([tensors.pop(name) for name in theirs])
        if state[ours].shape != shape:
            raise BadInput(f"UNet2DModel weights: {theirs} has shape {tuple(state[ours].shape)}, not {tuple(shape)}")
    if tensors:
        raise BadInput(f"UNet2DModel weights: unknown {sorted(tensors)}")
    return state


def export_state(config: UNet2DConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict, with the newer names, of our network's; :func:`import_state` reads it back."""
    published: dict[str, Tensor] = {}
    for ours, (theirs, _) in _names(config).items():
        published |= dict(zip(theirs, state[ours].chunk(len(theirs)), strict=True))
    return published
