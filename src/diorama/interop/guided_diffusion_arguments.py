"""Arguments of guided-diffusion's networks, and which of their values no network can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diorama.core.errors import BadInput
from diorama.interop.layout import refuse_below
from diorama.networks.denoisers.adm import GROUPS

_MOST_BLOCKS = 64
"""Residual blocks of a level; a config from anybody may ask for any number of modules."""


@dataclass(frozen=True, kw_only=True)
class TorsoArguments:
    """Arguments that ``UNetModel`` and ``EncoderUNetModel`` share, with the published defaults.

    Args:
        in_channels: of the noisy picture; ``SuperResModel`` doubles it itself.
        attention_resolutions: by how many times a map with attention is smaller than the picture: 1, 2, 4 …
        channel_mult: times ``model_channels``, cut to a whole number, is a level's width.
        conv_resample: read where ``resblock_updown`` is false.
        dims: axes of the pictures.
        num_heads: of each attention; not read where ``num_head_channels`` is not -1.
        num_heads_upsample: the same on the way up; -1 is as ``num_heads``.
        use_checkpoint: spares memory in training, and changes no number.
        use_fp16: the published code then computes most of it in half precision. Here it is a choice of whoever draws.
    """

    in_channels: int
    model_channels: int
    out_channels: int
    num_res_blocks: int
    attention_resolutions: tuple[int, ...]
    dropout: float = 0.0
    channel_mult: tuple[float, ...] = (1, 2, 4, 8)
    conv_resample: bool = True
    dims: int = 2
    use_checkpoint: bool = False
    use_fp16: bool = False
    num_heads: int = 1
    num_head_channels: int = -1
    num_heads_upsample: int = -1
    use_scale_shift_norm: bool = False
    resblock_updown: bool = False
    use_new_attention_order: bool = False


@dataclass(frozen=True, kw_only=True)
class UNetArguments(TorsoArguments):
    """Arguments of ``UNetModel`` and ``SuperResModel``.

    Args:
        image_size: side, or (height, width), of the pictures it was trained on; the network itself takes any.
        num_classes: labels that it knows; ``None`` where it reads none.
    """

    image_size: int | tuple[int, int] | None = None
    num_classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ClassifierArguments(TorsoArguments):
    """Arguments of ``EncoderUNetModel``.

    Args:
        image_size: side of the pictures, which only ``pool="attention"`` has to know.
        pool: what comes behind the last block.
    """

    image_size: int | None = None
    pool: Literal["adaptive", "attention", "spatial", "spatial_v2"] = "adaptive"


def widths_of(arguments: TorsoArguments) -> tuple[int, ...]:
    """Channels of each level.

    Raises:
        BadInput: a multiplier is infinite or not a number.
    """
    try:
        return tuple(int(multiplier * arguments.model_channels) for multiplier in arguments.channel_mult)
    except (ValueError, OverflowError) as problem:
        raise BadInput(f"channel_mult: must be finite, got {list(arguments.channel_mult)}") from problem


def refuse_impossible_unets(arguments: UNetArguments) -> None:
    """Refuse, by its published name, what no U-Net can have.

    Raises:
        BadInput: the message names the argument.
    """
    refuse_below(arguments, 1, "num_classes")
    _refuse_impossible_torsos(arguments)
    if arguments.num_head_channels == -1 and arguments.num_heads_upsample != -1:
        # The middle belongs to the way down.
        _refuse_uneven_heads(arguments, "num_heads_upsample", _attending(arguments))


def refuse_impossible_classifiers(arguments: ClassifierArguments) -> None:
    """Refuse, by its published name, what no classifier can have.

    Raises:
        BadInput: the message names the argument.
    """
    _refuse_impossible_torsos(arguments)
    if arguments.pool != "attention":
        return
    smallest = 2 ** (len(arguments.channel_mult) - 1)
    if arguments.image_size is None or arguments.image_size < smallest:
        raise BadInput(
            f"image_size: pool='attention' needs it, and at {len(arguments.channel_mult)} levels at least {smallest}, "
            f"got {arguments.image_size}"
        )
    if arguments.num_head_channels == -1:
        raise BadInput("num_head_channels: pool='attention' needs it, -1 is none")


def _refuse_impossible_torsos(arguments: TorsoArguments) -> None:
    refuse_below(arguments, 1, "image_size", "in_channels", "out_channels", "num_res_blocks", "attention_resolutions")
    # The time is told by pairs of waves.
    refuse_below(arguments, 2, "model_channels")
    widths, depth = widths_of(arguments), arguments.num_res_blocks
    if arguments.dims != 2:
        raise BadInput(f"dims: only networks of pictures are read, which have 2, got {arguments.dims}")
    if depth > _MOST_BLOCKS:
        raise BadInput(f"num_res_blocks: {depth} are more than {_MOST_BLOCKS}")
    if not widths or any(width < 1 or width % GROUPS for width in widths):
        raise BadInput(
            f"channel_mult: times model_channels ({arguments.model_channels}) must give multiples of {GROUPS}, at "
            f"least one, got {list(widths)}"
        )
    if not 0 <= arguments.dropout < 1:
        raise BadInput(f"dropout: must be in [0, 1), got {arguments.dropout:g}")
    for name in ("num_head_channels", "num_heads_upsample"):
        if getattr(arguments, name) != -1:
            refuse_below(arguments, 1, name)
    refuse_below(arguments, 1, "num_heads")
    name = "num_heads" if arguments.num_head_channels == -1 else "num_head_channels"
    _refuse_uneven_heads(arguments, name, (*_attending(arguments), widths[-1]))


def _attending(arguments: TorsoArguments) -> tuple[int, ...]:
    """Widths of the levels that have attention."""
    widths = enumerate(widths_of(arguments))
    return tuple(width for level, width in widths if 2**level in arguments.attention_resolutions)


def _refuse_uneven_heads(arguments: TorsoArguments, name: str, widths: tuple[int, ...]) -> None:
    parts = getattr(arguments, name)
    uneven = [width for width in widths if width % parts]
    if uneven:
        raise BadInput(f"{name}: {parts} does not divide the {uneven[0]} channels of an attention")
