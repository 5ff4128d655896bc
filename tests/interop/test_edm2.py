"""The network of EDM2 in its published layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.edm2 import EDM2_UNET, EDM2UNetArguments
from diorama.interop.edm_precond import load_denoiser
from diorama.interop.layout import shapes_of
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from tests.interop.edm2_walk import walk

SMALL = {
    "img_resolution": 8,
    "img_channels": 3,
    "label_dim": 0,
    "model_channels": 8,
    "channel_mult": [1, 2],
    "num_blocks": 1,
    "attn_resolutions": [4],
    "channels_per_head": 4,
}
OPTIONS = st.fixed_dictionaries(
    {
        "label_dim": st.sampled_from([0, 3]),
        "channel_mult": st.sampled_from([[1], [1, 2], [2, 1, 3]]),
        "channel_mult_noise": st.sampled_from([None, 1, 3]),
        "channel_mult_emb": st.sampled_from([None, 2]),
        "num_blocks": st.integers(1, 2),
        "attn_resolutions": st.sampled_from([[], [8], [4, 2]]),
        "channels_per_head": st.sampled_from([4, 8, 64]),
        "label_balance": st.sampled_from([0.5, 0.3]),
        "concat_balance": st.sampled_from([0.5, 0.7]),
        "res_balance": st.sampled_from([0.3, 0.5]),
        "attn_balance": st.sampled_from([0.3, 0.1]),
        "clip_act": st.sampled_from([None, 256, 0.5]),
        "resample_filter": st.sampled_from([[1, 1], [1, 3, 3, 1], [1.0, 2.0]]),
        "dropout": st.sampled_from([0, 0.2]),
    }
)


def published(arguments: dict[str, Any], seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of a network with these arguments."""
    config = EDM2_UNET.read_config(arguments)
    state = EDM2_UNET.export_state(config, config.build().state_dict())
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(tensor.shape, generator=generator) for name, tensor in state.items()}


@torch.no_grad()
@settings(deadline=None, max_examples=20)
@given(options=OPTIONS, seed=st.integers(0, 100))
def test_it_is_the_published_network(options: dict[str, Any], seed: int) -> None:
    arguments = SMALL | options
    tensors = published(arguments, seed)
    x, t = torch.randn(2, 3, 8, 8), torch.tensor([-0.7, 0.4])
    rows = torch.eye(3)[:2] if options["label_dim"] else None
    found = EDM2_UNET.load(arguments, tensors)(x, t, {} if rows is None else {"label": rows})
    expected = walk(arguments, tensors, x, t, rows)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


@settings(deadline=None, max_examples=10)
@given(options=OPTIONS)
def test_import_export_import_is_bit_equal(options: dict[str, Any]) -> None:
    arguments = SMALL | options
    tensors = published(arguments)
    config = EDM2_UNET.read_config(arguments, shapes_of(tensors))
    back = EDM2_UNET.export_state(config, EDM2_UNET.import_state(config, tensors))
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())
    assert EDM2_UNET.read_config(EDM2_UNET.written(EDM2_UNET.to_published(config))) == config
    assert recognise(shapes_of(tensors), {}) is EDM2_UNET


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_blocks": 1000}, "num_blocks: 1000 are more"),
        ({"channels_per_head": 0}, "channels_per_head: must be at least 1"),
        ({"model_channels": 7, "channels_per_head": 3}, "model_channels, channels_per_head: 7 channels cannot"),
        ({"res_balance": 1.5}, "res_balance: must be in"),
        ({"clip_act": 0}, "clip_act: must be positive"),
        ({"resample_filter": [1, 2, 1]}, "resample_filter: "),
        ({"img_resolution": 9}, "img_resolution: 9 pixels must be"),
        ({"flavor": "enc"}, "flavor"),
    ],
)
def test_what_cannot_be_is_refused_by_its_published_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        EDM2_UNET.read_config(SMALL | {"channel_mult": [1, 1]} | wrong)


def test_what_the_published_network_cannot_be_is_not_written() -> None:
    with pytest.raises(BadInput, match="out_channels"):
        EDM2UNetArguments.of(EDM2UNetConfig(out_channels=8))
    with pytest.raises(BadInput, match="patch"):
        EDM2UNetArguments.of(EDM2UNetConfig(patch=2))
    with pytest.raises(BadInput, match="label_dropout"):
        EDM2UNetArguments.of(EDM2UNetConfig(classes=2, label_dropout=0.1))
    with pytest.raises(BadInput, match=r"picture: .* this one enlarges one"):
        EDM2UNetArguments.of(EDM2UNetConfig(picture=4))


def test_a_denoiser_needs_its_uncertainty() -> None:
    tensors = {f"unet.{name}": tensor for name, tensor in published(SMALL).items()}
    head = {
        "logvar_fourier.freqs": torch.randn(4),
        "logvar_fourier.phases": torch.randn(4),
        "logvar_linear.weight": torch.randn(1, 4),
    }
    config = SMALL | {"logvar_channels": 4}
    found = load_denoiser("Precond", config, tensors | head)
    assert found.uncertainty is not None
    assert found.uncertainty(torch.tensor([0.1, 2.0])).shape == (2,)
    with pytest.raises(BadInput, match=r"tensor 'logvar_linear\.weight' has shape"):
        load_denoiser(
            "Precond",
            config | {"logvar_channels": 5},
            tensors | head | {"logvar_fourier.freqs": torch.zeros(5), "logvar_fourier.phases": torch.zeros(5)},
        )
    with pytest.raises(BadInput, match=r"tensor 'logvar_fourier\.freqs' is missing"):
        load_denoiser("Precond", config, tensors)
    with pytest.raises(BadInput, match="logvar_channels: must be at least 1"):
        load_denoiser("Precond", config | {"logvar_channels": 0}, tensors | head)
