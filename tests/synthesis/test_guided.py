"""Diffusion models under each kind of guidance, and models guided by others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.errors import BadInput
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.nn.attention import perturbed_attention
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.samplers.guidance.catalog import GUIDANCES
from diorama.samplers.guidance.perturbed_attention import PerturbedAttentionGuidance
from diorama.samplers.inverse.ddrm import DDRMConfig
from diorama.samplers.inverse.measurement import Measurement
from diorama.samplers.inverse.pixels import MaskConfig
from diorama.synthesis import store
from diorama.synthesis.base import Sampling
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.classifier import NoisyClassifier, NoisyClassifierConfig
from diorama.synthesis.conditions import NOTHING, SampleConditions
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.guided import guided_by, idle_guidance, require_guidance
from diorama.synthesis.provenance import Provenance
from diorama.tasks.reconstruct import drawn_from
from tests.synthesis.models import tiny_diffusion, tiny_gan

CLASSES = ("cat", "dog")
LABELS = {"label": ["cat", "dog", "cat"]}


def guide_of(classes: tuple[str, ...] = CLASSES) -> DiffusionSynthesizer:
    """Another network, of other widths."""
    config = tiny_diffusion(classes).config
    model = replace(config, denoiser=replace(config.denoiser, widths=(4, 8))).build().eval()
    torch.manual_seed(3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


@pytest.fixture(scope="module")
def guided() -> DiffusionSynthesizer:
    return guided_by(tiny_diffusion(CLASSES), guide_of())


@pytest.fixture(scope="module")
def classifier() -> NoisyClassifier:
    """Of the tiny model's noisy pictures."""
    config = tiny_diffusion().config
    network = ADMClassifierConfig(
        in_channels=1,
        channels=32,
        widths=(32, 32),
        depth=1,
        attention=(False, True),
        classes=2,
        pooling="mean",
        side=None,
        head_channels=32,
    )
    built = NoisyClassifierConfig(media=config.media, names=CLASSES, classifier=network, process=config.process).build()
    torch.manual_seed(5)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return built.eval().requires_grad_(False)


def test_samples_move_towards_what_a_classifier_takes_for_their_label(classifier: NoisyClassifier) -> None:
    guided = guided_by(tiny_diffusion(), classifier)
    labels = {"label": torch.arange(16) % 2}

    def log_probability(scale: float, kind: str = "classifier", sampler: str | None = None) -> float:
        how = Sampling(guidance=scale, guidance_kind=kind, sampler=sampler)
        drawn = guided.resampled(how).sample(16, condition=labels)
        level = guided.config.process.at(torch.tensor(1.0))
        found = classifier.logits(drawn, level).log_softmax(1)
        return float(found.gather(1, labels["label"][:, None]).mean())

    assert log_probability(1000) > log_probability(1)
    assert log_probability(1000, "classifier:form=mean", "ancestral") > log_probability(1, sampler="ancestral")
    assert log_probability(1000, "classifier:low=1e6") == log_probability(1)


def test_the_gradient_moves_the_mean_of_ancestral_steps_and_else_the_score(classifier: NoisyClassifier) -> None:
    guided = guided_by(tiny_diffusion(), classifier)

    def drawn(kind: str, sampler: str) -> torch.Tensor:
        how = Sampling(guidance=5, guidance_kind=kind, sampler=sampler)
        return guided.resampled(how).sample(2, condition={"label": "dog"})

    for sampler, form, other in (("ancestral", "mean", "score"), ("ddim", "score", "")):
        assert drawn("classifier", sampler).equal(drawn(f"classifier:form={form}", sampler))
        assert not other or not drawn("classifier", sampler).equal(drawn(f"classifier:form={other}", sampler))


def test_what_walks_without_the_sampler_is_guided_by_the_score(classifier: NoisyClassifier) -> None:
    plain = tiny_diffusion().resampled(Sampling(sampler="ancestral"))
    guided = guided_by(plain, classifier).resampled(Sampling(guidance=5))
    label, level = {"label": torch.tensor([0, 1])}, guided.config.process.at(torch.tensor(5.0))
    x = guided.noise(2, seed=0)
    alone, walked = (guided.denoise(label, sampler=each)(x, level) for each in (None, guided.config.sampler))
    assert alone.gradient is None
    assert walked.gradient is not None
    assert walked.clean.equal(plain.denoise({})(x, level).clean)
    shift = level.sigma**2 / level.alpha * walked.gradient
    torch.testing.assert_close(alone.clean, walked.clean + shift)
    # DDRM reads clean samples alone.
    operator = MaskConfig().build((1, 8, 8), x, torch.eye(8, dtype=torch.bool))
    measurement = Measurement(operator=operator, y=operator.forward(x[:1]))
    drawn = [
        drawn_from(model, DDRMConfig(), measurement, range(2), seed=0, condition=given)
        for model, given in ((plain, {}), (guided, label))
    ]
    assert not drawn[0].equal(drawn[1])


