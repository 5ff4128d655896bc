"""Arguments of the diffusers library's ``UNet2DModel``, and which of their values no network can have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from diorama.core.errors import BadInput
from diorama.interop.layout import refuse_below

_MOST_LAYERS = 64
"""Residual blocks of a level; a config from anybody may ask for any number of modules."""


@dataclass(frozen=True, kw_only=True)
class UNet2DModelArguments:
    """Arguments of ``UNet2DModel`` with the library's defaults: a published config leaves out what equals them.

    Args:
        sample_size: side, or (height, width), of the pictures it was trained on; the network itself takes any.
    """

    sample_size: int | tuple[int, int] | None = None
    in_channels: int = 3
    out_channels: int = 3
    center_input_sample: bool = False
    time_embedding_type: Literal["positional", "fourier", "learned"] = "positional"
    time_embedding_dim: int | None = None
    freq_shift: float = 0.0
    flip_sin_to_cos: bool = True
    down_block_types: tuple[str, ...] = ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D")
    mid_block_type: Literal["UNetMidBlock2D"] | None = "UNetMidBlock2D"
    up_block_types: tuple[str, ...] = ("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D")
    block_out_channels: tuple[int, ...] = (224, 448, 672, 896)
    layers_per_block: int = 2
    mid_block_scale_factor: float = 1.0
    downsample_padding: int = 1
    downsample_type: Literal["conv", "resnet"] = "conv"
    upsample_type: Literal["conv", "resnet"] = "conv"
    dropout: float = 0.0
    act_fn: Literal["silu", "swish", "mish", "gelu", "relu"] = "silu"
    attention_head_dim: int | None = 8
    norm_num_groups: int | None = 32
    attn_norm_num_groups: int | None = None
    norm_eps: float = 1e-5
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    add_attention: bool = True
    class_embed_type: Literal["timestep", "identity"] | None = None
    num_class_embeds: int | None = None
    num_train_timesteps: int | None = None


def refuse_impossible_values(arguments: UNet2DModelArguments, *, pyramid: bool) -> None:
    """Refuse, by its published name, what no network can have.

    Args:
        arguments: as published.
        pyramid: of Skip blocks, which read fewer of them.

    Raises:
        BadInput: the message names the argument.
    """
    refuse_below(arguments, 1, "sample_size", "in_channels", "out_channels", "block_out_channels", "layers_per_block")
    refuse_below(arguments, 1, "time_embedding_dim", "norm_num_groups", "attn_norm_num_groups", "num_class_embeds")
    refuse_below(arguments, 1, "num_train_timesteps")
    widths, time = arguments.block_out_channels, arguments.time_embedding_type
    groups, middle = arguments.norm_num_groups, arguments.attn_norm_num_groups
    # Skip blocks choose their own groups; only the middle and the last norm read the number.
    normed = (widths[0], widths[-1]) if pyramid else widths
    wrong: dict[str, bool] = {
        f"layers_per_block: {arguments.layers_per_block} are more than {_MOST_LAYERS}": (
            arguments.layers_per_block > _MOST_LAYERS
        ),
        f"norm_num_groups: {groups} does not divide every width of {list(normed)}": (
            groups is not None and any(width % groups for width in normed)
        ),
        f"attn_norm_num_groups: {middle} does not divide {widths[-1]} channels": (
            middle is not None and widths[-1] % middle != 0
        ),
        f"downsample_padding: must be 0 or 1, got {arguments.downsample_padding}": (
            not pyramid and arguments.downsample_padding not in (0, 1)
        ),
        f"freq_shift: must lie below half of the first width ({widths[0]}), got {arguments.freq_shift:g}": (
            time == "positional" and not arguments.freq_shift < widths[0] // 2
        ),
        f"mid_block_scale_factor: must be positive and finite, got {arguments.mid_block_scale_factor:g}": (
            not 0 < arguments.mid_block_scale_factor < math.inf
        ),
        f"norm_eps: must be positive, got {arguments.norm_eps:g}": not arguments.norm_eps > 0,
        f"dropout: must be in [0, 1), got {arguments.dropout:g}": not 0 <= arguments.dropout < 1,
        "num_train_timesteps: a learned time embedding needs the number of its rows": (
            time == "learned" and arguments.num_train_timesteps is None
        ),
    }
    for said, holds in wrong.items():
        if holds:
            raise BadInput(said)
