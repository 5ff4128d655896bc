"""Samples on their way from noise end where the model's samples are, and ways between seeds begin and end at them."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.rng import normal
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.mixture import GaussianMixtureConfig
from diorama.synthesis.showing import between_seeds, stages_from_noise
from tests.synthesis.models import tiny_diffusion


def model(sampler: str, steps: int) -> Synthesizer:
    return tiny_diffusion().resampled(Sampling(sampler=sampler, steps=steps))


@pytest.mark.parametrize(("steps", "places", "shown"), [(4, 3, 3), (2, 8, 3), (4, 8, 5)])
@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_the_way_begins_with_the_noise_and_ends_with_the_samples(
    sampler: str, steps: int, places: int, shown: int
) -> None:
    drawn = model(sampler, steps)
    way = stages_from_noise(drawn, 2, places, seed=5)
    assert way is not None
    assert way.shape == (2, shown, 1, 8, 8)
    torch.testing.assert_close(way[:, 0], normal((1, 8, 8), seed=5, first=0, count=2).clamp(-1, 1))
    torch.testing.assert_close(way[:, -1], drawn.sample(2, seed=5))


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_a_row_leads_from_a_sample_of_one_seed_to_that_of_the_next(sampler: str) -> None:
    drawn = model(sampler, 4)
    rows = between_seeds(drawn, 2, 5, seed=3)
    assert rows.shape == (2, 5, 1, 8, 8)
    torch.testing.assert_close(rows[:, 0], drawn.sample(2, seed=3))
    if sampler == "ddim":
        torch.testing.assert_close(rows[:, -1], drawn.sample(2, seed=4))


def test_a_model_that_draws_in_one_pass_has_no_way_from_noise() -> None:
    media = MediaSpec(kind="video", channels=3, height=4, width=4, frames=3)
    mixture = GaussianMixtureConfig(media=media, components=2, dimensions=3).build().eval()
    assert stages_from_noise(mixture, 2, 4) is None
    assert between_seeds(mixture, 2, 4).shape == (2, 4, 3, 3, 4, 4)
