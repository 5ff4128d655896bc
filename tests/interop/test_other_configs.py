"""Generators of other sizes, conditions and switches than the golden ones: their publishers' files become models that
are written back bit by bit, and that onnxruntime draws alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from diorama.interop import (
    basicsr,
    biggan,
    cyclegan_generators,
    esrgan,
    gan_zoo,
    pix2pixhd,
    pytorch_examples_dcgan,
    r3gan,
    stylegan2,
    stylegan3,
)
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import Layout
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.export import export
from diorama.synthesis.onnx_export import onnx_export
from diorama.synthesis.published import published_model
from tests.networks.random_weights import randomised

STYLED = {
    "c_dim": 0,
    "z_dim": 10,
    "w_dim": 12,
    "img_resolution": 16,
    "img_channels": 3,
    "channel_base": 256,
    "channel_max": 16,
    "mapping_kwargs": {"num_layers": 2},
}
R3GAN = {"BlocksPerStage": [2, 1], "CardinalityPerStage": [4, 2], "WidthPerStage": [16, 8], "NoiseDimension": 6}
MAPPING = {"num_layers": 3, "embed_features": 5, "layer_features": 7}
LOCAL = {"n_blocks_global": 1, "n_blocks_local": 2, "n_downsample_global": 2, "n_local_enhancers": 2}
BIGGAN = {"G_ch": 4, "dim_z": 20}
RRDB = {"num_block": 1, "num_feat": 8, "num_grow_ch": 4}

CASES: dict[str, tuple[Layout[Any, Any], dict[str, Any]]] = {
    "stylegan2-orig-grey-labels": (
        stylegan2.GENERATOR,
        STYLED | {"architecture": "orig", "img_channels": 1, "c_dim": 3},
    ),
    "stylegan2-resnet-no-noise": (
        stylegan2.GENERATOR,
        STYLED | {"architecture": "resnet", "img_resolution": 8, "use_noise": False, "conv_clamp": None},
    ),
    "stylegan2-mapping": (stylegan2.GENERATOR, STYLED | {"img_resolution": 32, "c_dim": 2, "mapping_kwargs": MAPPING}),
    "stylegan3-t-labels": (stylegan3.GENERATOR, STYLED | {"num_layers": 6, "c_dim": 2}),
    "stylegan3-r-grey": (
        stylegan3.GENERATOR,
        STYLED | {"num_layers": 8, "conv_kernel": 1, "use_radial_filters": True, "img_channels": 1},
    ),
    "biggan-no-attention": (
        biggan.GENERATOR,
        BIGGAN | {"G_attn": "0", "G_shared": True, "hier": True, "n_classes": 4, "resolution": 32, "shared_dim": 9},
    ),
    "biggan-no-hierarchy": (
        biggan.GENERATOR,
        BIGGAN | {"G_attn": "16_32", "G_shared": True, "hier": False, "n_classes": 3, "resolution": 64},
    ),
    "r3gan-labels": (r3gan.GENERATOR, R3GAN | {"c_dim": 3, "ConditionEmbeddingDimension": 5, "ExpansionFactor": 2}),
    "r3gan-kernel": (
        r3gan.GENERATOR,
        R3GAN | {"KernelSize": 5, "ResamplingFilter": [1, 3, 3, 1], "FP16Stages": [-1], "ExpansionFactor": 1},
    ),
    "dcgan-grey": (pytorch_examples_dcgan.GENERATOR, {"nc": 1, "ngf": 4, "nz": 7}),
    "gan-zoo-tanh": (
        gan_zoo.GENERATOR,
        {"addScale": [12, 8, 6], "depthScale0": 16, "dimLatent": 10, "alpha": 0, "generationActivation": "tanh"},
    ),
    "cyclegan-batch-norm": (
        cyclegan_generators.RESNET,
        {"input_nc": 1, "output_nc": 3, "n_blocks": 3, "ngf": 4, "norm": "batch", "padding_type": "zero"},
    ),
    "cyclegan-replicate": (
        cyclegan_generators.RESNET,
        {"input_nc": 3, "output_nc": 1, "n_blocks": 6, "ngf": 4, "norm": "instance", "padding_type": "replicate"},
    ),
    "pix2pix-seven-halvings": (
        cyclegan_generators.UNET,
        {"input_nc": 3, "output_nc": 3, "num_downs": 7, "ngf": 2, "norm": "batch", "use_dropout": True},
    ),
    "pix2pixhd-global": (
        pix2pixhd.GLOBAL,
        {"input_nc": 2, "output_nc": 1, "n_blocks": 1, "n_downsampling": 2, "ngf": 4, "norm": "batch"},
    ),
    "pix2pixhd-two-enhancers": (pix2pixhd.LOCAL, LOCAL | {"input_nc": 3, "output_nc": 3, "ngf": 4, "norm": "instance"}),
    "rrdbnet-grey-x2": (basicsr.RRDBNET, RRDB | {"num_in_ch": 1, "num_out_ch": 1, "scale": 2}),
    "compact-relu-x3": (
        basicsr.COMPACT,
        {"act_type": "relu", "num_conv": 2, "num_feat": 8, "num_in_ch": 3, "num_out_ch": 3, "upscale": 3},
    ),
    "srresnet-x3": (basicsr.SRRESNET, {"num_block": 2, "num_feat": 8, "num_in_ch": 3, "num_out_ch": 3, "upscale": 3}),
    "rrdbnet-2018-pixelshuffle": (
        esrgan.RRDB_2018,
        {"in_nc": 3, "out_nc": 3, "nf": 8, "nb": 2, "upscale": 2, "upsample_mode": "pixelshuffle"},
    ),
}


TRACED = ("dcgan-grey", "compact-relu-x3")
"""Cases of which an ONNX file is made in .ci/run too; the trace of the others takes ten seconds and more each."""


def imported(
    layout: Layout[Any, Any], arguments: dict[str, Any], folder: Path
) -> tuple[Synthesizer, Any, dict[str, torch.Tensor]]:
    """A model of a published file, the config of its network, and what the file holds."""
    config = layout.read_config(arguments)
    published = layout.export_state(config, randomised(config.build()).state_dict())
    torch.save(published, folder / "network.pth")
    (folder / "config.json").write_text(json.dumps(arguments))
    checkpoint = open_checkpoint(folder / "network.pth", config=folder / "config.json")
    assert checkpoint.layout is layout
    found = published_model(checkpoint)
    model = found.config.build().eval()
    model.load_state_dict(found.state)
    return model, config, published


@pytest.mark.parametrize(("layout", "arguments"), CASES.values(), ids=CASES)
def test_a_published_file_becomes_a_model_and_is_written_back(
    layout: Layout[Any, Any], arguments: dict[str, Any], tmp_path: Path
) -> None:
    model, config, published = imported(layout, arguments, tmp_path)
    assert getattr(model.config, layout.role) == config
    written = export(model, layout.publisher)
    assert written.tensors.keys() == published.keys()
    assert all(torch.equal(written.tensors[name], tensor) for name, tensor in published.items())
    assert layout.config_of(layout.read_arguments(written.arguments, {})) == config


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in TRACED else pytest.mark.long) for name in CASES]
)
def test_a_published_file_is_drawn_alike_by_onnxruntime(name: str, tmp_path: Path) -> None:
    model, _, _ = imported(*CASES[name], tmp_path)
    assert onnx_export(model).difference < 1e-4
