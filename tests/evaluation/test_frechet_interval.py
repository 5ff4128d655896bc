"""Fréchet intervals cover the true distance of known Gaussians in 93 to 97 % of 1,000 repeats."""

from __future__ import annotations

import pytest
import torch

from diorama.evaluation.frechet_interval import (
    frechet_interval,
    influence,
    jackknife,
    second_order_variance,
)
from diorama.metrics.frechet import GaussianStatistics, frechet_distance, statistics

Root = torch.Tensor
REPEATS = 1_000

USUAL = [
    # dimensions, samples, reference, shift of the mean, scale of the covariance, turn of its axes
    (8, 500, 500, 0.0, 1.0, 0.0),
    (8, 500, 1000, 0.5, 1.3, 0.5),
]
FURTHER = [
    (8, 500, 500, 0.3, 1.0, 0.0),
    (8, 500, 500, 0.0, 1.1, 0.2),
    (8, 500, 500, 0.1, 1.0, 0.0),
    (8, 500, 500, 0.2, 1.0, 0.0),
    (16, 500, 5000, 0.0, 1.0, 0.0),
    (16, 500, 5000, 0.2, 1.0, 0.0),
    (16, 500, 5000, 0.0, 1.1, 0.2),
    (64, 500, 500, 0.0, 1.0, 0.0),
    (64, 500, 500, 0.3, 1.0, 0.0),
    (64, 1000, 4000, 0.0, 1.1, 0.2),
    (64, 2000, 5000, 0.5, 1.3, 0.5),
]


def _pair(d: int, shift: float, scale: float, turn: float) -> tuple[torch.Tensor, Root, Root, float]:
    """Mean and covariance root of one side, root of the other (mean 0), and the true distance."""
    generator = torch.Generator().manual_seed(d)
    spread = torch.arange(1, d + 1, dtype=torch.float64) ** -0.5
    bend = torch.randn(d, d, generator=generator, dtype=torch.float64)
    axes = torch.linalg.matrix_exp((bend - bend.T) / d**0.5 * turn)
    first, second = axes @ torch.diag((spread * scale).sqrt()), torch.diag(spread.sqrt())
    mean = torch.zeros(d, dtype=torch.float64)
    mean[0] = shift
    true = frechet_distance(
        GaussianStatistics(2, mean, first @ first.T), GaussianStatistics(2, mean * 0, second @ second.T)
    )
    return mean, first, second, true


def _coverage(d: int, n: int, m: int, shift: float, scale: float, turn: float) -> float:
    mean, first, second, true = _pair(d, shift, scale, turn)
    generator = torch.Generator().manual_seed(1)
    hits = 0
    for _ in range(REPEATS):
        x = mean + torch.randn(n, d, generator=generator, dtype=torch.float64) @ first.T
        y = torch.randn(m, d, generator=generator, dtype=torch.float64) @ second.T
        interval = frechet_interval(x, y)
        hits += interval.low <= true + 1e-12 and true <= interval.high
    return hits / REPEATS


@pytest.mark.slow
@pytest.mark.parametrize("case", USUAL, ids=str)
def test_covers_the_true_distance(case: tuple[int, int, int, float, float, float]) -> None:
    assert 0.93 <= _coverage(*case) <= 0.97


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", FURTHER, ids=str)
def test_covers_the_true_distance_at_more_sizes(case: tuple[int, int, int, float, float, float]) -> None:
    assert 0.93 <= _coverage(*case) <= 0.97


def test_the_centre_is_nearly_unbiased_where_the_plug_in_is_not() -> None:
    mean, first, second, true = _pair(16, 0.2, 1.1, 0.2)
    generator = torch.Generator().manual_seed(3)
    plug_ins, centres = [], []
    for _ in range(100):
        x = mean + torch.randn(300, 16, generator=generator, dtype=torch.float64) @ first.T
        y = torch.randn(300, 16, generator=generator, dtype=torch.float64) @ second.T
        plug_ins.append(frechet_distance(statistics(x), statistics(y)))
        centres.append(jackknife(x, y, plug_ins[-1], seed=0))
    bias = sum(plug_ins) / 100 - true
    assert bias > 0.1
    assert abs(sum(centres) / 100 - true) < 0.15 * bias


def test_the_influence_is_the_derivative_of_the_distance() -> None:
    mean, first, second, _ = _pair(6, 0.4, 1.3, 0.3)
    generator = torch.Generator().manual_seed(0)
    x = mean + torch.randn(4000, 6, generator=generator, dtype=torch.float64) @ first.T
    y = torch.randn(4000, 6, generator=generator, dtype=torch.float64) @ second.T
    a, b = statistics(x), statistics(y)
    found = influence(x, a, b)
    without = [frechet_distance(statistics(torch.cat([x[:i], x[i + 1 :]])), b) for i in range(20)]
    numeric = (frechet_distance(a, b) - torch.tensor(without)) * len(x)
    centred = found[:20] - found.mean()
    torch.testing.assert_close(centred, numeric.double(), rtol=0.02, atol=0.02)


def test_the_second_order_variance_is_that_of_equal_gaussians() -> None:
    _, _, root, _ = _pair(6, 0.0, 1.0, 0.0)
    generator = torch.Generator().manual_seed(0)
    values, predicted = [], 0.0
    for _ in range(400):
        x, y = (torch.randn(400, 6, generator=generator, dtype=torch.float64) @ root.T for _ in range(2))
        values.append(frechet_distance(statistics(x), statistics(y)))
        predicted += second_order_variance(statistics(x), statistics(y)) / 400
    assert float(torch.tensor(values).var()) == pytest.approx(predicted, rel=0.25)


def test_frames_of_a_clip_widen_the_interval() -> None:
    clips = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)).double()
    noise = torch.randn(1600, 4, generator=torch.Generator().manual_seed(1)).double() * 0.1
    frames = clips.repeat_interleave(16, 0) + noise
    real = torch.randn(1600, 4, generator=torch.Generator().manual_seed(2)).double()
    together, apart = frechet_interval(frames, real, group=16), frechet_interval(frames, real)
    assert apart.low > 0
    assert together.low == 0


def test_repeated_pictures_lie_above_whole_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    real, other = (torch.randn(2000, 16, generator=generator) for _ in range(2))
    whole = frechet_interval(other, real)
    repeated = frechet_interval(other[:400].repeat(5, 1), real)
    assert whole.high < repeated.low


def test_features_without_variance_do_no_harm() -> None:
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    x[:, 5:] = 0.5
    interval = frechet_interval(x[:100], x[100:])
    assert 0 <= interval.low <= interval.high < 1


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        frechet_interval(torch.zeros(19, 2), torch.zeros(50, 2))
