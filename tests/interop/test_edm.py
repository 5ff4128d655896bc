"""Networks of EDM in NVIDIA's layout: names, order of rows, filters, and what no network can have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.edm import DHARIWAL_UNET, SONG_UNET, UNET_BLOCK
from diorama.interop.layout import Layout, shapes_of
from diorama.networks.denoisers.edm import DhariwalUNetConfig, EDMUNetConfig, SongUNetConfig
from diorama.nn.attention import SpatialAttention

SMALL = {
    "img_resolution": 8,
    "in_channels": 3,
    "out_channels": 3,
    "model_channels": 8,
    "channel_mult": [1, 2],
    "num_blocks": 1,
    "attn_resolutions": [4],
}
BLOCK = {"in_channels": 8, "out_channels": 16, "emb_channels": 6}


def published(layout: Layout[Any, Any], config: dict[str, Any]) -> dict[str, Tensor]:
    """Random tensors of the config's network."""
    torch.manual_seed(0)
    ours = layout.read_config(config)
    network = ours.build()
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return layout.export_state(ours, network.state_dict())


@pytest.mark.parametrize(
    ("layout", "more", "there", "absent"),
    [
        (SONG_UNET, {}, "enc.4x4_block0.qkv.weight", "enc.8x8_block0.qkv.weight"),
        (SONG_UNET, {"attn_resolutions": [8]}, "dec.8x8_block1.qkv.bias", "dec.8x8_block0.qkv.bias"),
        (SONG_UNET, {"img_resolution": 12}, "dec.6x6_in0.qkv.weight", "dec.6x6_in1.qkv.weight"),
        (SONG_UNET, {"encoder_type": "skip"}, "enc.4x4_aux_skip.weight", "enc.4x4_aux_skip.resample_filter"),
        (SONG_UNET, {"encoder_type": "skip"}, "enc.4x4_aux_down.resample_filter", "enc.4x4_aux_down.weight"),
        (SONG_UNET, {"encoder_type": "residual"}, "enc.4x4_aux_residual.resample_filter", "enc.4x4_aux_skip.weight"),
        (SONG_UNET, {"decoder_type": "skip"}, "dec.8x8_aux_up.resample_filter", "dec.4x4_aux_up.resample_filter"),
        (SONG_UNET, {"decoder_type": "skip"}, "dec.4x4_aux_conv.weight", "out_conv.weight"),
        (SONG_UNET, {"embedding_type": "fourier"}, "map_noise.freqs", "map_label.weight"),
        (SONG_UNET, {"label_dim": 3}, "map_label.bias", "map_augment.weight"),
        (SONG_UNET, {"augment_dim": 3}, "map_augment.weight", "map_augment.bias"),
        (DHARIWAL_UNET, {"label_dim": 3}, "map_label.weight", "map_label.bias"),
        (DHARIWAL_UNET, {}, "out_conv.weight", "dec.8x8_up.skip.weight"),
        (DHARIWAL_UNET, {"model_channels": 64}, "dec.4x4_block0.qkv.weight", "dec.4x4_in1.qkv.weight"),
    ],
)
def test_the_config_says_which_tensors_there_are(
    layout: Layout[Any, Any], more: dict[str, Any], there: str, absent: str
) -> None:
    config = SMALL | more
    tensors = published(layout, config)
    assert there in tensors
    assert absent not in tensors
    assert recognise(shapes_of(tensors), {}) is layout
    ours = layout.read_config(config)
    assert layout.read_config(layout.written(layout.to_published(ours))) == ours
    state = layout.import_state(ours, tensors)
    assert all(torch.equal(t, tensors[name]) for name, t in layout.export_state(ours, state).items())


def test_queries_keys_and_values_lie_side_by_side_in_each_head() -> None:
    config = BLOCK | {"attention": True, "num_heads": 2}
    tensors = published(UNET_BLOCK, config)
    network = UNET_BLOCK.load(config, tensors)
    attention = next(module for module in network.modules() if isinstance(module, SpatialAttention))
    theirs = tensors["qkv.weight"][:, :, 0, 0].reshape(2, 8, 3, 16)  # head, channel, which, input
    for which in range(3):
        ours = attention.qkv.weight[16 * which : 16 * (which + 1)]
        assert torch.equal(ours, theirs[:, :, which].reshape(16, 16))


