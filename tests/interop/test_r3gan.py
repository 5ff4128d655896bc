"""R3GAN's layout: what the tensors tell, whole networks in pickles, and arguments that no network has."""

from __future__ import annotations

import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import shapes_of, tensors_of
from diorama.interop.r3gan import DISCRIMINATOR, GENERATOR
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from diorama.synthesis.gan import GANSynthesizerConfig
from diorama.synthesis.published import published_model
from tests.interop.research_pickles import Persistent, research_modules, write_pickle

PLAIN: dict[str, Any] = {"widths": (8, 8, 4), "groups": (4, 2, 1), "blocks": (1, 2, 1)}
NETWORKS: dict[str, tuple[Any, Any]] = {
    "g": (GENERATOR, R3GANGeneratorConfig(**PLAIN, latent=5)),
    "g, labels": (GENERATOR, R3GANGeneratorConfig(**PLAIN, latent=5, classes=3, embedding=7, kernel=5, expansion=3)),
    "d": (DISCRIMINATOR, R3GANDiscriminatorConfig(**PLAIN)),
    "d, labels": (DISCRIMINATOR, R3GANDiscriminatorConfig(**PLAIN, classes=3, embedding=7, kernel=1)),
}


@pytest.mark.parametrize(("layout", "config"), NETWORKS.values(), ids=NETWORKS)
def test_the_tensors_alone_tell_all_but_the_filter_and_half_precision(layout: Any, config: Any) -> None:
    shapes = shapes_of(layout.export_state(config, tensors_of(config)))
    assert layout.read_config({}, shapes) == config
    assert layout.read_config(layout.written(layout.to_published(config))) == config
    assert recognise(shapes, {}) is layout


@pytest.mark.parametrize("taps", [(1,), (1, 1), (1, 3, 3, 1), (1, 2, 3, 2, 1)])
def test_other_filters_are_made_of_their_taps(taps: tuple[float, ...]) -> None:
    shapes = shapes_of(GENERATOR.export_state(NETWORKS["g"][1], tensors_of(NETWORKS["g"][1])))
    config = GENERATOR.read_config({"ResamplingFilter": list(taps)}, shapes)
    kernel = GENERATOR.export_state(config, config.build().state_dict())["Model.MainLayers.1.Layers.0.Resampler.Kernel"]
    row = torch.tensor([a + b for a, b in zip((*taps, 0), (0, *taps), strict=True)], dtype=torch.float32)
    torch.testing.assert_close(kernel, torch.outer(row, row) / row.sum() ** 2)


def test_another_filter_than_the_configs_is_named() -> None:
    config = NETWORKS["d"][1]
    tensors = DISCRIMINATOR.export_state(replace(config, taps=(1, 1, 1)), config.build().state_dict())
    with pytest.raises(BadInput, match=r"Resampler\.Kernel' is another filter than the config's ResamplingFilter"):
        DISCRIMINATOR.load({}, tensors)


def test_stages_in_half_precision_may_be_counted_from_the_end() -> None:
    written = GENERATOR.written(GENERATOR.to_published(NETWORKS["g"][1]))
    assert GENERATOR.read_config(written | {"FP16Stages": [-1, -2, 0]}).half == (0, 1, 2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"FP16Stages": [3]}, "FP16Stages: there are 3 stages"),
        ({"CardinalityPerStage": [3, 2, 1]}, "groups: must divide"),
        ({"BlocksPerStage": [1, 10**9, 1]}, "BlocksPerStage: must be at most 64"),
        ({"BlocksPerStage": [1, 1]}, "widths, groups and blocks"),
        ({"KernelSize": 2}, "kernel: must be odd"),
        ({"c_dim": 4}, "embedding: is there where there are classes"),
        ({"NoiseDimension": 0}, "NoiseDimension: must be at least 1"),
    ],
)
def test_arguments_that_no_network_has_are_named(change: dict[str, Any], named: str) -> None:
    written = GENERATOR.written(GENERATOR.to_published(NETWORKS["g"][1]))
    with pytest.raises(BadInput, match=named):
        GENERATOR.read_config(written | change)


def test_pictures_of_other_channels_have_no_published_network() -> None:
    with pytest.raises(BadInput, match="channels: are 3"):
        GENERATOR.to_published(R3GANGeneratorConfig(**PLAIN, channels=1))


@contextmanager
def r3gan_modules() -> Iterator[Mapping[str, type]]:
    """Inside, classes of R3GAN can be pickled by their names."""
    fakes = {name: types.ModuleType(name) for name in ("R3GAN", "R3GAN.Networks", "R3GAN.Resamplers")}
    classes = {}
    for module, names in {"R3GAN.Networks": ("Generator", "Stage"), "R3GAN.Resamplers": ("Resampler",)}.items():
        for name in names:
            classes[name] = type(name, (), {"__module__": module})
            setattr(fakes[module], name, classes[name])
    sys.modules.update(fakes)
    try:
        yield classes
    finally:
        for name in fakes:
            del sys.modules[name]


def pickled(tensors: Mapping[str, Tensor], classes: Mapping[str, type]) -> Any:
    """A module with such tensors, and modules inside by the dots in their names."""
    names = dict.fromkeys(name.partition(".")[0] for name in tensors)
    inner = {name: {k[len(name) + 1 :]: t for k, t in tensors.items() if k.startswith(f"{name}.")} for name in names}
    own = {name: tensor for name, tensor in tensors.items() if "." not in name}
    if set(own) == {"weight"}:
        leaf = nn.Conv2d(1, 1, 1, bias=False) if own["weight"].dim() == 4 else nn.Linear(1, 1, bias=False)
        leaf.weight = nn.Parameter(own["weight"])
        return leaf
    made = classes["Resampler" if "Kernel" in own else "Stage"]()
    made.__dict__ |= {
        "_parameters": OrderedDict({name: nn.Parameter(t) for name, t in own.items() if name != "Kernel"}),
        "_buffers": OrderedDict({name: t for name, t in own.items() if name == "Kernel"}),
        "_modules": OrderedDict({name: pickled(held, classes) for name, held in inner.items() if held}),
        "DataType": torch.bfloat16,
    }
    return made


def test_a_pickle_of_whole_networks_becomes_a_model(tmp_path: Path) -> None:
    config = NETWORKS["g, labels"][1]
    torch.manual_seed(0)
    state = config.build().state_dict()
    tensors = GENERATOR.export_state(config, state)
    inside = {name.removeprefix("Model."): tensor for name, tensor in tensors.items()}
    arguments = GENERATOR.written(GENERATOR.to_published(config))
    with research_modules() as easy, r3gan_modules() as classes:

        def network() -> Persistent:
            model = {"Model": pickled(inside, classes)}
            held: dict[str, Any] = {
                "_parameters": OrderedDict(),
                "_buffers": OrderedDict(),
                "_modules": OrderedDict(model),
            }
            return Persistent("Generator", held | {"_init_args": (), "_init_kwargs": easy(arguments)})

        content = {"G": network(), "G_ema": network(), "training_set_kwargs": easy(path="x"), "augment_pipe": None}
        file = write_pickle(tmp_path / "network-snapshot.pkl", content)
    checkpoint = open_checkpoint(file)
    assert checkpoint.layout is GENERATOR
    assert any("took the network 'G_ema', left out G" in note for note in checkpoint.notes)
    model = published_model(checkpoint)
    assert isinstance(model.config, GANSynthesizerConfig)
    assert model.config.generator == config
    assert model.config.classes == ("0", "1", "2")
    assert all(torch.equal(model.state[f"generator.{name}"], tensor) for name, tensor in state.items())
