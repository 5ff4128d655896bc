"""The Gaussian mixture draws its components by weight, and survives its model folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.synthesis import store
from diorama.synthesis.mixture import GaussianMixture, GaussianMixtureConfig
from diorama.synthesis.provenance import Provenance

MEDIA = MediaSpec(kind="image", channels=1, height=1, width=2)


def two_points() -> GaussianMixture:
    """A quarter of the samples lie at (0.5, 0), the rest at (-0.5, 0), all without spread."""
    model = GaussianMixtureConfig(media=MEDIA, components=2, dimensions=1).build()
    with torch.no_grad():
        model.mixture.axes.copy_(torch.tensor([[1.0, 0.0]]))
        model.mixture.weights.copy_(torch.tensor([0.25, 0.75]))
        model.mixture.means.copy_(torch.tensor([[0.5], [-0.5]]))
    return model.eval()


def test_components_are_drawn_by_weight() -> None:
    drawn = two_points().sample(4_000, seed=2)[:, 0, 0]
    assert drawn[:, 1].abs().max() == 0
    share = (drawn[:, 0] == 0.5).float().mean().item()
    assert share == pytest.approx(0.25, abs=0.03)
    assert ((drawn[:, 0] == 0.5) | (drawn[:, 0] == -0.5)).all()


def test_extreme_noise_still_chooses_a_component() -> None:
    noise = torch.tensor([[-40.0, 0.0], [40.0, 0.0]])
    assert two_points().sample(2, noise=noise)[:, 0, 0, 0].tolist() == [0.5, -0.5]


def test_a_model_folder_gives_the_same_samples(tmp_path: Path) -> None:
    model = two_points()
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "card")
    back = store.load(tmp_path / "model")
    assert torch.equal(back.sample(16, seed=1), model.sample(16, seed=1))