@torch.no_grad()
@pytest.mark.parametrize("direction", [{"up": True}, {"down": True}, {}])
@pytest.mark.parametrize("adaptive", [True, False])
def test_a_block_computes_what_its_arguments_say(direction: dict[str, bool], adaptive: bool) -> None:
    config = BLOCK | direction | {"adaptive_scale": adaptive, "skip_scale": 0.6, "num_heads": 2, "attention": True}
    w = published(UNET_BLOCK, config)
    x, told = torch.randn(2, 8, 4, 4), torch.randn(2, 6)

    def resized(h: Tensor) -> Tensor:
        if "up" in direction:
            return h.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return h.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5)) if "down" in direction else h

    def normed(h: Tensor, name: str) -> Tensor:
        return nn.functional.group_norm(h, h.shape[1] // 4, w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    def convolved(h: Tensor, name: str) -> Tensor:
        return nn.functional.conv2d(h, w[f"{name}.weight"], w[f"{name}.bias"], padding="same")

    shift = (told @ w["affine.weight"].T + w["affine.bias"])[:, :, None, None]
    h = convolved(resized(nn.functional.silu(normed(x, "norm0"))), "conv0")
    if adaptive:
        scale, shift = shift.chunk(2, dim=1)
        h = normed(h, "norm1") * (1 + scale) + shift
    else:
        h = normed(h + shift, "norm1")
    h = (convolved(nn.functional.silu(h), "conv1") + convolved(resized(x), "skip")) * 0.6
    q, k, v = convolved(normed(h, "norm2"), "qkv").reshape(2, 2, 8, 3, -1).unbind(3)  # (b, heads, c, places)
    shares = (torch.einsum("bhcq,bhck->bhqk", q, k) / 8**0.5).softmax(-1)
    mixed = torch.einsum("bhqk,bhck->bhcq", shares, v).reshape(h.shape)
    expected = (h + convolved(mixed, "proj")) * 0.6
    torch.testing.assert_close(UNET_BLOCK.load(config, w)(x, told), expected, rtol=1e-3, atol=1e-3)


def test_a_filter_other_than_the_configs_is_refused() -> None:
    tensors = published(SONG_UNET, SMALL | {"resample_filter": [1, 3, 3, 1]})
    with pytest.raises(BadInput, match=r"'enc\.4x4_down\.conv0\.resample_filter' is another filter .*\[1\.0, 1\.0\]"):
        SONG_UNET.load(SMALL, tensors)
    del tensors["dec.8x8_up.skip.resample_filter"]
    with pytest.raises(BadInput, match=r"'dec\.8x8_up\.skip\.resample_filter' is missing"):
        SONG_UNET.load(SMALL | {"resample_filter": [1, 3, 3, 1]}, tensors)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"num_blocks": 2}, r"tensor 'enc\.8x8_block1\.\w+\.\w+' is missing"),
        ({"model_channels": 16}, "the config asks for"),
        ({"attn_resolutions": []}, r"tensor 'dec\.4x4_block1\.norm2\.bias' is none of the model's"),
        ({"img_resolution": 16}, r"tensor '\w+\.\d+x\d+_[\w.]+' is missing"),
    ],
)
def test_the_config_decides_and_not_the_file(more: dict[str, Any], message: str) -> None:
    tensors = published(SONG_UNET, SMALL)
    SONG_UNET.load(SMALL, tensors)
    with pytest.raises(BadInput, match=message):
        SONG_UNET.load(SMALL | more, tensors)


def test_a_config_is_needed() -> None:
    with pytest.raises(BadInput, match="say img_resolution, in_channels, out_channels; give --config"):
        SONG_UNET.load({}, published(SONG_UNET, SMALL))


@pytest.mark.parametrize(
    ("layout", "wrong", "message"),
    [
        (SONG_UNET, {"img_resolution": 7}, "img_resolution: 7 pixels cannot be halved 1 times"),
        (SONG_UNET, {"model_channels": 18}, "model_channels, channel_mult: 18 channels cannot be normalised"),
        (SONG_UNET, {"channel_mult": []}, "channel_mult, attn_resolutions: "),
        (SONG_UNET, {"channel_mult": [1, 0]}, "channel_mult: must be at least 1"),
        (SONG_UNET, {"num_blocks": 0}, "num_blocks: must be at least 1"),
        (SONG_UNET, {"num_blocks": 65}, "num_blocks: 65 are more than 64"),
        (SONG_UNET, {"channel_mult_emb": 0}, "channel_mult_emb: must be at least 1"),
        (SONG_UNET, {"channel_mult_noise": 0}, "model_channels, channel_mult_noise: "),
        (SONG_UNET, {"resample_filter": [1, 2, 1]}, "resample_filter: must be an even number"),
        (SONG_UNET, {"label_dim": -1}, "label_dim: must be at least 0"),
        (SONG_UNET, {"augment_dim": -1}, "augment_dim: must be at least 0"),
        (SONG_UNET, {"label_dropout": 1.0}, "label_dropout: must be in"),
        (SONG_UNET, {"encoder_type": "pyramid"}, "encoder_type"),
        (SONG_UNET, {"embedding_type": "learned"}, "embedding_type"),
        (SONG_UNET, {"widths": 3}, "widths"),
        (DHARIWAL_UNET, {"model_channels": 352, "attn_resolutions": [8]}, "model_channels, channel_mult: 5 heads"),
        (DHARIWAL_UNET, {"encoder_type": "skip"}, "encoder_type"),
        (UNET_BLOCK, {"up": True, "down": True}, "up, down: "),
        (UNET_BLOCK, {"attention": True, "num_heads": 3}, "num_heads, channels_per_head: 3 cannot share 16 channels"),
        (UNET_BLOCK, {"in_channels": 6, "out_channels": 3}, "out_channels: 3 channels cannot be normalised"),
        (UNET_BLOCK, {"skip_scale": 0.0}, "skip_scale: must be positive"),
        (UNET_BLOCK, {"eps": 0.0}, "eps: must be positive"),
        (UNET_BLOCK, {"dropout": 1.0}, "dropout: must be in"),
        (UNET_BLOCK, {"channels_per_head": 0}, "channels_per_head: must be at least 1"),
    ],
)
def test_what_no_network_can_have_is_refused_by_its_published_name(
    layout: Layout[Any, Any], wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message) as problem:
        layout.read_config((BLOCK if layout is UNET_BLOCK else SMALL) | wrong)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("layout", "config"),
    [(SONG_UNET, SongUNetConfig(picture=3)), (DHARIWAL_UNET, DhariwalUNetConfig(picture=3))],
    ids=lambda value: getattr(value, "network", ""),
)
def test_a_network_that_is_given_a_picture_is_not_written(layout: Layout[Any, Any], config: EDMUNetConfig) -> None:
    with pytest.raises(BadInput, match=r"picture: .* this one enlarges one"):
        layout.to_published(config)
