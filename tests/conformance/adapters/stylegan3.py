"""Golden cases of StyleGAN3: generators, and the geometry of full-size ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from diorama.interop import stylegan3 as published
from diorama.networks.adversarial.stylegan3 import StyleGAN3Generator
from tests.conformance.adapters.stylegan2 import condition_of, truncation_of
from tests.conformance.case import Case
from tests.conformance.runner import Compute


@torch.no_grad()
def generator(case: Case) -> Mapping[str, Tensor]:
    """Styles, features of the input, and pictures of ``z`` and ``c``, plain and truncated."""
    network = cast(StyleGAN3Generator, published.GENERATOR.load(case.config, case.weights))
    z, condition, (psi, cutoff) = case.inputs["z"], condition_of(case), truncation_of(case)
    plain = network.styles(z, condition)
    few = network.styles(z, condition, psi=psi, cutoff=cutoff)
    return {
        "ws": plain,
        "ws_psi": network.styles(z, condition, psi=psi),
        "ws_psi_cutoff": few,
        "input_features": network.input(plain[:, 0]),
        "img": network.draw(plain),
        "img_psi_cutoff": network.draw(few),
    }


def geometry(case: Case) -> Mapping[str, Tensor]:
    """What every layer of the synthesis of each config is."""
    outputs: dict[str, Tensor] = {}
    for name, arguments in case.config.items():
        outputs |= {f"{name}/{key}": value for key, value in _geometry(arguments).items()}
    return outputs


def _geometry(arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    config = published.GENERATOR.read_config(
        {"z_dim": 512, "c_dim": 0, "w_dim": 512, "img_channels": 3, **arguments}
    )  # fmt: skip
    layers, start = config.layers, config.places[0]
    whole = {
        "conv_kernel": [layer.kernel for layer in layers],
        "critical": [layer.critical for layer in layers],
        "down_factor": [layer.down for layer in layers],
        "down_radial": [layer.radial for layer in layers],
        "down_taps": [layer.down_taps for layer in layers],
        "in_channels": [layer.before.channels for layer in layers],
        "in_sampling_rate": [layer.before.rate for layer in layers],
        "in_size": [layer.before.size for layer in layers],
        "out_channels": [layer.after.channels for layer in layers],
        "out_sampling_rate": [layer.after.rate for layer in layers],
        "out_size": [layer.after.size for layer in layers],
        "padding": [layer.padding for layer in layers],
        "tmp_sampling_rate": [layer.rate for layer in layers],
        "up_factor": [layer.up for layer in layers],
        "up_taps": [layer.up_taps for layer in layers],
    }
    real = {
        "in_cutoff": [layer.before.cutoff for layer in layers],
        "in_half_width": [layer.before.half_width for layer in layers],
        "out_cutoff": [layer.after.cutoff for layer in layers],
        "out_half_width": [layer.after.half_width for layer in layers],
        "input_size_rate_bandwidth_channels": [start.size, start.rate, start.cutoff, start.channels],
    }
    outputs = {key: torch.tensor(value, dtype=torch.int64) for key, value in whole.items()}
    outputs |= {key: torch.tensor(value, dtype=torch.float32) for key, value in real.items()}
    for i, layer in enumerate(layers):
        for kind, designed in (("up_filter", layer.up_filter), ("down_filter", layer.down_filter)):
            if designed is not None:
                outputs[f"{kind}/{i}"] = designed
    with torch.device("meta"):
        network = config.build()
    parts = (network.input, network.layers)
    outputs["num_params"] = torch.tensor(sum(p.numel() for part in parts for p in part.parameters()))
    return outputs


ADAPTERS: dict[str, Compute] = {
    "training.networks_stylegan3.Generator": generator,
    "training.networks_stylegan3.SynthesisNetwork (geometry and filters only)": geometry,
}
