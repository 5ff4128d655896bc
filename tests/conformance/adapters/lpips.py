"""Golden cases of LPIPS: trunks drawn by the Philox rule, heads as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.legacy import read_state_dict
from diorama.core.weights import find
from diorama.interop.lpips import HEAD_FILES, fill_heads, fill_trunk
from diorama.networks.features.lpips import LPIPS, LPIPSConfig, TrunkName
from tests.conformance.case import Case, golden_folder
from tests.conformance.philox import philox_weights
from tests.conformance.runner import Compute


def _network(trunk: TrunkName, config: Mapping[str, Any]) -> LPIPS:
    network = LPIPSConfig(trunk=trunk, learned=bool(config.get("lpips", True))).build()
    state = config["backbones"][trunk]["state_dict"]
    fill_trunk(network.trunk, philox_weights({"state_dict": state, "gain": config.get("gain", 1.0)}), trunk)
    if network.config.learned:
        file = HEAD_FILES[trunk]
        try:
            path = find(file)
        except BadInput:
            path = find(file, golden_folder().parent / "data")
        fill_heads(network, read_state_dict(path))
    return network.eval()


def _pictures(case: Case) -> tuple[Tensor, Tensor]:
    """Both sides in [-1, 1]: bytes, and with ``normalize`` pictures in [0, 1], are brought there."""
    sides = case.inputs["reference"], case.inputs["distorted"]
    if not sides[0].is_floating_point():
        return sides[0].float() / 127.5 - 1, sides[1].float() / 127.5 - 1
    if case.config.get("normalize", False):
        return 2 * sides[0] - 1, 2 * sides[1] - 1
    return sides


@torch.no_grad()
def lpips(case: Case) -> Mapping[str, Tensor]:
    """Distances, what each depth adds, and of AlexNet every fourth place of the first picture's map."""
    first, second = _pictures(case)
    found = {}
    for trunk in (name for name in get_args(TrunkName) if name in case.config["backbones"]):
        network = _network(trunk, case.config)
        layers = network.layers(first, second)
        found |= {f"lpips_{trunk}": layers.sum(1), f"lpips_{trunk}_layers": layers}
        if trunk == "alex":
            found["lpips_alex_spatial_first"] = network.spatial(first[:1], second[:1])[..., ::4, ::4]
    return found


ADAPTERS: dict[str, Compute] = {"lpips.LPIPS(net, version='0.1')": lpips}
