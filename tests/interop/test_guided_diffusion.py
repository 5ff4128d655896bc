"""guided-diffusion's networks: against a walk over their tensors, over random configs, and refusals by name."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.guided_diffusion import CLASSIFIER, SUPERRES, UNET
from diorama.interop.layout import Layout, shapes_of
from tests.interop.adm_walk import Walk

SMALL: dict[str, Any] = {
    "image_size": 8,
    "in_channels": 3,
    "model_channels": 16,
    "out_channels": 3,
    "num_res_blocks": 1,
    "attention_resolutions": [2],
    "channel_mult": [2, 4],
    "num_head_channels": 16,
}
ATTENTION = SMALL | {"pool": "attention"}


def random_state(layout: Layout[Any, Any], config: dict[str, Any]) -> dict[str, Tensor]:
    """Published tensors of a network of this config."""
    ours = layout.read_config(config)
    state = ours.build().state_dict()
    return layout.export_state(ours, {name: 0.2 * torch.randn_like(tensor) for name, tensor in state.items()})


def random_config(draw: random.Random) -> dict[str, Any]:
    """Arguments that the U-Net and the classifier share."""
    channels, levels = draw.choice([8, 15, 32]), draw.choice([1, 2, 3])
    config = {
        "image_size": 8,
        "in_channels": draw.choice([1, 3]),
        "model_channels": channels,
        "out_channels": draw.choice([2, 6]),
        "num_res_blocks": draw.choice([1, 2]),
        "attention_resolutions": [factor for factor in (1, 2, 4, 64) if draw.random() < 0.5],
        # What is cut to a whole number is a multiple of 32.
        "channel_mult": [(draw.choice([32, 64]) + draw.random() / 2) / channels for _ in range(levels)],
        "num_heads": draw.choice([1, 2, 4]),
    }
    if draw.random() < 0.5:
        config["num_head_channels"] = draw.choice([8, 16])
    if draw.random() < 0.5:
        config["num_heads_upsample"] = draw.choice([1, 8])
    for switch in ("conv_resample", "use_scale_shift_norm", "resblock_updown", "use_new_attention_order"):
        config[switch] = draw.random() < 0.5
    return config


def agree(layout: Layout[Any, Any], config: dict[str, Any], given: dict[str, Tensor]) -> None:
    """The layout's network and the walk compute the same of ``x`` and ``t``, and the tensors go back as they came."""
    state = random_state(layout, config)
    assert recognise(shapes_of(state), config) is layout
    ours = layout.read_config(config, shapes_of(state))
    assert layout.read_config(layout.written(layout.to_published(ours))) == ours
    walk = Walk(state, vars(layout.read_arguments(config, {})))
    network, x, t = layout.load(config, state), given["x"], given["t"]
    with torch.no_grad():
        if layout is CLASSIFIER:
            expected, found = walk.classify(x, t), network(x, t)
        else:
            condition = {
                ours: given[theirs] for theirs, ours in (("y", "label"), ("low_res", "image")) if theirs in given
            }
            expected = walk.predict(x, t, y=given.get("y"), low_res=given.get("low_res"))
            found = network(x, t, condition)
    assert not walk.left
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=2e-5 * expected.abs().max().item())


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("layout", [UNET, SUPERRES], ids=lambda layout: layout.network)
def test_u_nets_are_those_of_their_arguments(layout: Layout[Any, Any], seed: int) -> None:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    config = random_config(draw)
    given = {"x": torch.randn(2, config["in_channels"], 8, 8), "t": torch.tensor([3.5, 900])}
    if draw.random() < 0.5:
        config["num_classes"], given["y"] = 7, torch.tensor([6, 0])
    if layout is SUPERRES:
        given["low_res"] = torch.randn(2, config["in_channels"], 2, 4)
    agree(layout, config, given)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pool", ["adaptive", "attention", "spatial", "spatial_v2"])
def test_classifiers_are_those_of_their_arguments(pool: str, seed: int) -> None:
    torch.manual_seed(seed)
    config = random_config(random.Random(seed)) | {"pool": pool}
    if pool == "attention":
        config["num_head_channels"] = 16
    agree(CLASSIFIER, config, {"x": torch.randn(2, config["in_channels"], 8, 8), "t": torch.tensor([9, 640])})


def test_what_is_not_said_is_as_the_published_class_has_it() -> None:
    needed = {key: SMALL[key] for key in ("in_channels", "model_channels", "out_channels", "num_res_blocks")}
    config = UNET.read_config(needed | {"attention_resolutions": [], "model_channels": 32})
    assert (config.widths, config.resample, config.heads) == ((32, 64, 128, 256), "conv", 1)
    assert (config.heads_first, config.scale_shift, config.classes) == (True, False, 0)
    for name in needed:
        with pytest.raises(BadInput, match=rf"say {name}.*; give --config FILE\.json"):
            UNET.read_config({key: value for key, value in SMALL.items() if key != name})


