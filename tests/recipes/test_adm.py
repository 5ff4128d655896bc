"""Recipes of guided diffusion and of its classifiers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.classifying import NoisyClassifierMethodConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.recipes.adm import adm, adm_class, adm_class_cpu, adm_classifier, adm_classifier_cpu, adm_cpu
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.training.recipe import Recipe
from tests.recipes.families import one_step, parameters, pictures

LABELS = ("cat", "dog", "owl")


@pytest.mark.parametrize("size", [8, 28, 32, 64])
def test_small_recipes_have_at_most_three_million_parameters(size: int) -> None:
    for make in (adm_cpu, adm_class_cpu, adm_classifier_cpu):
        recipe = make(pictures(size, classes=LABELS))
        assert parameters(recipe) <= 3_000_000
        assert all(value == value for value in one_step(recipe).values())


@pytest.mark.parametrize(
    ("model", "classifier"), [(adm, adm_classifier), (adm_cpu, adm_classifier_cpu), (adm_class_cpu, adm_classifier_cpu)]
)
def test_a_classifier_looks_through_the_noise_of_the_model_that_it_guides(model: object, classifier: object) -> None:
    info = pictures(32, classes=LABELS)
    drawn, guide = model(info).method, classifier(info).method  # type: ignore[operator]
    assert isinstance(drawn, DiffusionMethodConfig)
    assert isinstance(guide, NoisyClassifierMethodConfig)
    assert drawn.synthesizer.process == guide.synthesizer.process
    assert guide.synthesizer.names == LABELS


@pytest.mark.parametrize("make", [adm_class, adm_class_cpu, adm_classifier_cpu])
def test_a_classifier_and_what_is_told_labels_need_them(make: Callable[[DataInfo], Recipe]) -> None:
    with pytest.raises(BadConfig, match="has no labels"):
        make(pictures(32))


def test_a_model_that_is_told_labels_is_moved_by_a_classifier() -> None:
    info = pictures(32, classes=LABELS)
    drawn, guide = adm_class_cpu(info).method, adm_classifier_cpu(info).method
    assert isinstance(drawn, DiffusionMethodConfig)
    assert isinstance(guide, NoisyClassifierMethodConfig)
    torch.manual_seed(0)
    model = drawn.synthesizer
    plain = replace(model, steps=2).build()
    guided = replace(model, steps=2, guide=guide.synthesizer, guidance_kind=ClassifierGuidance(), guidance=40.0).build()
    missing = guided.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing
    assert all(key.startswith("guide.") for key in missing)
    noise, label = torch.randn(2, 3, 32, 32), {"label": torch.tensor([0, 2])}
    with torch.no_grad():
        *_, one = plain.stages(noise, label)
        *_, other = guided.stages(noise, label)
        *_, moved = plain.stages(noise, {"label": torch.tensor([1, 2])})
    assert not torch.equal(one.x, other.x)
    assert torch.equal(one.x[1], moved.x[1])


def test_pictures_that_are_not_square_are_pooled_by_their_mean() -> None:
    info = pictures(32, classes=LABELS)
    wide = adm_classifier_cpu(replace(info, media=replace(info.media, width=48)))
    assert isinstance(wide.method, NoisyClassifierMethodConfig)
    assert wide.method.synthesizer.classifier.pooling == "mean"
    assert one_step(wide)
