"""Published score SDEs: networks against a walk over their tensors, over random configs, and refusals by name."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.layout import shapes_of
from diorama.interop.score_sde import DDPM, NCSNPP, ScoreSDELayout
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from tests.interop.score_sde_walk import Walk

SMALL: dict[str, Any] = {
    "data": {"image_size": 8, "num_channels": 3, "centered": True, "dataset": "CIFAR10"},
    "model": {
        "name": "ncsnpp",
        "nf": 8,
        "ch_mult": [1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [4],
        "resamp_with_conv": True,
        "conditional": True,
        "fir": True,
        "fir_kernel": [1, 3, 3, 1],
        "skip_rescale": True,
        "resblock_type": "biggan",
        "progressive": "none",
        "progressive_input": "residual",
        "progressive_combine": "sum",
        "embedding_type": "fourier",
        "scale_by_sigma": True,
        "nonlinearity": "swish",
        "sigma_min": 0.01,
        "sigma_max": 50,
        "num_scales": 20,
    },
    "training": {"sde": "vesde", "continuous": True, "batch_size": 128},
    "optim": {"lr": 2e-4},
}


def changed(**model: Any) -> dict[str, Any]:
    """:data:`SMALL` with other settings of its network."""
    config = copy.deepcopy(SMALL)
    config["model"] |= model
    return config


def random_state(layout: ScoreSDELayout, config: dict[str, Any]) -> dict[str, Tensor]:
    """Published tensors of a network of this config."""
    ours = layout.read_config(config)
    state = ours.build().state_dict()
    published = layout.export_state(ours, {name: 0.2 * torch.randn_like(tensor) for name, tensor in state.items()})
    series = torch.linspace(torch.tensor(50.0).log().item(), torch.tensor(0.01).log().item(), 20, dtype=torch.float64)
    return published | {"sigmas": series.exp()}


def random_config(draw: random.Random, layout: ScoreSDELayout) -> dict[str, Any]:
    """A config that the published code can run, and some of those that only its words describe."""
    big = draw.random() < 0.5
    fir = draw.random() < 0.5
    config = changed(
        name=layout.name,
        nf=draw.choice([32, 64]) if layout is DDPM else draw.choice([8, 12, 16]),
        ch_mult=draw.choice([[1], [1, 2], [2, 1], [1, 1, 2]]),
        num_res_blocks=draw.choice([1, 2]),
        attn_resolutions=[side for side in (8, 4, 2) if draw.random() < 0.5],
        # A filter and a convolution that enlarge together are the one thing that there is not.
        resamp_with_conv=draw.random() < 0.5 and (big or not fir or layout is DDPM),
        conditional=draw.random() < 0.8,
        fir=fir,
        fir_kernel=draw.choice([[1, 3, 3, 1], [1, 1], [1, 2, 2, 1]]),
        skip_rescale=draw.random() < 0.5,
        resblock_type="biggan" if big else "ddpm",
        progressive=draw.choice(["none", "output_skip"]),
        progressive_input=draw.choice(["none", "input_skip", "residual"]),
        progressive_combine=draw.choice(["sum", "cat"]),
        embedding_type=draw.choice(["fourier", "positional"]),
        scale_by_sigma=draw.random() < 0.5,
        nonlinearity=draw.choice(["swish", "elu", "relu", "lrelu"]),
    )
    config["data"] |= {"num_channels": draw.choice([1, 3]), "centered": draw.random() < 0.5}
    return config


@pytest.mark.parametrize("layout", [NCSNPP, DDPM], ids=lambda layout: layout.network)
@pytest.mark.parametrize("seed", range(24))
def test_networks_are_those_of_their_configs(layout: ScoreSDELayout, seed: int) -> None:
    torch.manual_seed(seed)
    config = random_config(random.Random(seed), layout)
    state, channels = random_state(layout, config), config["data"]["num_channels"]
    x = torch.randn(2, channels, 8, 8)
    told = torch.tensor([3.0, 17.0])
    walk = Walk(state, config, ddpm=layout is DDPM)
    with torch.no_grad():
        wanted, found = walk.predict(x, told), layout.load(config, state)(x, told)
    assert not walk.left
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
