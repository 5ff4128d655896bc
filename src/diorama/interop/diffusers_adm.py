"""ADM's U-Net as the DDPM network that computes the same, which ``UNet2DModel`` of diffusers holds.

The library's copies of the ImageNet-64 consistency models are networks of ADM that were turned like this.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.networks.denoisers.adm import EPS, GROUPS, ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig


def as_ddpm(config: ADMUNetConfig) -> DDPMUNetConfig:
    """The network of our DDPM that computes what one of ADM does.

    Raises:
        BadInput: none does; the message names the field.
    """
    if config.picture:
        raise BadInput("picture: UNet2DModel reads a label alone, this network a picture as well")
    if config.resample == "pool":
        raise BadInput("resample: UNet2DModel changes resolutions by weights, this network by means alone ('pool')")
    if config.channels != config.widths[0]:
        raise BadInput(
            f"channels: UNet2DModel has as many time features as channels of the first level, {config.widths[0]}; this "
            f"network has {config.channels}"
        )
    steps = len(config.widths) - 1
    return DDPMUNetConfig(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        widths=config.widths,
        depth=config.depth,
        attention=config.attention,
        resample=(config.resample,) * steps,
        down_padding=1,
        head_channels=_head_channels(config),
        groups=GROUPS,
        eps=EPS,
        dropout=config.dropout,
        scale_shift=config.scale_shift,
        embedding=config.embedding,
    )


def ddpm_state(config: ADMUNetConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of that network, of those of ADM's: other names, and all queries before all keys and values."""
    found = {}
    for name, tensor in state.items():
        place, _, kind = name.rpartition(".")
        if config.heads_first and place.endswith(".qkv"):
            tensor = _queries_first(tensor, _heads(config, name, tensor.shape[0] // 3))
        found[f"{place.removeprefix('torso.')}.{kind}"] = tensor
    return found


def _heads(config: ADMUNetConfig, name: str, width: int) -> int:
    if config.head_channels is not None:
        return width // config.head_channels
    return (config.up_heads or config.heads) if name.startswith("up.") else config.heads


def _queries_first(rows: Tensor, heads: int) -> Tensor:
    """(3 c, ...) rows that have a head's query, key and value side by side, as all queries, keys and values."""
    return rows.unflatten(0, (heads, 3, -1)).movedim(1, 0).flatten(0, 2)


def _head_channels(config: ADMUNetConfig) -> int | None:
    """Of every head; ``None`` for one head on each map.

    Raises:
        BadInput: heads of one number have several sizes.
    """
    if config.head_channels is not None:
        return config.head_channels
    up = config.up_heads or config.heads
    if config.heads == up == 1:
        return None
    attending = [width for width, attends in zip(config.widths, config.attention, strict=True) if attends]
    sizes = {width // config.heads for width in config.attending} | {width // up for width in attending}
    if len(sizes) > 1:
        raise BadInput(
            f"heads, up_heads: UNet2DModel has heads of one size, this network of {sorted(sizes)} channels, since it "
            "counts them"
        )
    return sizes.pop()