def test_a_label_that_is_left_out_is_not_guided_towards(classifier: NoisyClassifier) -> None:
    guided = guided_by(tiny_diffusion(CLASSES), classifier).resampled(Sampling(guidance=5))
    mixed = guided.sample(2, condition={"label": torch.tensor([0, 2])})
    plain = guided.resampled(Sampling(guidance=1)).sample(2, condition={"label": torch.tensor([0, 2])})
    assert mixed[1].equal(plain[1])
    assert not mixed[0].equal(plain[0])


def test_a_classifier_is_saved_with_the_model_and_found_again(classifier: NoisyClassifier, tmp_path: Path) -> None:
    guided = guided_by(tiny_diffusion(), classifier).resampled(Sampling(guidance=3))
    store.save(tmp_path / "model", guided.config, guided.state_dict(), Provenance(), "# guided\n")
    found = store.load(tmp_path / "model")
    assert found.config.classes == CLASSES
    assert found.sample(2, condition={"label": "dog"}).equal(guided.sample(2, condition={"label": "dog"}))
    assert tiny_diffusion().sample(2).equal(found.resampled(Sampling(guidance=1)).sample(2))


def test_classifiers_that_do_not_fit_are_refused(classifier: NoisyClassifier) -> None:
    model = tiny_diffusion(("dog", "cat"))
    slower = replace(classifier.config, process=replace(classifier.config.process, steps=30)).build()
    larger = replace(classifier.config, media=replace(classifier.config.media, height=16, width=16)).build()
    for one, guide, message in (
        (model, classifier, "guide: tells the labels .* apart, and the model's are"),
        (tiny_diffusion(), slower, "guide: its noise process is"),
        (tiny_diffusion(), larger, "guide: looks at pictures of 16 x 16"),
    ):
        with pytest.raises(BadInput, match=message):
            guided_by(one, guide)
    guided = guided_by(tiny_diffusion(), classifier)
    with pytest.raises(BadInput, match="the form 'mean' moves steps of the sampler ancestral"):
        guided.resampled(Sampling(guidance=2, guidance_kind="classifier:form=mean"))
    with pytest.raises(BadInput, match="autoguidance needs a second model"):
        guided.resampled(Sampling(guidance_kind="autoguidance"))
    with pytest.raises(BadInput, match="needs a noisy classifier"):
        tiny_diffusion(CLASSES).resampled(Sampling(guidance_kind="classifier"))


TWO_ANSWERS = [name for name in GUIDANCES if name != "classifier"]


@pytest.mark.parametrize("kind", TWO_ANSWERS)
def test_guidance_by_itself_changes_nothing(guided: DiffusionSynthesizer, kind: str) -> None:
    plain = tiny_diffusion(CLASSES).sample(3, seed=1, condition=LABELS)
    assert guided.resampled(Sampling(guidance_kind=kind)).sample(3, seed=1, condition=LABELS).equal(plain)


@pytest.mark.parametrize("kind", TWO_ANSWERS)
def test_every_kind_guides(guided: DiffusionSynthesizer, kind: str) -> None:
    plain = guided.sample(3, seed=1, condition=LABELS)
    other = guided.resampled(Sampling(guidance=3, guidance_kind=kind))
    made = other.sample(3, seed=1, condition=LABELS)
    assert made.isfinite().all()
    assert not made.equal(plain)
    assert other.sampling.guidance == 3
    assert other.sampling.guidance_kind == (None if kind == "cfg" else kind)


def test_an_interval_that_holds_no_level_guides_nowhere(guided: DiffusionSynthesizer) -> None:
    plain = guided.sample(3, seed=1, condition=LABELS)
    never = guided.resampled(Sampling(guidance=3, guidance_kind="cfg:low=1e6"))
    assert never.sample(3, seed=1, condition=LABELS).equal(plain)


def test_configs_of_before_are_written_as_before() -> None:
    written = encode(tiny_diffusion(CLASSES).config)
    assert written["guidance"] == 1.0
    assert not {"guidance_kind", "guide"} & set(written)
    assert decode(AnySynthesizer, written | {"guidance": 2}).guidance == 2


def test_a_guided_model_is_saved_and_found_again(guided: DiffusionSynthesizer, tmp_path: Path) -> None:
    model = guided.resampled(Sampling(guidance=2))
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "# guided\n")
    found = store.load(tmp_path / "model")
    assert found.config == model.config
    assert store.model_hash(tmp_path / "model") == store.model_hash(model)
    assert found.sample(3, condition=LABELS).equal(model.sample(3, condition=LABELS))
    assert "guidance 2 (autoguidance)" in repr(found)


def test_a_guide_that_is_the_model_itself_changes_next_to_nothing() -> None:
    model = tiny_diffusion(CLASSES)
    twice = guided_by(model, model).resampled(Sampling(guidance=3))
    torch.testing.assert_close(twice.sample(3, condition=LABELS), model.sample(3, condition=LABELS))


def test_the_models_that_were_joined_stay_what_they_were() -> None:
    model, guide = tiny_diffusion(CLASSES), guide_of()
    before = model.sample(2)
    guided_by(model, guide).resampled(Sampling(guidance=3)).sample(2)
    assert model.guide is None
    assert not any(name.startswith("guide") for name in model.state_dict())
    assert model.sample(2).equal(before)


