"""Drawing clips from one flat noise vector."""

from __future__ import annotations

import pytest
import torch

from diorama.core.errors import BadInput
from tests.synthesis.models import tiny_video_gan


def test_noise_holds_content_motion_and_category() -> None:
    assert tiny_video_gan().noise_shape == (4 + 3 + 4 * 3,)
    assert tiny_video_gan(("a", "b")).noise_shape == (4 + 3 + 4 * 3 + 2,)


def test_samples_are_functions_of_seed_and_index() -> None:
    model = tiny_video_gan(("a", "b"))
    whole = model.sample(4, seed=2)
    assert whole.shape == (4, 3, 4, 8, 8)
    assert torch.allclose(whole[2:], model.sample(2, seed=2, first=2), atol=1e-5)


def test_a_label_picks_the_category_and_its_absence_leaves_it_to_the_noise() -> None:
    model = tiny_video_gan(("a", "b"))
    noise = torch.randn(1, *model.noise_shape, generator=torch.Generator().manual_seed(0))
    noise[:, -2:] = torch.tensor([0.0, 1.0])
    free = model.sample(1, noise=noise)
    drawn = [model.sample(1, noise=noise, condition={"label": torch.tensor([i])}) for i in (0, 1)]
    assert torch.equal(free, drawn[1])
    assert not torch.equal(free, drawn[0])


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(BadInput, match="0 … 1"):
        tiny_video_gan(("a", "b")).sample(1, condition={"label": torch.tensor([2])})
