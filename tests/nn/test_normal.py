"""Noise that is drawn fast on CPUs."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.normal import normal_like


@pytest.mark.parametrize("shape", [(7, 3), (4, 3, 64, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_has_the_shape_and_type_and_follows_the_seed(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    like = torch.zeros(shape, dtype=dtype)
    torch.manual_seed(3)
    first, second = normal_like(like), normal_like(like)
    torch.manual_seed(3)
    again = normal_like(like)
    assert (first.shape, first.dtype) == (like.shape, dtype)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_a_saved_state_of_the_generator_continues_with_the_same_numbers() -> None:
    like = torch.zeros(20_000)
    normal_like(like)
    state = torch.get_rng_state()
    first = normal_like(like)
    torch.set_rng_state(state)
    assert torch.equal(normal_like(like), first)


def test_is_standard_normal() -> None:
    torch.manual_seed(0)
    drawn = normal_like(torch.zeros(1_000_000))
    assert drawn.mean().abs() < 0.005
    assert (drawn.std() - 1).abs() < 0.005
    assert (drawn.pow(4).mean() - 3).abs() < 0.05
    assert (drawn[:-1] * drawn[1:]).mean().abs() < 0.005
