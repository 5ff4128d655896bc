"""Progressive GAN of pytorch_GAN_zoo, and the discriminators of CycleGAN's authors: read from tensors alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.cyclegan_discriminators import PATCH, PIXEL
from diorama.interop.gan_zoo import DISCRIMINATOR, GENERATOR
from diorama.interop.layout import shapes_of, tensors_of
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig
from diorama.networks.adversarial.progressive import ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig

PATCHES = [
    PatchDiscriminatorConfig(channels=6, width=2, layers=layers, norm=norm)  # type: ignore[arg-type]
    for layers in (1, 3, 5)
    for norm in ("batch", "instance", "none")
]
PIXELS = [PixelDiscriminatorConfig(width=2, norm=norm) for norm in ("batch", "instance", "none")]  # type: ignore[arg-type]
NETWORKS: list[tuple[Any, Any]] = [
    (GENERATOR, ProgressiveGeneratorConfig(widths=(4, 3, 2), channels=1, latent=5)),
    (GENERATOR, ProgressiveGeneratorConfig(widths=(4,), latent=5)),
    (DISCRIMINATOR, ProgressiveDiscriminatorConfig(widths=(4, 3, 2), outputs=3, fades_from=2)),
    (DISCRIMINATOR, ProgressiveDiscriminatorConfig(widths=(4,), deviation=False, fades_from=2)),
    *((PATCH, config) for config in PATCHES),
    *((PIXEL, config) for config in PIXELS),
]


@pytest.mark.parametrize(("layout", "config"), NETWORKS)
def test_the_tensors_alone_tell_what_network_they_are(layout: Any, config: Any) -> None:
    shapes = shapes_of(layout.export_state(config, tensors_of(config)))
    assert recognise(shapes, {}) is layout
    assert layout.read_config({}, shapes) == config
    assert layout.read_config(layout.written(layout.to_published(config))) == config


def test_statistics_of_instance_norm_in_old_files_are_passed_over() -> None:
    config = next(config for config in PATCHES if config.norm == "instance")
    published = PATCH.export_state(config, config.build().state_dict())
    old = published | {"model.3.running_mean": torch.zeros(4), "model.3.running_var": torch.ones(4)}
    assert PATCH.import_state(config, old).keys() == PATCH.import_state(config, published).keys()
    with pytest.raises(BadInput, match=r"model\.3\.running_mean"):
        PATCH.import_state(replace(config, norm="none"), {k: v for k, v in old.items() if k != "model.2.bias"})


def test_what_no_network_here_has_is_refused_by_its_argument() -> None:
    with pytest.raises(BadInput, match="generationActivation: must be null or 'tanh', got 'relu'"):
        GENERATOR.read_config({"dimLatent": 2, "depthScale0": 2, "generationActivation": "relu"})
    with pytest.raises(BadInput, match="normalization"):
        GENERATOR.read_config({"dimLatent": 2, "depthScale0": 2, "normalization": False})
    with pytest.raises(BadInput, match="neither a config nor the tensors say dimLatent, depthScale0"):
        GENERATOR.read_config({})


@pytest.mark.parametrize("name", ["tanh", "torch.tanh", "nn.Tanh()"])
def test_pictures_are_limited_where_a_config_names_the_function(name: str) -> None:
    config = GENERATOR.read_config({"dimLatent": 2, "depthScale0": 2, "generationActivation": name})
    assert config.limit == "tanh"
    assert GENERATOR.read_config(GENERATOR.written(GENERATOR.to_published(config))) == config


@pytest.mark.parametrize(
    ("layout", "config"),
    [
        (GENERATOR, ProgressiveGeneratorConfig(widths=(4, 3, 2), latent=5, grows=True)),
        (DISCRIMINATOR, ProgressiveDiscriminatorConfig(widths=(4, 3, 2), fades_from=2, grows=True)),
    ],
)
def test_a_network_that_grows_is_written_once_it_has_grown(layout: Any, config: Any) -> None:
    network = config.build()
    network.grow(1.5)
    with pytest.raises(BadInput, match=r"scale 1\.5 of 2 has been reached"):
        layout.export_state(config, network.state_dict())
    network.grow(2.0)
    state = network.state_dict()
    published = layout.export_state(config, state)
    assert "grown" not in published
    back = layout.read_config({}, shapes_of(published))
    assert back == replace(config, grows=False)
    assert all(torch.equal(tensor, state[name]) for name, tensor in layout.import_state(back, published).items())
    assert "has grown" in layout.notes(config)[0]


def test_a_path_that_the_published_class_does_not_have_is_said() -> None:
    assert "fades in scales from 2 on" in DISCRIMINATOR.notes(ProgressiveDiscriminatorConfig())[0]
    assert not DISCRIMINATOR.notes(ProgressiveDiscriminatorConfig(fades_from=2))
