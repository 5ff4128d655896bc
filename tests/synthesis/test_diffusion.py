"""Diffusion models as synthesizers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.rng import initial_noise
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig

MEDIA = MediaSpec(kind="image", channels=1, height=8, width=8)
NETWORK = DDPMUNetConfig(in_channels=1, out_channels=1, widths=(8, 8), depth=1, attention=(False, True), groups=4)
PLAIN = DiffusionSynthesizerConfig(media=MEDIA, denoiser=NETWORK, process=DiscreteProcess(steps=20, last=0.3), steps=4)
LABEL = ConditionSpec(key="label", names=("cat", "dog"), null=2)
LABELLED = replace(
    PLAIN,
    conditions=(LABEL,),
    denoiser=replace(NETWORK, embedding=EmbeddingConfig(label="table", classes=2, unconditional=True)),
)


def _random(config: DiffusionSynthesizerConfig) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


EDM = replace(
    PLAIN,
    process=ExplodingProcess(),
    preconditioning=EDMPreconditioning(),
    spacing=KarrasSpacing(),
    sampler=HeunConfig(),
    clip=False,
)
GEOMETRIC_STEPS = replace(EDM, process=GeometricStepsProcess(steps=30), spacing=StepSpacing(), sampler=DDIMConfig())
FLOW = replace(
    PLAIN,
    process=FlowProcess(),
    preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=1000.0),
    spacing=UniformSpacing(),
)
KINDS = {
    "ddim": PLAIN,
    "ddim with noise": replace(PLAIN, sampler=DDIMConfig(eta=1.0)),
    "ancestral": replace(PLAIN, sampler=AncestralConfig()),
    "edm": EDM,
    "edm with churn": replace(EDM, sampler=HeunConfig(churn=2.0)),
    "flow": FLOW,
}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_do_not_depend_on_their_batch(kind: str) -> None:
    model = _random(KINDS[kind])
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
    level, label = model.config.process.at(torch.tensor(3.0)), {"label": torch.tensor([0, 1, 0, 1])}
    x = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        limited, raw = model.denoise(label)(x, level).clean, free.denoise(label)(x, level).clean
    assert raw.abs().max() > 1
    torch.testing.assert_close(limited, raw.clamp(-1, 1))


def test_wrong_labels_are_refused() -> None:
    with pytest.raises(BadInput, match="cat"):
        _random(LABELLED).sample(1, condition={"label": torch.tensor([3])})
    with pytest.raises(BadInput, match="shape"):
        _random(LABELLED).sample(2, condition={"label": torch.tensor([0])})
    needs = replace(
        LABELLED,
        conditions=(replace(LABEL, null=None),),
        denoiser=replace(NETWORK, embedding=EmbeddingConfig(label="table", classes=2)),
    )
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
    for config in (*KINDS.values(), LABELLED):
        assert decode(AnySynthesizer, json.loads(json.dumps(encode(config)))) == config


NOT_FINITE = "not finite where no data are left"
FLOWING: dict[str, Any] = {"process": FlowProcess(), "spacing": UniformSpacing(), "sampler": HeunConfig()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"media": replace(MEDIA, height=7)}, "multiples of 2"),
        ({"media": MediaSpec(kind="video", channels=1, height=8, width=8, frames=2)}, "not clips"),
        ({"conditions": (replace(LABEL, names=("a",), null=None),)}, "nothing reads it"),
        ({"conditions": (ConditionSpec(key="tokens", shape=(4,)),)}, "nothing reads it"),
        ({"denoiser": LABELLED.denoiser}, "reads label, which no condition gives"),
        ({"denoiser": LABELLED.denoiser, "conditions": (replace(LABEL, names=("a",)),)}, "1 label names"),
        ({"denoiser": LABELLED.denoiser, "conditions": (replace(LABEL, null=5),)}, "null label is 2"),
        ({"denoiser": replace(NETWORK, out_channels=2)}, "out_channels: the network predicts 2 channels of the 1 that"),
        ({"guidance": 2.0}, "was ever left out"),
        ({"process": FlowProcess()}, "this model's process has none"),
        ({**FLOWING, "preconditioning": FLOW.preconditioning, "sampler": HeunConfig(along="ratio")}, "along 'time'"),
        ({"steps": 21}, "between 1 and 20"),
        (
            {
                "media": replace(MEDIA, channels=3),
                "denoiser": NCSNppConfig(widths=(8, 8), attention=(False, False)),
                "conditions": (),
            },
            "logarithm of the time",
        ),
        ({"media": replace(MEDIA, channels=3)}, r"media\.channels: the network takes 1 channels, these have 3"),
        (FLOWING | {"preconditioning": EDMPreconditioning()}, NOT_FINITE),
        (
            FLOWING | {"preconditioning": TargetPreconditioning(predicts="noise", time_input="time")},
            NOT_FINITE,
        ),
        (
            FLOWING | {"preconditioning": TargetPreconditioning(predicts="flow", time_input="log_sigma")},
            NOT_FINITE,
        ),
    ],
)
def test_impossible_models_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)


def test_a_score_network_of_noise_levels_draws_with_the_process_it_is_made_for() -> None:
    config = replace(
        EDM,
        media=replace(MEDIA, channels=3),
        denoiser=NCSNppConfig(widths=(8, 8), depth=1, attention=(False, False)),
        preconditioning=TargetPreconditioning(predicts="score", time_input="sigma"),
    )
    assert _random(config).sample(2).isfinite().all()


def test_noise_enters_a_process_at_the_scale_of_its_first_level() -> None:
    seen: list[torch.Tensor] = []
    model = _random(EDM)
    model.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    noise = torch.randn(64, 1, 8, 8)
    model.sample(64, noise=noise)
    # The network's input is scaled back to unit variance, whatever the level.
    torch.testing.assert_close(seen[0], noise, rtol=1e-3, atol=1e-3)


def test_another_sampler_steps_and_guidance_leave_the_model_alone() -> None:
    model = _random(LABELLED)
    assert model.sampling == Sampling(sampler="ddim", steps=4, guidance=1.0)
    other = model.resampled(Sampling(sampler="ancestral", steps=7, guidance=3.0))
    assert other.sampling == Sampling(sampler="ancestral", steps=7, guidance=3.0)
    assert model.sampling == Sampling(sampler="ddim", steps=4, guidance=1.0)
    assert other.denoiser is model.denoiser
    condition = {"label": torch.tensor([0, 1])}
    assert not torch.equal(model.sample(2, condition=condition), other.sample(2, condition=condition))
    again = other.resampled(Sampling(sampler="ddim", steps=4, guidance=1.0))
    assert torch.equal(model.sample(2, condition=condition), again.sample(2, condition=condition))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Sampling(sampler="walk"), "known are ancestral, "),
        (Sampling(steps=21), "between 1 and 20"),
        (Sampling(guidance=2.0), "was ever left out"),
    ],
)
def test_a_model_says_how_it_cannot_be_drawn_from(asked: Sampling, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        _random(PLAIN).resampled(asked)


@pytest.mark.parametrize("kind", ["edm", "flow", "geometric steps"])
def test_other_processes_have_a_bound_too(kind: str) -> None:
    images = torch.randint(256, (2, 1, 8, 8), generator=torch.Generator().manual_seed(1)) / 127.5 - 1
    bits = _random(GEOMETRIC_STEPS if kind == "geometric steps" else KINDS[kind]).bits_per_dim(images, steps=20)
    assert bits.isfinite().all()
    assert (bits > 0).all()
