"""The drifting field, and the loss that moves samples along it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diorama.losses import drifting
from diorama.losses.drifting import drifting_field, drifting_loss, map_features

TEMPERATURES = (0.02, 0.05, 0.2)


def _draws(seed: int, n: int, c: int = 3, sets: int = 1) -> Tensor:
    return torch.randn(sets, n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _by_hand(x: Tensor, data: Tensor, temperature: float) -> Tensor:
    """The sum over pairs of a data sample and another generated one, equation 11, weight by weight."""
    n, m = len(x), len(data)
    kernel = torch.zeros(n, m + n, dtype=x.dtype)
    for i in range(n):
        for j in range(m + n):
            y = data[j] if j < m else x[j - m]
            kernel[i, j] = 0 if j == m + i else math.exp(-float((x[i] - y).norm()) / temperature)
    field = torch.zeros_like(x)
    for i in range(n):
        weight = (kernel[i] / kernel[i].sum() * kernel[i] / kernel.sum(0)).sqrt()
        for j in range(m):
            for k in range(n):
                field[i] += weight[j] * weight[m + k] * (data[j] - x[k])
    return field


def test_the_field_is_the_sum_over_pairs() -> None:
    x, data = _draws(0, 4), _draws(1, 5)
    torch.testing.assert_close(drifting_field(x, data, 0.7)[0], _by_hand(x[0], data[0], 0.7))


def test_the_field_has_the_other_sign_where_both_distributions_change_places() -> None:
    x, data, others = _draws(0, 6), _draws(1, 5) + 1, _draws(2, 7)
    there, back = drifting_field(x, data, 0.5, others), drifting_field(x, others, 0.5, data)
    assert there.abs().max() > 0.1
    torch.testing.assert_close(there, -back)
    torch.testing.assert_close(drifting_field(x, data, 0.5, data), torch.zeros_like(x))


def test_a_sample_is_drawn_to_data_and_pushed_away_by_others() -> None:
    x, data = torch.tensor([[[0.0, 0.0], [0.0, 0.3]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.3]]])
    first, second = drifting_field(x, data, 1.0)[0]
    assert bool((torch.stack([first, second])[:, 0] > 0).all())
    assert first[1] < second[1]


def test_the_field_is_small_where_both_are_distributed_alike() -> None:
    x, same, moved = _draws(0, 400), _draws(1, 400), _draws(2, 400) + 1
    small, large = (drifting_field(x, data, 1.0).mean(1).norm() for data in (same, moved))
    assert small < 0.1 * large


def test_sets_do_not_meet() -> None:
    x, data = _draws(0, 4, sets=2), _draws(1, 4, sets=2)
    together, apart = drifting_field(x, data, 0.5), [drifting_field(x[i : i + 1], data[i : i + 1], 0.5) for i in (0, 1)]
    torch.testing.assert_close(together, torch.cat(apart))


def test_the_loss_does_not_depend_on_the_scale_of_features() -> None:
    x, data = _draws(0, 8, sets=2), _draws(1, 8, sets=2)
    plain, large = drifting_loss(x, data, TEMPERATURES), drifting_loss(50 * x, 50 * data, TEMPERATURES)
    torch.testing.assert_close(plain.value, large.value)
    torch.testing.assert_close(plain.drift, large.drift)


def test_the_loss_of_one_temperature_is_the_number_of_features_and_descends_along_the_field() -> None:
    x, data = _draws(0, 8, sets=3).requires_grad_(), _draws(1, 8, sets=3) + 1
    loss = drifting_loss(x, data, (0.2,))
    # The field has unit mean square over all of them.
    assert loss.value.item() == pytest.approx(3.0)
    (slope,) = torch.autograd.grad(loss.value, x)
    mean = (torch.cdist(x, data).sum() + torch.cdist(x, x).sum()) / (3 * 8 * 15)
    field = drifting_field(x.detach(), data, 0.2 * mean.item())
    assert torch.nn.functional.cosine_similarity(-slope.flatten(), field.flatten(), dim=0).item() == pytest.approx(1)


def test_samples_that_are_all_the_same_drift_and_stay_finite() -> None:
    x = torch.zeros(1, 6, 3, requires_grad=True)
    loss = drifting_loss(x, torch.randn(1, 6, 3) + 2, TEMPERATURES)
    (slope,) = torch.autograd.grad(loss.value, x)
    assert bool(slope.isfinite().all())
    assert bool((slope[0] @ torch.ones(3) < 0).all())
    assert drifting_loss(x, torch.zeros(1, 6, 3), TEMPERATURES).value.isfinite()


@pytest.mark.parametrize("spread", [0.0, 1e-3])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_samples_that_are_alike_and_far_from_the_data_are_drawn_to_them(temperature: float, spread: float) -> None:
    torch.manual_seed(0)
    x = (spread * torch.randn(1, 64, 3)).requires_grad_()
    loss = drifting_loss(x, torch.randn(1, 64, 3) + 200, (temperature,))
    assert loss.value.item() == pytest.approx(1.0, rel=1e-3)
    assert 0 < loss.drift.item() < 0.1
    (slope,) = torch.autograd.grad(loss.value, x)
    assert bool((slope[0] @ torch.ones(3) < 0).all())


def test_features_in_pieces_have_the_loss_of_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    x, data = torch.randn(5, 6, 3).requires_grad_(), torch.randn(5, 4, 3)
    whole = drifting_loss(x, data, (0.05, 0.2))
    (slope,) = torch.autograd.grad(whole.value, x)
    monkeypatch.setattr(drifting, "_PAIRS_AT_ONCE", 130)
    pieces = drifting_loss(x, data, (0.05, 0.2))
    torch.testing.assert_close(pieces, whole)
    torch.testing.assert_close(torch.autograd.grad(pieces.value, x)[0], slope)


def test_a_map_gives_places_means_and_deviations() -> None:
    features = torch.randn(2, 5, 8, 8)
    sets = map_features(features)
    assert [tuple(one.shape) for one in sets] == [
        (64, 2, 5), (1, 2, 5), (1, 2, 5), (16, 2, 5), (16, 2, 5), (4, 2, 5), (4, 2, 5),
    ]  # fmt: skip
    places, mean, deviation, of_two, _, of_four, spread = sets
    torch.testing.assert_close(places[9], features[:, :, 1, 1])
    torch.testing.assert_close(mean[0], features.mean((2, 3)))
    torch.testing.assert_close(deviation[0], features.var((2, 3), correction=0).sqrt(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(of_two[5], features[:, :, 2:4, 2:4].mean((2, 3)))
    torch.testing.assert_close(of_four[3], features[:, :, 4:, 4:].mean((2, 3)))
    torch.testing.assert_close(spread[0], features[:, :, :4, :4].var((2, 3), correction=0).sqrt(), rtol=1e-4, atol=1e-4)
    assert len(map_features(features[:, :, :3, :3])) == 5


def test_flat_maps_have_finite_slopes() -> None:
    features = torch.ones(2, 3, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(sum(one.sum() for one in map_features(features)), features)  # type: ignore[arg-type]
    assert bool(slope.isfinite().all())
