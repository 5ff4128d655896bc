"""What every layout keeps: configs and tensors there and back, and refusals that name argument or tensor."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop import (
    basicsr,
    biggan,
    catalog,
    consistency_models,
    cyclegan_discriminators,
    cyclegan_generators,
    diffusers_unet2d,
    edm,
    edm2,
    esrgan,
    gan_zoo,
    guided_diffusion,
    inception_fid,
    mocogan,
    pix2pixhd,
    pytorch_examples_dcgan,
    r3gan,
    stylegan1,
    stylegan2,
    stylegan3,
)
from diorama.interop.edm_models import PrecondLayout
from diorama.interop.layout import Layout, shapes_of, tensors_of
from diorama.interop.score_sde import ScoreSDELayout
from tests.interop.published_folders import SMALL

ADM = {
    "in_channels": 3,
    "model_channels": 16,
    "out_channels": 6,
    "num_res_blocks": 1,
    "attention_resolutions": [2],
    "channel_mult": [2, 4],
    "num_head_channels": 16,
    "dropout": 0.25,
}
CRITIC = {"n_channels": 1, "ndf": 2, "use_noise": True, "noise_sigma": 0.25}
EDM = {"img_resolution": 8, "in_channels": 1, "out_channels": 2, "model_channels": 8, "channel_mult": [1, 2]}
PLAN = {"512": 8, "256": 6, "128": 5, "64": 4, "32": 3, "16": 2}
STYLED = {"c_dim": 3, "img_resolution": 16, "img_channels": 2, "channel_base": 64, "channel_max": 8}
TRANSLATOR = {"input_nc": 2, "output_nc": 1, "ngf": 2, "norm": "batch"}
STAGES = {"WidthPerStage": [4, 6], "CardinalityPerStage": [2, 3], "BlocksPerStage": [1, 2], "ExpansionFactor": 2}
RRDB = {"in_nc": 1, "out_nc": 3, "nf": 4, "nb": 2, "gc": 3}
EXAMPLES: dict[Layout[Any, Any], dict[str, Any]] = {
    pytorch_examples_dcgan.GENERATOR: {"nc": 1, "ngf": 2, "nz": 5},
    pytorch_examples_dcgan.DISCRIMINATOR: {"nc": 1, "ndf": 2},
    mocogan.GENERATOR: {"n_channels": 1, "ngf": 2, "dim_z_content": 4, "dim_z_motion": 3, "dim_z_category": 2},
    mocogan.IMAGE_DISCRIMINATOR: CRITIC,
    mocogan.PATCH_IMAGE_DISCRIMINATOR: CRITIC,
    mocogan.CATEGORICAL_VIDEO_DISCRIMINATOR: CRITIC | {"n_output_neurons": 2, "dim_categorical": 3},
    mocogan.VIDEO_DISCRIMINATOR: CRITIC | {"n_output_neurons": 2},
    mocogan.PATCH_VIDEO_DISCRIMINATOR: CRITIC,
    diffusers_unet2d.UNET2D: SMALL,
    consistency_models.KARRAS: ADM | {"out_channels": 3, "distillation": True},
    guided_diffusion.UNET: ADM | {"num_classes": 5},
    guided_diffusion.SUPERRES: ADM,
    guided_diffusion.CLASSIFIER: ADM | {"image_size": 8, "pool": "attention"},
    edm.SONG_UNET: EDM | {"attn_resolutions": [4], "encoder_type": "residual", "label_dim": 3},
    edm.DHARIWAL_UNET: EDM | {"attn_resolutions": [8], "augment_dim": 3},
    edm2.EDM2_UNET: {
        "img_resolution": 8,
        "img_channels": 2,
        "label_dim": 3,
        "model_channels": 64,
        "channel_mult": [1, 2],
    },
    biggan.GENERATOR: {"G_ch": 2, "dim_z": 12, "resolution": 32, "G_attn": "16", "n_classes": 3},
    biggan.DISCRIMINATOR: {"D_ch": 2, "resolution": 32, "D_attn": "16", "n_classes": 3},
    biggan.DEEP_GENERATOR: {"G_ch": 4, "dim_z": 12, "resolution": 32, "G_attn": "16", "n_classes": 3},
    biggan.DEEP_DISCRIMINATOR: {"D_ch": 4, "resolution": 32, "D_attn": "16", "n_classes": 3},
    cyclegan_generators.RESNET: TRANSLATOR | {"n_blocks": 2, "use_dropout": True, "padding_type": "zero"},
    cyclegan_generators.UNET: TRANSLATOR | {"num_downs": 5, "use_dropout": False},
    cyclegan_discriminators.PATCH: {"input_nc": 2, "ndf": 2, "n_layers": 2, "norm": "instance"},
    cyclegan_discriminators.PIXEL: {"input_nc": 2, "ndf": 2, "norm": "none"},
    pix2pixhd.GLOBAL: TRANSLATOR | {"n_downsampling": 3, "n_blocks": 1, "padding_type": "reflect"},
    pix2pixhd.LOCAL: TRANSLATOR | {"n_downsample_global": 1, "n_blocks_global": 1, "n_local_enhancers": 2},
    pix2pixhd.DISCRIMINATOR: {"input_nc": 2, "ndf": 2, "n_layers": 2, "num_D": 2, "getIntermFeat": True},
    gan_zoo.GENERATOR: {"dimLatent": 3, "depthScale0": 4, "addScale": [3], "dimOutput": 1},
    gan_zoo.DISCRIMINATOR: {"depthScale0": 4, "addScale": [3], "miniBatchNormalization": True},
    inception_fid.INCEPTION: {},
    r3gan.GENERATOR: STAGES | {"NoiseDimension": 5, "c_dim": 3, "ConditionEmbeddingDimension": 4, "img_resolution": 8},
    r3gan.DISCRIMINATOR: STAGES | {"KernelSize": 5},
    esrgan.RRDB_2018: RRDB | {"upscale": 8, "act_type": "prelu", "norm_type": "batch"},
    esrgan.RRDB_2019: RRDB,
    basicsr.RRDBNET: {"num_in_ch": 3, "num_out_ch": 3, "scale": 2, "num_feat": 4, "num_block": 1, "num_grow_ch": 2},
    basicsr.COMPACT: {"num_in_ch": 1, "num_out_ch": 1, "num_feat": 4, "num_conv": 2, "upscale": 3},
    basicsr.SRRESNET: {"num_in_ch": 1, "num_out_ch": 3, "num_feat": 4, "num_block": 2, "upscale": 3},
    basicsr.VGG_DISCRIMINATOR: {"num_in_ch": 1, "num_feat": 2, "input_size": 256},
    basicsr.UNET_DISCRIMINATOR: {"num_in_ch": 1, "num_feat": 2},
    stylegan1.GENERATOR: {"code_dim": 4, "n_mlp": 2, "channel_plan": PLAN},
    stylegan1.DISCRIMINATOR: {"fused": False, "channel_plan": PLAN},
    stylegan2.GENERATOR: STYLED | {"z_dim": 5, "w_dim": 6},
    stylegan2.DISCRIMINATOR: STYLED,
    stylegan3.GENERATOR: STYLED | {"z_dim": 5, "w_dim": 6, "conv_kernel": 1, "use_radial_filters": True},
}
LAYOUTS = [pytest.param(layout, id=f"{layout.publisher}-{layout.network}") for layout in EXAMPLES]


def published(layout: Layout[Any, Any]) -> dict[str, Tensor]:
    """A published state dict of the example."""
    torch.manual_seed(0)
    config = layout.read_config(EXAMPLES[layout])
    return layout.export_state(config, config.build().state_dict())


def test_every_layout_has_an_example() -> None:
    """Those that say more than the network, its preconditioning or sampler, have test files of their own."""
    wholes = {each for each in catalog.all_layouts() if isinstance(each, PrecondLayout | ScoreSDELayout)}
    assert set(EXAMPLES) == set(catalog.all_layouts()) - wholes


@pytest.mark.parametrize("layout", LAYOUTS)
def test_configs_come_back_as_they_were(layout: Layout[Any, Any]) -> None:
    config = layout.read_config(EXAMPLES[layout])
    assert isinstance(config, layout.config)
    written = layout.written(layout.to_published(config))
    assert layout.read_config(written) == config
    assert set(written) == {field.name for field in fields(layout.arguments)}
    assert all(written[key] == value for key, value in EXAMPLES[layout].items())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_come_back_bit_by_bit(layout: Layout[Any, Any]) -> None:
    config, state = layout.read_config(EXAMPLES[layout]), published(layout)
    ours = layout.import_state(config, state)
    assert {name: tuple(t.shape) for name, t in ours.items()} == shapes_of(tensors_of(config))
    back = layout.export_state(config, ours)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_is_recognised_as_what_it_is(layout: Layout[Any, Any]) -> None:
    shapes = shapes_of(published(layout))
    assert catalog.recognise(shapes, EXAMPLES[layout]) is layout
    assert catalog.recognise(shapes, {"_class_name": layout.network} | EXAMPLES[layout]) is layout
    assert catalog.recognise(shapes, {"_class_name": "AutoencoderKL"} | EXAMPLES[layout]) is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_a_config_the_tensors_tell_what_they_can(layout: Layout[Any, Any]) -> None:
    """All but the split of MoCoGAN's codes and scores, and whole U-Nets, which must be said."""
    state, given = published(layout), {}
    if layout.role in ("denoiser", "classifier"):
        given = EXAMPLES[layout]
    for key in ("dim_z_category", "dim_categorical"):
        if key in EXAMPLES[layout]:
            given = {key: EXAMPLES[layout][key]}
    noise = {key: CRITIC[key] for key in ("use_noise", "noise_sigma") if key in EXAMPLES[layout]}
    assert layout.read_config({**given, **noise}, shapes_of(state)) == layout.read_config(EXAMPLES[layout])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_counters_of_batch_norm_may_be_missing(layout: Layout[Any, Any]) -> None:
    config, state = layout.read_config(EXAMPLES[layout]), published(layout)
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    ours = layout.import_state(config, {name: t for name, t in state.items() if name not in counters})
    assert ours.keys() == tensors_of(config).keys()
    assert sum(name.endswith("num_batches_tracked") and not t for name, t in ours.items()) == len(counters)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arguments_that_are_unknown_or_of_another_type_are_named(layout: Layout[Any, Any]) -> None:
    with pytest.raises(BadInput, match=rf"{layout.network} config\.colours"):
        layout.read_config(EXAMPLES[layout] | {"colours": 1})
    for key, value in EXAMPLES[layout].items():
        if isinstance(value, int) and not isinstance(value, bool):
            with pytest.raises(BadInput, match=key):
                layout.read_config(EXAMPLES[layout] | {key: "many"})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_that_do_not_fit_are_named(layout: Layout[Any, Any]) -> None:
    config, state = layout.read_config(EXAMPLES[layout]), published(layout)
    name = max(name for name, tensor in state.items() if tensor.dim() > 1)
    said = rf"{layout.publisher} {layout.network}: tensor '{name}' "
    with pytest.raises(BadInput, match=f"{said}is missing"):
        layout.import_state(config, {key: t for key, t in state.items() if key != name})
    with pytest.raises(BadInput, match=f"{said}has shape .*, the config asks for"):
        layout.import_state(config, state | {name: state[name][:, :0]})
    with pytest.raises(BadInput, match=f"{said}holds torch.int64"):
        layout.import_state(config, state | {name: state[name].long()})
    with pytest.raises(BadInput, match=r"tensor 'x\.weight' is none of the model's \(nor are 1 more\)"):
        layout.import_state(config, state | {"x.weight": torch.zeros(1), "y.weight": torch.zeros(1)})


def test_halves_are_kept_as_whole_numbers_of_the_network() -> None:
    layout = pytorch_examples_dcgan.GENERATOR
    state = {name: t.half() if t.is_floating_point() else t for name, t in published(layout).items()}
    ours = layout.import_state(layout.read_config(EXAMPLES[layout]), state)
    assert {t.dtype for t in ours.values()} == {torch.float32, torch.int64}


def test_no_memory_is_taken_for_a_config_that_the_tensors_do_not_bear_out() -> None:
    state = published(pytorch_examples_dcgan.GENERATOR)
    with pytest.raises(BadInput, match="the config asks for"):
        pytorch_examples_dcgan.GENERATOR.load({"ngf": 10**7}, state)


def test_a_network_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(BadInput, match="ngf: must be at least 1"):
        pytorch_examples_dcgan.GENERATOR.load({"ngf": -1}, published(pytorch_examples_dcgan.GENERATOR))
