"""Learning rates over images seen, and values that a recipe refuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.training.recipe import (
    AverageConfig,
    OptimizerConfig,
    PowerAverageConfig,
    RateConfig,
    length_is_free,
    rate,
    second_beta,
)
from tests.training.toy import flow_recipe

DECAYS = st.sampled_from(["constant", "cosine", "linear", "root"])


@given(DECAYS, st.integers(0, 10_000), st.integers(0, 2_000), st.integers(1, 10_000), st.floats(0, 1))
def test_a_rate_lies_between_zero_and_its_peak(decay: str, images: int, warmup: int, total: int, final: float) -> None:
    config = RateConfig(peak=0.3, warmup=warmup, decay=decay, final=final)
    assert 0.0 <= rate(config, images, total) <= 0.3 * (1 + 1e-12)


@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_a_decay_ends_at_its_final_share(decay: str) -> None:
    config = RateConfig(peak=2.0, warmup=10, decay=decay, final=0.25)
    assert rate(config, 10, 100) == pytest.approx(2.0)
    assert rate(config, 55, 100) == pytest.approx(2.0 * (0.25 + 0.75 * 0.5))
    assert rate(config, 100, 100) == rate(config, 1000, 100) == pytest.approx(0.5)


@given(st.sampled_from(["cosine", "linear", "root"]), st.floats(0, 0.9), st.integers(0, 50))
def test_the_peak_is_held_before_the_fall(decay: Any, hold: float, warmup: int) -> None:
    config = RateConfig(peak=2.0, warmup=warmup, decay=decay, final=0.1, hold=hold)
    rates = [rate(config, images, 1_000 + warmup) for images in range(warmup, 1_001 + warmup)]
    assert all(r == 2.0 for r in rates[: int(1_000 * hold)])
    assert rates[-1] == pytest.approx(0.2)
    assert all(later <= earlier for earlier, later in pairwise(rates))


def test_an_inverse_root_falls_whatever_the_length_of_the_run() -> None:
    config = RateConfig(peak=1.0, warmup=10, decay="inverse_root", reference=100)
    assert [rate(config, images, 7) for images in (5, 50, 100, 400, 10_000)] == [0.5, 1.0, 1.0, 0.5, 0.1]
    adam = OptimizerConfig(rate=config)
    assert length_is_free(replace(flow_recipe(), optimizers={"flow": adam}))
    assert not length_is_free(replace(flow_recipe(), optimizers={"flow": replace(adam, rate=HELD)}))


def test_a_beta_moves_along_a_cosine_to_the_runs_end() -> None:
    adam = OptimizerConfig(rate=RateConfig(peak=1.0), betas=(0.0, 0.9), beta2_final=0.99)
    assert [second_beta(adam, images, 100) for images in (0, 50, 100, 150)] == pytest.approx([0.9, 0.945, 0.99, 0.99])
    assert not length_is_free(replace(flow_recipe(), optimizers={"flow": adam}))
    for wrong in ({"beta2_final": 1.0}, {"beta2_final": 0.9, "algorithm": "adamw"}):
        with pytest.raises(ValueError, match="beta2_final"):
            replace(adam, **wrong)  # type: ignore[arg-type]


HELD = RateConfig(peak=1.0, decay="root", hold=0.8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decay": "inverse_root"}, "reference must be positive"),
        ({"decay": "cosine", "reference": 5}, "reference must be positive"),
        ({"hold": 0.5}, "hold must be in"),
        ({"decay": "linear", "hold": 1.0}, "hold must be in"),
    ],
)
def test_settings_that_a_rate_cannot_have_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RateConfig(peak=1.0, **wrong)


def test_the_warm_up_rises_linearly_from_zero() -> None:
    config = RateConfig(peak=1.0, warmup=100)
    assert [rate(config, images, 1000) for images in (0, 25, 100, 900)] == [0.0, 0.25, 1.0, 1.0]


def test_a_constant_rate_does_not_know_the_length_of_the_run() -> None:
    config = RateConfig(peak=1.0, warmup=7)
    assert [rate(config, i, 10) for i in range(20)] == [rate(config, i, 10_000) for i in range(20)]


def test_the_exported_average_must_be_one_of_those_that_are_kept() -> None:
    with pytest.raises(ValueError, match=r"exported_average: 'ema' is none of the averages \(wide\)"):
        replace(flow_recipe(), averages={"wide": PowerAverageConfig(std=0.1)})


@pytest.mark.parametrize("name", ["../up", "a b", ""])
def test_a_name_of_an_average_can_be_a_folder_and_an_option(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        replace(flow_recipe(), averages={name: AverageConfig()}, exported_average=name)


@pytest.mark.parametrize("std", [0.0, 0.29, float("nan")])
def test_a_power_average_has_a_width_that_a_power_can_have(std: float) -> None:
    with pytest.raises(ValueError, match=r"std must be above 0 and at most 0\.289"):
        PowerAverageConfig(std=std)