def test_the_number_of_heads_is_not_read_where_their_channels_are_said() -> None:
    assert UNET.read_config(SMALL | {"num_heads": 7, "num_heads_upsample": 5}) == UNET.read_config(SMALL)


def test_precision_and_memory_are_no_part_of_the_network() -> None:
    assert UNET.read_config(SMALL | {"use_fp16": True, "use_checkpoint": True}) == UNET.read_config(SMALL)


def test_the_form_for_super_resolution_is_known_by_its_channels_or_its_class() -> None:
    shapes = shapes_of(random_state(SUPERRES, SMALL))
    assert recognise(shapes, SMALL) is SUPERRES
    assert recognise(shapes, {"_class_name": "SuperResModel"}) is SUPERRES
    assert recognise(shapes, SMALL | {"in_channels": 6}) is UNET
    assert recognise(shapes, SMALL | {"_class_name": "UNetModel"}) is UNET


def test_later_networks_of_the_same_names_are_not_mistaken_for_these() -> None:
    shapes = shapes_of(random_state(UNET, SMALL))
    assert recognise(shapes, SMALL) is UNET
    for name in ("input_blocks.3.1.transformer_blocks.0.norm1.weight", "input_blocks.3.1.encoder_kv.weight"):
        assert recognise(shapes | {name: (8,)}, SMALL) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"dims": 3}, "dims"),
        ({"in_channels": 0}, "in_channels"),
        ({"out_channels": 0}, "out_channels"),
        ({"model_channels": 1}, "model_channels"),
        ({"num_res_blocks": 0}, "num_res_blocks"),
        ({"num_res_blocks": 10**9}, "num_res_blocks"),
        ({"attention_resolutions": [0]}, "attention_resolutions"),
        ({"attention_resolutions": "16,8"}, "attention_resolutions"),
        ({"channel_mult": []}, "channel_mult"),
        ({"channel_mult": [1, 2]}, "channel_mult"),
        ({"channel_mult": [float("nan")]}, "channel_mult"),
        ({"channel_mult": [-2]}, "channel_mult"),
        ({"num_classes": 0}, "num_classes"),
        ({"num_head_channels": 0}, "num_head_channels"),
        ({"num_head_channels": 24}, "num_head_channels"),
        ({"num_head_channels": -1, "num_heads": 3}, "num_heads: 3"),
        ({"num_head_channels": -1, "num_heads": 0}, "num_heads"),
        ({"num_head_channels": -1, "num_heads_upsample": 7}, "num_heads_upsample: 7"),
        ({"num_heads_upsample": 0}, "num_heads_upsample"),
        ({"dropout": 1.5}, "dropout"),
        ({"image_size": 0}, "image_size"),
        ({"use_fp16": "yes"}, "use_fp16"),
    ],
)
def test_what_no_network_can_have_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named) as refused:
        UNET.read_config(SMALL | change)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pool": "max"}, "pool"),
        ({"image_size": None}, "image_size"),
        ({"image_size": 1}, "image_size"),
        ({"num_head_channels": -1}, "num_head_channels"),
        ({"num_classes": 10}, "num_classes"),
    ],
)
def test_what_no_classifier_can_have_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        CLASSIFIER.read_config(ATTENTION | change)


def test_projections_must_have_the_published_shape() -> None:
    state = random_state(UNET, SMALL)
    name = "middle_block.1.qkv.weight"
    with pytest.raises(BadInput, match=rf"{name}' has shape \(192, 64\), the config asks for \(192, 64, 1\)"):
        UNET.load(SMALL, state | {name: state[name].squeeze(2)})


def test_the_config_is_followed_and_not_the_file() -> None:
    """Attention that only the file has, or only the config, is refused."""
    for there, said in (([2], [1, 2]), ([1, 2], [2])):
        state = random_state(UNET, SMALL | {"attention_resolutions": there})
        with pytest.raises(BadInput, match=r"tensor '(in|out)put_blocks.* is (missing|none of the model's)"):
            UNET.load(SMALL | {"attention_resolutions": said}, state)


def test_what_the_published_classes_cannot_say_is_refused_by_the_name_of_our_field() -> None:
    plain = UNET.read_config(SMALL)
    assert (UNET.holds(plain), SUPERRES.holds(plain)) == (True, False)
    with pytest.raises(BadInput, match="picture"):
        UNET.to_published(replace(plain, picture=3))
    with pytest.raises(BadInput, match="picture"):
        SUPERRES.to_published(replace(plain, picture=1))


def test_the_null_label_is_one_more_class_there() -> None:
    guided = replace(UNET.read_config(SMALL), classes=4, unconditional=True)
    assert UNET.to_published(guided).num_classes == 5
