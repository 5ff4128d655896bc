"""Drawing pictures from latent vectors."""

from __future__ import annotations

import torch

from tests.synthesis.models import tiny_gan


def test_samples_are_functions_of_seed_and_index() -> None:
    model = tiny_gan()
    whole = model.sample(5, seed=3)
    assert whole.shape == (5, 3, 8, 8)
    assert torch.allclose(whole[3:], model.sample(2, seed=3, first=3), atol=1e-6)
    assert not torch.allclose(whole, model.sample(5, seed=4), atol=1e-2)


def test_noise_may_be_given() -> None:
    model = tiny_gan()
    assert torch.equal(model.sample(2, noise=torch.zeros(2, 5))[0], model.sample(2, noise=torch.zeros(2, 5))[1])
