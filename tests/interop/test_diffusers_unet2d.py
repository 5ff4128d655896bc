"""Published two-dimensional U-Nets: against the library itself where it is installed, and refusals by name."""

from __future__ import annotations

import random
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.interop.diffusers_unet2d import export_config, export_state, import_config, import_state
from diorama.networks.denoisers.ddpm import DDPMUNetConfig

TINY: dict[str, Any] = {
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
    "layers_per_block": 1,
}


def _plain(draw: random.Random) -> dict[str, Any]:
    levels = draw.randint(1, 3)
    down = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"]
    up = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"]
    scale_shift = draw.choice(["default", "scale_shift"])
    return {
        "in_channels": draw.choice([1, 3]),
        "out_channels": draw.choice([1, 3, 6]),
        "center_input_sample": draw.random() < 0.5,
        "time_embedding_type": draw.choice(["positional", "positional", "fourier", "learned"]),
        "time_embedding_dim": draw.choice([None, 20]),
        "freq_shift": draw.choice([0, 1]),
        "flip_sin_to_cos": draw.random() < 0.5,
        "down_block_types": [draw.choice(down) for _ in range(levels)],
        "mid_block_type": draw.choice(["UNetMidBlock2D", "UNetMidBlock2D", None]),
        "up_block_types": [draw.choice(up) for _ in range(levels)],
        "block_out_channels": [draw.choice([8, 16, 24]) for _ in range(levels)],
        "layers_per_block": draw.randint(1, 2),
        "mid_block_scale_factor": draw.choice([1, 1.5]),
        "downsample_padding": draw.choice([0, 1]),
        "downsample_type": draw.choice(["conv", "resnet"]),
        "upsample_type": draw.choice(["conv", "resnet"]),
        "act_fn": draw.choice(["silu", "swish", "mish", "gelu", "relu"]),
        "attention_head_dim": draw.choice([None, 4, 8]),
        "norm_num_groups": draw.choice([2, 4, 8]),
        "attn_norm_num_groups": draw.choice([None, 2]),
        "norm_eps": draw.choice([1e-5, 1e-6]),
        "resnet_time_scale_shift": scale_shift,
        "add_attention": draw.random() < 0.7,
        "class_embed_type": draw.choice([None, None, "timestep", "identity"]),
        "num_class_embeds": draw.choice([None, 5]),
        "num_train_timesteps": 50,
    }


def _pyramid(draw: random.Random) -> dict[str, Any]:
    levels = draw.randint(1, 3)
    return {
        "time_embedding_type": draw.choice(["positional", "fourier"]),
        "down_block_types": [draw.choice(["SkipDownBlock2D", "AttnSkipDownBlock2D"]) for _ in range(levels)],
        "up_block_types": [draw.choice(["SkipUpBlock2D", "AttnSkipUpBlock2D"]) for _ in range(levels)],
        "block_out_channels": [draw.choice([32, 64]) for _ in range(levels)],
        "layers_per_block": draw.randint(1, 2),
        "mid_block_scale_factor": 2**0.5,
        "attention_head_dim": draw.choice([None, 8]),
        "norm_num_groups": draw.choice([None, 8]),
        "resnet_time_scale_shift": draw.choice(["default", "scale_shift"]),
    }


def _label(published: Any, config: dict[str, Any]) -> torch.Tensor | None:
    kind = config.get("class_embed_type")
    if kind == "identity":
        return torch.randn(2, published.time_embedding.linear_2.out_features)
    if kind == "timestep":
        return torch.tensor([3, 40])
    return torch.tensor([0, 4]) if config.get("num_class_embeds") else None


