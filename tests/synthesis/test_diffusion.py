"""Diffusion models as synthesizers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.core.rng import initial_noise
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.processes.levels import DiscreteProcessConfig
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig

MEDIA = MediaSpec(kind="image", channels=1, height=8, width=8)
NETWORK = DDPMUNetConfig(in_channels=1, out_channels=1, widths=(8, 8), depth=1, attention=(False, True), groups=4)
PLAIN = DiffusionSynthesizerConfig(
    media=MEDIA, denoiser=NETWORK, process=DiscreteProcessConfig(steps=20, last=0.3), sampler=DDIMConfig(steps=4)
)
LABELLED = replace(
    PLAIN,
    classes=("cat", "dog"),
    denoiser=replace(NETWORK, embedding=EmbeddingConfig(label="table", classes=2, unconditional=True)),
)


def _random(config: DiffusionSynthesizerConfig) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


@pytest.mark.parametrize("sampler", [DDIMConfig(steps=4), DDIMConfig(steps=3, eta=1.0), AncestralConfig(steps=5)])
def test_samples_do_not_depend_on_their_batch(sampler: DDIMConfig | AncestralConfig) -> None:
    model = _random(replace(PLAIN, sampler=sampler))
    together = model.sample(4, seed=3)
    apart = torch.cat([model.sample(1, seed=3, first=i) for i in range(4)])
    assert together.shape == (4, 1, 8, 8)
    assert together.abs().max() <= 1
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(together[0], together[1])


def test_stages_show_the_way() -> None:
    model = _random(PLAIN)
    noise = initial_noise(model.noise_shape, seed=0, first=0, count=2)
    with torch.no_grad():
        stages = list(model.stages(noise, {}))
    assert len(stages) == 4
    assert all(stage.clean is not None and stage.level is not None for stage in stages)


def test_weights_are_those_of_the_denoiser() -> None:
    assert {name.split(".")[0] for name in PLAIN.build().state_dict()} == {"denoiser"}


def test_labels_guide() -> None:
    model = _random(replace(LABELLED, guidance=2.0))
    noise = torch.randn(2, 1, 8, 8)
    cats, dogs, any_ = (
        model.sample(2, noise=noise, condition=condition)
        for condition in ({"label": torch.tensor([0, 0])}, {"label": torch.tensor([1, 1])}, {})
    )
    assert not torch.allclose(cats, dogs)
    assert not torch.allclose(cats, any_)
    strong = _random(replace(LABELLED, guidance=1.0))
    assert not torch.allclose(cats, strong.sample(2, noise=noise, condition={"label": torch.tensor([0, 0])}))


def test_guidance_acts_on_predictions_before_they_are_limited() -> None:
    model = _random(replace(LABELLED, guidance=3.0))
    free = DiffusionSynthesizer(replace(model.config, clip=False)).eval()
    free.load_state_dict(model.state_dict())
    level, x, label = model.process.level(3), torch.randn(4, 1, 8, 8), {"label": torch.tensor([0, 1, 0, 1])}
    with torch.no_grad():
        limited, raw = model.denoise(label)(x, level).clean, free.denoise(label)(x, level).clean
    assert raw.abs().max() > 1
    torch.testing.assert_close(limited, raw.clamp(-1, 1))


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(BadInput, match="cat"):
        _random(LABELLED).sample(1, condition={"label": torch.tensor([2])})
    needs = replace(LABELLED, denoiser=replace(NETWORK, embedding=EmbeddingConfig(label="table", classes=2)))
    with pytest.raises(BadInput, match="needs a label"):
        _random(needs).sample(1)


def test_a_model_without_classes_does_not_read_labels() -> None:
    model = _random(PLAIN)
    assert torch.equal(model.sample(1), model.sample(1, condition={"label": torch.tensor([7])}))


def test_bits_per_dimension_are_repeatable_and_depend_on_the_picture() -> None:
    model = _random(replace(PLAIN, sampler=AncestralConfig()))
    images = torch.randint(256, (3, 1, 8, 8), generator=torch.Generator().manual_seed(1)) / 127.5 - 1
    bits = model.bits_per_dim(images, seed=1)
    assert bits.shape == (3,)
    assert bits.isfinite().all()
    torch.testing.assert_close(bits[1:], model.bits_per_dim(images[1:], seed=1, first=1), rtol=1e-3, atol=1e-3)
    assert model.bits_per_dim(images, steps=3).isfinite().all()


def test_float_pixels_have_no_bits() -> None:
    model = _random(replace(PLAIN, media=replace(MEDIA, dtype="float32")))
    with pytest.raises(BadInput, match="integer"):
        model.bits_per_dim(torch.zeros(1, 1, 8, 8))


def test_it_survives_json() -> None:
    for config in (PLAIN, LABELLED, replace(PLAIN, sampler=AncestralConfig())):
        assert decode(AnySynthesizer, json.loads(json.dumps(encode(config)))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"media": replace(MEDIA, height=7)}, "multiples of 2"),
        ({"media": MediaSpec(kind="video", channels=1, height=8, width=8, frames=2)}, "not clips"),
        ({"classes": ("a",)}, "1 names"),
        ({"guidance": 2.0}, "null label"),
    ],
)
def test_impossible_models_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)
