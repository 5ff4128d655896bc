"""The variance-preserving process in continuous time."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.preserving import PreservingProcess


def test_variance_is_kept() -> None:
    level = PreservingProcess().at(torch.linspace(0, 1, 11, dtype=torch.float64))
    torch.testing.assert_close(level.alpha**2 + level.sigma**2, torch.ones(11, dtype=torch.float64))


def test_ddpm_is_its_thousand_steps() -> None:
    share = torch.linspace(0.1, 1, 10, dtype=torch.float64)
    continuous, steps = PreservingProcess().at(share), DiscreteProcess().at(1000 * share)
    torch.testing.assert_close(continuous.alpha, steps.alpha, rtol=0.05, atol=1e-3)


def test_small_times_keep_their_digits() -> None:
    process, t = PreservingProcess(), torch.tensor([1e-9], dtype=torch.float64)
    level = process.at(t)
    torch.testing.assert_close(process.time_of(level.sigma / level.alpha), t, rtol=1e-12, atol=0)


@pytest.mark.parametrize("wrong", [{"beta_min": 0.0}, {"beta_growth": -1.0}, {"beta_growth": float("inf")}])
def test_impossible_rates_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        PreservingProcess(**wrong)
