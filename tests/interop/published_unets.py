"""Random configs of the diffusers library's ``UNet2DModel``, with every argument that it has."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DOWN = ("DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D")
UP = ("UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D")


@st.composite
def embeddings(draw: st.DrawFn) -> dict[str, Any]:
    """Times and labels."""
    time = draw(st.sampled_from(["positional", "fourier", "learned"]))
    return {
        "time_embedding_type": time,
        "time_embedding_dim": draw(st.sampled_from([None, 20])),
        "freq_shift": draw(st.sampled_from([0, 1, 0.5])),
        "flip_sin_to_cos": draw(st.booleans()),
        "class_embed_type": draw(st.sampled_from([None, None, "timestep", "identity"])),
        "num_class_embeds": draw(st.sampled_from([None, 5])),
        "num_train_timesteps": 50 if time == "learned" else draw(st.sampled_from([None, 50])),
    }


@st.composite
def common(draw: st.DrawFn) -> dict[str, Any]:
    """What both kinds of networks have."""
    return draw(embeddings()) | {
        "sample_size": draw(st.sampled_from([None, 16, (16, 8)])),
        "center_input_sample": draw(st.booleans()),
        "mid_block_type": draw(st.sampled_from(["UNetMidBlock2D", "UNetMidBlock2D", None])),
        "layers_per_block": draw(st.integers(1, 3)),
        "mid_block_scale_factor": draw(st.sampled_from([1, 1.5, 2**0.5])),
        "dropout": draw(st.sampled_from([0.0, 0.2])),
        "act_fn": draw(st.sampled_from(["silu", "swish", "mish", "gelu", "relu"])),
        "norm_eps": draw(st.sampled_from([1e-5, 1e-6, 1e-3])),
        "resnet_time_scale_shift": draw(st.sampled_from(["default", "scale_shift"])),
        "add_attention": draw(st.booleans()),
    }


@st.composite
def plain(draw: st.DrawFn) -> dict[str, Any]:
    """Networks of plain blocks, in odd mixes."""
    levels = draw(st.integers(1, 4))
    return draw(common()) | {
        "in_channels": draw(st.sampled_from([1, 3, 4])),
        "out_channels": draw(st.sampled_from([1, 3, 6])),
        "down_block_types": draw(st.lists(st.sampled_from(DOWN), min_size=levels, max_size=levels)),
        "up_block_types": draw(st.lists(st.sampled_from(UP), min_size=levels, max_size=levels)),
        "block_out_channels": draw(st.lists(st.sampled_from([8, 16, 24]), min_size=levels, max_size=levels)),
        "downsample_padding": draw(st.sampled_from([0, 1])),
        "downsample_type": draw(st.sampled_from(["conv", "resnet"])),
        "upsample_type": draw(st.sampled_from(["conv", "resnet"])),
        # 5 divides no width: the heads then hold fewer channels than the map.
        "attention_head_dim": draw(st.sampled_from([None, 4, 5, 8])),
        "norm_num_groups": draw(st.sampled_from([1, 2, 4, 8])),
        "attn_norm_num_groups": draw(st.sampled_from([None, 2])),
    }


@st.composite
def pyramids(draw: st.DrawFn) -> dict[str, Any]:
    """Networks with a pyramid of pictures beside them."""
    levels = draw(st.integers(1, 3))
    return draw(common()) | {
        "down_block_types": draw(
            st.lists(st.sampled_from(["SkipDownBlock2D", "AttnSkipDownBlock2D"]), min_size=levels, max_size=levels)
        ),
        "up_block_types": draw(
            st.lists(st.sampled_from(["SkipUpBlock2D", "AttnSkipUpBlock2D"]), min_size=levels, max_size=levels)
        ),
        "block_out_channels": draw(st.lists(st.sampled_from([32, 64]), min_size=levels, max_size=levels)),
        "attention_head_dim": draw(st.sampled_from([None, 8])),
        "norm_num_groups": draw(st.sampled_from([None, 8])),
        "attn_norm_num_groups": draw(st.sampled_from([None, 4])),
    }
