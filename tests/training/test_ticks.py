"""Means of losses between reports."""

from __future__ import annotations

import pytest
import torch

from diorama.training.ticks import LossMeans

CPU = torch.device("cpu")


def losses(value: float, **lazy: float) -> dict[str, torch.Tensor]:
    return {"main": torch.tensor(value), **{name: torch.tensor(v) for name, v in lazy.items()}}


def test_a_lazy_loss_is_averaged_over_its_own_turns() -> None:
    means = LossMeans(CPU)
    means.add(losses(1.0, penalty=8.0))
    means.add(losses(3.0))
    assert means.take() == {"main": 2.0, "penalty": 8.0}
    assert means.take() == {}


def test_what_is_added_stays_the_step_s_own() -> None:
    means, step = LossMeans(CPU), losses(1.0)
    for _ in range(3):
        means.add(step)
    assert step["main"].item() == 1.0
    assert means.take() == {"main": 1.0}


def test_what_was_added_before_a_kill_counts_after_it() -> None:
    means, restored = LossMeans(CPU), LossMeans(CPU)
    means.add(losses(0.1))
    restored.load_state_dict(means.state_dict())
    for both in (means, restored):
        both.add(losses(0.7, penalty=1.0))
    assert restored.take() == means.take()


def test_more_or_fewer_processes_continue_from_the_mean_of_the_sums() -> None:
    means = LossMeans(CPU)
    means.load_state_dict({"names": ["main"], "counts": {"main": 2}, "sums": torch.tensor([[2.0], [6.0]])})
    assert means.take() == pytest.approx({"main": 2.0})


def test_an_empty_state_is_restored() -> None:
    means = LossMeans(CPU)
    means.load_state_dict(LossMeans(CPU).state_dict())
    assert means.take() == {}
