"""Averages that are made after training: against averages that were kept while training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from diorama.core.errors import BadInput
from diorama.synthesis.averaging import (
    Profile,
    checked_state,
    coefficients,
    combined,
    gamma_of,
    mismatch,
    products,
    snapshots_in,
)
from diorama.training.averages import Average
from diorama.training.recipe import PowerAverageConfig

BATCH, STEPS, EVERY = 10, 400, 25


def walk(folder: Path, extra: float) -> torch.Tensor:
    """A weight that wanders; two averages of it are kept in snapshots, a third of another width is returned."""
    module = nn.Linear(3, 2)
    kept = {name: Average({"net": module}, PowerAverageConfig(std=std, snapshot_every=1)) for name, std in STDS.items()}
    third = Average({"net": module}, PowerAverageConfig(std=extra))
    generator = torch.Generator().manual_seed(0)
    for step in range(1, STEPS + 1):
        with torch.no_grad():
            module.weight.add_(0.1 * torch.randn(2, 3, generator=generator))
        for average in (*kept.values(), third):
            average.update(step * BATCH, BATCH)
        if step % EVERY == 0:
            for name, average in kept.items():
                average.write_snapshot(folder / name, step * BATCH)
    return third.tensors()["net.weight"]


STDS = {"narrow": 0.05, "wide": 0.10}


@pytest.mark.parametrize("std", [0.06, 0.08, 0.12])
def test_an_average_of_another_width_is_made_of_snapshots(tmp_path: Path, std: float) -> None:
    expected = walk(tmp_path, std)
    found = snapshots_in(tmp_path)
    assert len(found) == 2 * STEPS // EVERY
    profiles = [snapshot.profile for snapshot in found]
    wanted = Profile(images=STEPS * BATCH, std=std)
    shares = coefficients(profiles, [wanted])[:, 0]
    assert shares.sum() == pytest.approx(1)
    assert mismatch(profiles, wanted, shares) < 0.05
    made = combined(found, shares)["net.weight"]
    spread = (found and combined(found[-1:], np.ones(1))["net.weight"] - expected).abs().max()
    assert (made - expected).abs().max() < max(0.1 * spread, 0.02)


@settings(deadline=None, max_examples=30)
@given(a=st.floats(0.02, 0.25), b=st.floats(0.02, 0.25), early=st.integers(100, 1000), late=st.integers(1000, 5000))
def test_products_are_those_of_the_profiles(a: float, b: float, early: int, late: int) -> None:
    t = np.linspace(0, late, 400_001)

    def profile(images: int, std: float) -> np.ndarray:  # type: ignore[type-arg]
        gamma = gamma_of(std)
        return np.where(t <= images, (gamma + 1) * (t / images) ** gamma / images, 0)

    numeric = np.trapezoid(profile(early, a) * profile(late, b), t)
    first, second = Profile(images=early, std=a), Profile(images=late, std=b)
    assert products([first], [second]).item() == pytest.approx(numeric, rel=1e-2, abs=1e-12)
    assert products([second], [first]).item() == pytest.approx(products([first], [second]).item(), rel=1e-9)


def test_a_profile_that_is_there_is_found_as_it_is() -> None:
    profiles = [Profile(images=images, std=std) for images in (100, 200, 300) for std in (0.05, 0.1)]
    shares = coefficients(profiles, [profiles[3]])[:, 0]
    assert shares == pytest.approx(np.eye(6)[3], abs=1e-9)
    assert mismatch(profiles, profiles[3], shares) == pytest.approx(0, abs=1e-6)


def test_snapshots_that_cannot_be_told_apart_or_read_are_refused(tmp_path: Path) -> None:
    twice = [Profile(images=100, std=0.05)] * 2
    with pytest.raises(BadInput, match="same images and the same std"):
        coefficients(twice, twice[:1])
    (tmp_path / "ema").mkdir()
    save_file({"w": torch.zeros(1)}, tmp_path / "ema" / "1.safetensors")
    with pytest.raises(BadInput, match=r"1\.safetensors: is no snapshot of an average"):
        snapshots_in(tmp_path)


def test_snapshots_of_other_networks_are_refused(tmp_path: Path) -> None:
    for name, width in (("a", 2), ("b", 3)):
        (tmp_path / name).mkdir()
        about = json.dumps({"images": 100 * width, "std": 0.1})
        save_file({"net.w": torch.zeros(width)}, tmp_path / name / "1.safetensors", {"average": about})
    found = snapshots_in(tmp_path)
    with pytest.raises(BadInput, match="holds other tensors than"):
        combined(found, np.array([0.5, 0.5]))
    with pytest.raises(BadInput, match=r"tensor 'net\.w' is none of the run's model"):
        checked_state({"net.w": torch.zeros(5)}, {"net.w": torch.zeros(2)}, tmp_path)
