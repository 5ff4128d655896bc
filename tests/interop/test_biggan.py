"""BigGAN in the layout of its authors' PyTorch code: everything but epsilons is told by the tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.interop.biggan import DEEP_DISCRIMINATOR, DEEP_GENERATOR, DISCRIMINATOR, GENERATOR
from diorama.interop.catalog import recognise
from diorama.interop.layout import shapes_of, tensors_of
from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig, BigGANDeepGeneratorConfig
from diorama.nn.spectral import PowerIteration

NETWORKS: dict[str, tuple[Any, Any]] = {
    "32": (GENERATOR, BigGANGeneratorConfig(resolution=32, width=2, latent=7, classes=3, shared=None,
                                            hierarchical=False, attention=(16,))),
    "64, no spectral norm": (GENERATOR, BigGANGeneratorConfig(resolution=64, width=3, latent=20, classes=3, shared=4,
                                                              spectral=None, attention=(16, 32))),
    "128, z whole": (GENERATOR, BigGANGeneratorConfig(width=8, latent=9, classes=2, shared=4, hierarchical=False)),
    "256, bottom 3": (GENERATOR, BigGANGeneratorConfig(resolution=256, width=1, latent=14, shared=2, bottom=3,
                                                       attention=(), spectral=PowerIteration(vectors=2))),
    "deep 32": (DEEP_GENERATOR, BigGANDeepGeneratorConfig(resolution=32, width=2, depth=3, latent=3, classes=2,
                                                          shared=5, attention=(8, 32))),
    "deep 64": (DEEP_GENERATOR, BigGANDeepGeneratorConfig(resolution=64, width=4, depth=2, attention=(64,))),
    "deep 128": (DEEP_GENERATOR, BigGANDeepGeneratorConfig(width=8, depth=1, attention=(32,), classes=1)),
    "deep 512": (DEEP_GENERATOR, BigGANDeepGeneratorConfig(resolution=512, width=4, depth=2, attention=())),
    "d 32": (DISCRIMINATOR, BigGANDiscriminatorConfig(resolution=32, width=2, classes=3, attention=(16,), wide=False)),
    "d 128": (DISCRIMINATOR, BigGANDiscriminatorConfig(width=4, classes=3, attention=(32,), outputs=2)),
    "d 256": (DISCRIMINATOR, BigGANDiscriminatorConfig(resolution=256, width=1, attention=())),
    "deep d 32": (DEEP_DISCRIMINATOR, BigGANDeepDiscriminatorConfig(resolution=32, width=2, depth=1, attention=(16,))),
    "deep d 256": (DEEP_DISCRIMINATOR, BigGANDeepDiscriminatorConfig(resolution=256, width=4, depth=3)),
}  # fmt: skip


@pytest.mark.parametrize(("layout", "config"), NETWORKS.values(), ids=NETWORKS)
def test_the_tensors_alone_tell_what_network_they_are(layout: Any, config: Any) -> None:
    shapes = shapes_of(layout.export_state(config, tensors_of(config)))
    assert recognise(shapes, {}) is layout
    assert layout.read_config({}, shapes) == config


@pytest.mark.parametrize(("layout", "config"), NETWORKS.values(), ids=NETWORKS)
def test_written_arguments_are_read_back(layout: Any, config: Any) -> None:
    changed = replace(config, initial="xavier", spectral=config.spectral and replace(config.spectral, eps=1e-8))
    written = layout.written(layout.to_published(changed))
    # Without spectral norm there is no epsilon to be read back.
    assert layout.read_config(written) == changed


def test_latent_vectors_lose_what_cannot_be_shared_out() -> None:
    arguments = {"resolution": 64, "dim_z": 23, "hier": True, "G_attn": "0"}
    assert GENERATOR.read_config(arguments).latent == 20
    assert GENERATOR.read_config(arguments).shared == 23
    assert GENERATOR.read_config(arguments | {"hier": False}).latent == 23


def test_sides_that_no_map_has_have_no_attention() -> None:
    assert DISCRIMINATOR.read_config({"resolution": 32, "D_attn": "8_16_64"}).attention == (16,)
    assert GENERATOR.read_config({"resolution": 32, "G_attn": "0"}).attention == ()


@pytest.mark.parametrize("place", ["bn.stored", "bn.running"])
def test_norms_that_were_computed_otherwise_in_training_are_the_same_once_trained(place: str) -> None:
    config = NETWORKS["32"][1]
    state = {name: torch.randn(t.shape) for name, t in tensors_of(config).items()}
    published = {name.replace("stored", place): tensor for name, tensor in state.items()}
    published["blocks.0.0.bn1.bn.accumulation_counter"] = torch.ones(1)
    published["blocks.0.0.bn2.bn.num_batches_tracked"] = torch.tensor(5)
    found = GENERATOR.import_state(config, published)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("layout", "arguments", "message"),
    [
        (GENERATOR, {"resolution": 100}, "resolution: is one of 32, 64, 128, 256, 512, got 100"),
        (GENERATOR, {"G_attn": "all"}, "G_attn: sides joined by '_'"),
        (GENERATOR, {"G_init": "zeros"}, "G_init: is one of ortho, N02"),
        (GENERATOR, {"norm_style": "gn"}, "norm_style: is 'gn'"),
        (GENERATOR, {"G_shared": False, "hier": True}, "hier: needs G_shared"),
        (GENERATOR, {"dim_z": 2, "hier": True}, "latent must be at least 1"),
        (GENERATOR, {"G_shred": False}, "G_shred"),
        (DEEP_GENERATOR, {"hier": False}, "hier, G_shared"),
        (DEEP_DISCRIMINATOR, {"resolution": 512}, "resolution: is one of 32, 64, 128, 256, got 512"),
        (DISCRIMINATOR, {"D_param": "plain"}, "D_param: is 'plain'"),
    ],
)
def test_what_the_published_class_cannot_be_is_refused_by_its_argument(
    layout: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        layout.read_config(arguments)


def test_grey_pictures_and_small_ones_are_not_written() -> None:
    with pytest.raises(BadInput, match=r"channels: the published BigGAN\.Generator is of 3 channels"):
        GENERATOR.to_published(BigGANGeneratorConfig(channels=1))
    with pytest.raises(BadInput, match=r"resolution: the published .* has 32 and more, this network 16"):
        GENERATOR.to_published(BigGANGeneratorConfig(resolution=16, latent=6, attention=()))
