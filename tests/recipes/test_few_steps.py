"""Recipes of models that draw in one step or a few, from data alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.moment_matching import MomentMatchingConfig
from diorama.recipes.drifting import drift, drift_cpu
from diorama.recipes.moment_matching import imm, imm_class, imm_cpu
from diorama.training.recipe import Recipe
from tests.recipes.families import parameters, pictures


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("make", [imm_cpu, drift_cpu])
def test_small_ones_have_at_most_three_million_parameters(make: Callable[[DataInfo], Recipe], size: int) -> None:
    assert parameters(make(pictures(size))) <= 3_000_000


def test_batches_of_moment_matching_are_made_of_whole_groups() -> None:
    for make in (imm, imm_cpu):
        recipe = make(pictures())
        assert isinstance(recipe.method, MomentMatchingConfig)
        assert recipe.batch_size % recipe.method.particles == 0


@pytest.mark.parametrize("make", [imm, imm_cpu])
def test_moment_matching_is_trained_in_full_precision(make: Callable[[DataInfo], Recipe]) -> None:
    assert make(pictures()).precision == "fp32"


@pytest.mark.parametrize("make", [imm, imm_cpu, drift, drift_cpu])
def test_they_are_shown_and_measured_while_they_train(make: Callable[[DataInfo], Recipe]) -> None:
    recipe = make(pictures())
    assert recipe.evaluation.samples > 0
    assert 0 < recipe.preview_every <= recipe.evaluation.every <= recipe.images / 4
    # The best model is kept in a state.
    assert 0 < recipe.checkpoint_every <= recipe.evaluation.every


def test_moment_matching_of_labels_leaves_some_out_and_is_guided() -> None:
    method = imm_class(pictures(classes=("a", "b"))).method
    assert isinstance(method, MomentMatchingConfig)
    (label,) = method.synthesizer.conditions
    assert (label.dropout, label.null, method.synthesizer.guidance) == (0.1, 2, 1.5)
    with pytest.raises(BadConfig, match="no labels"):
        imm_class(pictures())