@pytest.mark.parametrize("seed", range(24))
def test_computes_what_the_library_computes(seed: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    draw = random.Random(seed)
    config = (_pyramid if seed % 4 == 3 else _plain)(draw)
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        published = diffusers.UNet2DModel(**config).eval()
        for parameter in published.parameters():
            torch.nn.init.normal_(parameter, 0, 0.15)
        x, t = torch.rand(2, config.get("in_channels", 3), 16, 8), torch.tensor([3, 41])
        label = _label(published, config)
        with torch.no_grad():
            expected = published(x, t, label).sample
    ours = import_config(config)
    network = ours.build().eval()
    network.load_state_dict(import_state(ours, published.state_dict()))
    with torch.no_grad():
        found = network(x, t, {} if label is None else {"label": label})
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    back = export_state(ours, network.state_dict())
    assert all(torch.equal(back[name], tensor) for name, tensor in published.state_dict().items())
    again = diffusers.UNet2DModel(**export_config(ours))
    again.load_state_dict(back)
    assert import_config(export_config(ours)) == ours


def _rename_to_2022(name: str) -> str:
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, old in names.items():
        name = name.replace(new, old)
    return name


def test_names_of_2022_are_read() -> None:
    config = import_config(TINY)
    state = config.build().state_dict()
    published = {_rename_to_2022(name): tensor for name, tensor in export_state(config, state).items()}
    assert any("proj_attn" in name for name in published)
    assert all(torch.equal(tensor, state[name]) for name, tensor in import_state(config, published).items())


def test_block_names_of_the_first_release_and_private_keys_are_read() -> None:
    old = TINY | {"_class_name": "UNet2DModel", "down_block_types": ["UNetResDownBlock2D", "UNetResAttnDownBlock2D"]}
    assert import_config(old) == import_config(TINY)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"act_fn": "tanh"}, "act_fn"),
        ({"time_embedding_type": "guess"}, "time_embedding_type"),
        ({"down_block_types": ["DownBlock2D", "KDownBlock2D"]}, "KDownBlock2D"),
        ({"up_block_types": ["DownBlock2D", "UpBlock2D"]}, "up_block_types"),
        ({"up_block_types": ["UpBlock2D"]}, "differ in length"),
        ({"up_block_types": ["SkipUpBlock2D", "UpBlock2D"]}, "mix Skip"),
        ({"norm_num_groups": None}, "norm_num_groups"),
        ({"norm_num_groups": 5}, "groups"),
        ({"class_embed_type": "picture"}, "class_embed_type"),
        ({"mid_block_type": "UNetMidBlock2DCrossAttn"}, "mid_block_type"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        import_config(TINY | change)


def test_pyramids_of_other_channels_are_refused() -> None:
    skip = {"down_block_types": ["SkipDownBlock2D"] * 2, "up_block_types": ["SkipUpBlock2D"] * 2, "in_channels": 1}
    with pytest.raises(BadInput, match="in_channels"):
        import_config(TINY | skip)


def test_tensors_missing_unknown_or_of_another_shape_are_named() -> None:
    config = import_config(TINY)
    published = export_state(config, config.build().state_dict())
    name = "mid_block.attentions.0.to_k.weight"
    with pytest.raises(BadInput, match=r"missing.*to_k.weight"):
        import_state(config, {k: v for k, v in published.items() if k != name})
    with pytest.raises(BadInput, match=r"unknown.*extra.weight"):
        import_state(config, published | {"extra.weight": torch.zeros(1)})
    with pytest.raises(BadInput, match=r"conv_in.bias.*shape"):
        import_state(config, published | {"conv_in.bias": torch.zeros(3)})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"patch": 2}, "patch"),
        ({"middle_groups": 0}, "middle_groups"),
        ({"attention": (True, True, True), "widths": (8, 8, 8), "resample": ("conv", "residual")}, "resample"),
    ],
)
def test_networks_the_library_lacks_are_not_written(change: dict[str, Any], named: str) -> None:
    config = replace(DDPMUNetConfig(widths=(8, 8), attention=(True, True), groups=4), **change)
    with pytest.raises(BadInput, match=named):
        export_config(config)
