"""Latent vectors without values beyond a threshold."""

from __future__ import annotations

import math

import pytest
import torch

from diorama.core.rng import normal
from diorama.synthesis.truncation import truncated


def noise(count: int, first: int = 0) -> torch.Tensor:
    return normal((40,), seed=5, first=first, count=count)


@pytest.mark.parametrize("threshold", [0.05, 0.5, 2.0])
def test_every_value_lies_within_the_threshold_and_those_that_did_stay(threshold: float) -> None:
    z = noise(8)
    found = truncated(z, threshold, seed=5, first=0)
    assert found.abs().max() <= threshold
    kept = z.abs() <= threshold
    assert torch.equal(found[kept], z[kept])


def test_a_sample_is_the_same_in_every_batch() -> None:
    whole = truncated(noise(9), 0.3, seed=5, first=0)
    assert torch.equal(whole[4:6], truncated(noise(2, first=4), 0.3, seed=5, first=4))


def test_values_are_those_of_a_truncated_normal() -> None:
    threshold = 1.0
    found = truncated(normal((40,), seed=1, first=0, count=4_000), threshold, seed=1, first=0)
    density = math.exp(-0.5) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * density / math.erf(threshold / math.sqrt(2))
    assert found.var().item() == pytest.approx(variance, rel=0.02)
    assert abs(found.mean().item()) < 0.01


def test_a_wide_threshold_changes_nothing() -> None:
    assert torch.equal(truncated(noise(4), 9.0, seed=5, first=0), noise(4))
