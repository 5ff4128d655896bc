"""The arc between two noises: its ends, its symmetry, and that every point of it is as much noise as its ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.rng import initial_noise
from diorama.processes.interpolation import slerp
from tests.synthesis.models import tiny_diffusion

SHARES = st.floats(0, 1)
SEEDS = st.integers(0, 1_000)


def noises(seed: int, count: int = 3, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, count, 2, size, generator=generator)
    return a, b


@given(SEEDS)
def test_it_begins_and_ends_where_it_should(seed: int) -> None:
    a, b = noises(seed)
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)


@given(SEEDS, SHARES)
def test_it_is_the_same_way_back(seed: int, share: float) -> None:
    a, b = noises(seed)
    torch.testing.assert_close(slerp(a, b, share), slerp(b, a, 1 - share), rtol=1e-4, atol=1e-5)


@given(SEEDS, SHARES)
def test_noises_of_one_length_keep_it_on_the_way(seed: int, share: float) -> None:
    a, b = (noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1) for noise in noises(seed))
    between = slerp(a, b, share).flatten(1).norm(dim=1)
    torch.testing.assert_close(between, torch.ones(3), rtol=1e-4, atol=1e-5)


@given(SEEDS, SHARES)
def test_equal_shares_are_equal_angles(seed: int, share: float) -> None:
    a, b = (noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1) for noise in noises(seed))
    whole = (a * b).flatten(1).sum(1).double().acos()
    part = (a * slerp(a, b, share)).flatten(1).sum(1).double().clamp(-1, 1).acos()
    torch.testing.assert_close(part, share * whole, rtol=1e-2, atol=2e-3)


def test_the_middle_is_as_loud_as_the_ends_where_a_straight_line_is_not() -> None:
    a, b = noises(0, count=8, size=8_192)
    assert slerp(a, b, 0.5).std().item() == pytest.approx(1, abs=0.02)
    assert ((a + b) / 2).std().item() == pytest.approx(2**-0.5, abs=0.02)


def test_every_row_may_go_its_own_way() -> None:
    a, b = noises(1)
    together = slerp(a, b, torch.tensor([0.0, 0.3, 1.0]))
    for row, share in enumerate((0.0, 0.3, 1.0)):
        torch.testing.assert_close(together[row], slerp(a, b, share)[row])


def test_a_single_pair_may_be_walked_in_many_steps() -> None:
    a, b = noises(1, count=1)
    shares = torch.linspace(0, 1, 5)
    way = slerp(a, b, shares)
    assert way.shape == (5, *a.shape[1:])
    for row, share in zip(way, shares.tolist(), strict=True):
        torch.testing.assert_close(row[None], slerp(a, b, share))
    with pytest.raises(ValueError, match="3 pairs need one share, or 3, got 2"):
        slerp(*noises(1), torch.tensor([0.1, 0.2]))


def test_noises_of_one_direction_are_joined_by_a_line() -> None:
    a, _ = noises(2)
    torch.testing.assert_close(slerp(a, 3 * a, 0.25), 1.5 * a)
    assert slerp(torch.zeros(1, 4), torch.zeros(1, 4), 0.5).isfinite().all()


def test_what_has_no_arc_is_refused() -> None:
    a, b = noises(3)
    with pytest.raises(ValueError, match="exactly opposite"):
        slerp(a, -a, 0.5)
    with pytest.raises(ValueError, match="of one shape"):
        slerp(a, b[:1], 0.5)
    with pytest.raises(ValueError, match="of one shape"):
        slerp(a[0, 0], b[0, 0], 0.5)


def test_a_model_hands_out_the_noise_that_it_draws_from() -> None:
    model = tiny_diffusion()
    noise = model.noise(3, seed=5, first=2)
    assert torch.equal(noise, initial_noise(model.noise_shape, seed=5, first=2, count=3))
    assert torch.equal(model.sample(3, noise=noise), model.sample(3, seed=5, first=2))
