"""Recipes of guided diffusion and of its classifiers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diorama.core.errors import BadConfig
from diorama.methods.diffusion.classifying import NoisyClassifierMethodConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.recipes.adm import adm, adm_classifier, adm_classifier_cpu, adm_cpu
from tests.recipes.families import one_step, parameters, pictures

LABELS = ("cat", "dog", "owl")


@pytest.mark.parametrize("size", [8, 28, 32, 64])
def test_small_recipes_have_at_most_three_million_parameters(size: int) -> None:
    for make in (adm_cpu, adm_classifier_cpu):
        recipe = make(pictures(size, classes=LABELS))
        assert parameters(recipe) <= 3_000_000
        assert all(value == value for value in one_step(recipe).values())


@pytest.mark.parametrize(("model", "classifier"), [(adm, adm_classifier), (adm_cpu, adm_classifier_cpu)])
def test_a_classifier_looks_through_the_noise_of_the_model_that_it_guides(model: object, classifier: object) -> None:
    info = pictures(32, classes=LABELS)
    drawn, guide = model(info).method, classifier(info).method  # type: ignore[operator]
    assert isinstance(drawn, DiffusionMethodConfig)
    assert isinstance(guide, NoisyClassifierMethodConfig)
    assert drawn.synthesizer.process == guide.synthesizer.process
    assert guide.synthesizer.names == LABELS


def test_a_classifier_needs_labels() -> None:
    with pytest.raises(BadConfig, match="has no labels"):
        adm_classifier_cpu(pictures(32))


def test_pictures_that_are_not_square_are_pooled_by_their_mean() -> None:
    info = pictures(32, classes=LABELS)
    wide = adm_classifier_cpu(replace(info, media=replace(info.media, width=48)))
    assert isinstance(wide.method, NoisyClassifierMethodConfig)
    assert wide.method.synthesizer.classifier.pooling == "mean"
    assert one_step(wide)
