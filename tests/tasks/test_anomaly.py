"""Anomalies: the map is high where a picture is not what the model draws, and so is the score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diorama.core.errors import BadConfig, BadInput
from diorama.synthesis.base import Sampling
from diorama.tasks.anomaly import Anomaly, difference_map, score_of
from diorama.tasks.examine import GivenPicture
from tests.synthesis.models import tiny_diffusion, tiny_gan


def given(pixels: np.ndarray, count: int = 4) -> GivenPicture:
    x = torch.from_numpy(pixels.astype(np.float32)).movedim(-1, 0)[None] / 127.5 - 1
    return GivenPicture(pixels=pixels, x=x, place=0, draws=[(range(count), {})], seed=0)


def test_the_map_is_highest_where_something_was_planted() -> None:
    samples = torch.zeros(3, 1, 32, 32)
    x = torch.zeros(1, 1, 32, 32)
    x[..., 20:23, 5:8] = 0.8
    found = difference_map(x, samples)
    assert divmod(int(found.argmax()), 32) == (21, 6)
    assert score_of(found) > 0.5 > float(found.mean()) * 10
    assert score_of(difference_map(torch.zeros(1, 1, 32, 32), samples)) == 0


def test_draws_are_averaged_before_they_are_compared() -> None:
    x = torch.zeros(1, 1, 16, 16)
    samples = torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert score_of(difference_map(x, samples)) < 0.5 * score_of(difference_map(x, samples[:1]))


def test_a_model_that_finds_one_picture_everywhere_scores_what_is_far_from_it() -> None:
    model = tiny_diffusion().resampled(Sampling(steps=20))
    # A network that finds no noise leaves the picture, and so what is noised the more is found the less.
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    flat = np.full((8, 8, 1), 128, np.uint8)
    scores = [Anomaly(model, strength).examine(given(flat)).facts["score"] for strength in (0.1, 0.8)]
    assert 0 < scores[0] < scores[1]


def test_what_cannot_be_looked_at_is_refused() -> None:
    for make, message in (
        (lambda: Anomaly(tiny_gan(), 0.5), "anomaly: needs a diffusion model"),
        (lambda: Anomaly(tiny_diffusion(), 2), r"strength must be in \(0, 1\]"),
        (lambda: Anomaly(tiny_diffusion(), 0.1), "strength: 0.1 of 4 steps is less than one"),
    ):
        with pytest.raises((BadInput, BadConfig), match=message):
            make()