def test_a_guide_may_be_given_less_than_the_model() -> None:
    guided = guided_by(tiny_diffusion(CLASSES), guide_of(())).resampled(Sampling(guidance=2))
    assert guided.sample(3, condition=LABELS).isfinite().all()


def test_guides_that_do_not_fit_are_refused() -> None:
    model, other = tiny_diffusion(CLASSES), tiny_diffusion(CLASSES).config
    larger = replace(other, media=replace(other.media, height=16, width=16)).build()
    slower = replace(other, process=replace(other.process, steps=30)).build()
    named = replace(other, conditions=(replace(other.conditions[0], names=("dog", "cat")),)).build()
    for guide, message in (
        (larger, "guide: draws pictures of 16 x 16"),
        (slower, "guide: its noise process is another discrete one than the model's: steps 30 in place of"),
        (named, "guide: names of its label is"),
        (tiny_gan(1), "guide: is a GAN, and must"),
    ):
        with pytest.raises(BadInput, match=message):
            guided_by(model, guide)
    with pytest.raises(BadInput, match="guide: is given label, which this model is not given"):
        guided_by(tiny_diffusion(), model)
    with pytest.raises(BadInput, match="model: is a GAN, and must"):
        guided_by(tiny_gan(1), model)


def test_a_guide_that_would_not_be_asked_is_refused(guided: DiffusionSynthesizer) -> None:
    with pytest.raises(BadInput, match="at a guidance of 1 it changes nothing"):
        require_guidance(guided, Sampling())
    with pytest.raises(BadInput, match="apg asks no guide"):
        require_guidance(guided, Sampling(guidance=2, guidance_kind="apg"))
    require_guidance(guided, Sampling(guidance=2))


def test_guidance_that_changes_nothing_is_said(guided: DiffusionSynthesizer, classifier: NoisyClassifier) -> None:
    labels = SampleConditions(words=({"label": "cat"},))
    itself = guided_by(tiny_diffusion(CLASSES), tiny_diffusion(CLASSES))
    led = guided_by(tiny_diffusion(), classifier)
    cases: list[tuple[DiffusionSynthesizer, Sampling, SampleConditions, str]] = [
        (tiny_diffusion(CLASSES), Sampling(guidance_kind="apg"), labels, "apg changes nothing at a guidance of 1"),
        (tiny_diffusion(CLASSES), Sampling(guidance=2), NOTHING, r"a scale of 2 changes nothing .*--label CLASS"),
        (tiny_diffusion(CLASSES), Sampling(guidance=2), labels, ""),
        (tiny_diffusion(CLASSES), Sampling(guidance=2, guidance_kind="pag"), NOTHING, ""),
        (led, Sampling(guidance=2), NOTHING, "changes nothing where samples are given nothing"),
        (led, Sampling(guidance=2), labels, ""),
        (itself, Sampling(guidance=2), NOTHING, "guide: is the model itself"),
        (guided, Sampling(guidance=2), NOTHING, ""),
        (tiny_diffusion(), Sampling(), NOTHING, ""),
    ]
    for model, asked, given, told in cases:
        assert re.search(told or "^$", idle_guidance(asked, model.resampled(asked), given))


def test_what_a_model_cannot_be_guided_by_is_refused_with_what_it_can() -> None:
    for sampling, message in (
        (Sampling(guidance=3), "train it with dropout of its label .* or guide it by another model"),
        (Sampling(guidance_kind="autoguidance"), "needs a second model as a guide; name one with --guide"),
        (Sampling(guidance=2, guidance_kind="pag:layers=7"), "this network has 4 self-attention layers"),
        (Sampling(guidance_kind="afg"), "there is no 'afg'"),
    ):
        with pytest.raises(BadInput, match=message):
            tiny_diffusion().resampled(sampling)


def test_perturbed_attention_needs_no_condition() -> None:
    model = tiny_diffusion()
    made = model.resampled(Sampling(guidance=2, guidance_kind="pag:layers=0"))
    assert not made.sample(2).equal(model.sample(2))
    assert model.resampled(Sampling(guidance=2, guidance_kind="pag")).sample(2).isfinite().all()


def test_perturbed_places_attend_to_themselves() -> None:
    network = tiny_diffusion().denoiser
    x, t = torch.randn(1, 1, 8, 8), torch.ones(1)
    with torch.no_grad():
        plain = network(x, t, {})
        with perturbed_attention(network):
            perturbed = network(x, t, {})
        assert network(x, t, {}).equal(plain)
    assert not perturbed.equal(plain)


def test_a_model_keeps_the_settings_of_its_own_kind(guided: DiffusionSynthesizer) -> None:
    own = guided.resampled(Sampling(guidance=2, guidance_kind="autoguidance:high=3"))
    assert own.resampled(Sampling(guidance_kind="autoguidance")).config.guidance_kind == Autoguidance(high=3)
    assert own.resampled(Sampling(guidance_kind="pag:low=1")).config.guidance_kind == PerturbedAttentionGuidance(low=1)
