"""Arguments of the classes that BasicSR and Real-ESRGAN publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RRDBNetArguments:
    """Arguments of ``RRDBNet``.

    Args:
        num_in_ch: channels of small pictures, before pixels become channels.
        num_out_ch: channels of large ones.
        scale: 2 and 1 lay pixels into channels; all others enlarge four times.
        num_feat: width.
        num_block: blocks.
        num_grow_ch: maps that a layer adds.
    """

    num_in_ch: int
    num_out_ch: int
    scale: int = 4
    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32


@dataclass(frozen=True, kw_only=True)
class CompactArguments:
    """Arguments of ``SRVGGNetCompact``.

    Args:
        num_in_ch: channels of small pictures.
        num_out_ch: channels of large ones.
        num_feat: width.
        num_conv: convolutions between the first and the last.
        upscale: how many times it enlarges.
        act_type: slopes of the non-linearity: learned, 0, or 0.1.
    """

    num_in_ch: int = 3
    num_out_ch: int = 3
    num_feat: int = 64
    num_conv: int = 16
    upscale: int = 4
    act_type: Literal["prelu", "relu", "leakyrelu"] = "prelu"


@dataclass(frozen=True, kw_only=True)
class SRResNetArguments:
    """Arguments of ``MSRResNet``.

    Args:
        num_in_ch: channels of small pictures.
        num_out_ch: channels of large ones.
        num_feat: width.
        num_block: blocks.
        upscale: how many times it enlarges.
    """

    num_in_ch: int = 3
    num_out_ch: int = 3
    num_feat: int = 64
    num_block: int = 16
    upscale: int = 4


@dataclass(frozen=True, kw_only=True)
class VGGDiscriminatorArguments:
    """Arguments of ``VGGStyleDiscriminator``.

    Args:
        num_in_ch: channels of the pictures.
        num_feat: width.
        input_size: side of the pictures.
    """

    num_in_ch: int
    num_feat: int
    input_size: int = 128


@dataclass(frozen=True, kw_only=True)
class UNetDiscriminatorArguments:
    """Arguments of ``UNetDiscriminatorSN``.

    Args:
        num_in_ch: channels of the pictures.
        num_feat: width.
        skip_connection: maps of the way down are added on the way up.
    """

    num_in_ch: int
    num_feat: int = 64
    skip_connection: bool = True
