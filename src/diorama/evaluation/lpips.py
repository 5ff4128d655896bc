"""LPIPS of pairs: what a model draws, and what it should have drawn."""

from __future__ import annotations

from functools import cache, partial

from jaxtyping import Float
from torch import Tensor

from diorama.core.device import full_float32
from diorama.core.errors import BadInput
from diorama.evaluation.models import Asked
from diorama.interop.lpips import load_lpips
from diorama.networks.features.lpips import LPIPS, LPIPSConfig, TrunkName


@cache
def _network(trunk: TrunkName, device: str) -> LPIPS:
    return load_lpips(LPIPSConfig(trunk=trunk)).to(device)


def _of_pairs(trunk: TrunkName, asked: Asked) -> Float[Tensor, " b"]:
    """The distance of each pair, through 8 bits; of clips the mean over their frames.

    Raises:
        BadInput: the weights are not at hand, or the network cannot see such pictures.
    """
    device = asked.records.device
    network = _network(trunk, str(device))
    channels = asked.model.config.media.channels
    # The frames of a clip lie beside one another in the channels: (b, c * t, h, w) to (b * t, c, h, w).
    again, real = (
        x.unflatten(1, (channels, -1)).transpose(1, 2).flatten(0, 1).to(device) / 127.5 - 1 for x in asked.grey_levels
    )
    try:
        with full_float32():
            return network(again, real).unflatten(0, (len(asked.records), -1)).mean(1)
    except ValueError as problem:
        raise BadInput(f"metrics: lpips-{trunk}: {problem}") from problem


lpips_alex = partial(_of_pairs, "alex")
lpips_vgg = partial(_of_pairs, "vgg")
lpips_squeeze = partial(_of_pairs, "squeeze")
