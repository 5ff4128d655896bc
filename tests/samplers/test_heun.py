"""Heun's method on data whose best denoiser is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, Spacing, UniformSpacing
from diorama.samplers.heun import Along, HeunConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best
from tests.samplers.test_ddim import WAYS

by_way = pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])


def _last(config: HeunConfig, steps: int, way: tuple[Process, Spacing], start: Tensor) -> Tensor:
    process, spacing = way
    times = spacing.times(process, steps)
    *_, last = config.run(best, process.prior_scale(times[0]) * start, process, times, Draws(tuple(start.shape)))
    return last.x


@by_way
@pytest.mark.parametrize("config", [HeunConfig(), HeunConfig(churn=40, churn_low=0.05, churn_high=50)])
def test_samples_have_the_datas_moments(config: HeunConfig, way: tuple[Process, Spacing]) -> None:
    start = torch.randn(20_000, generator=torch.Generator().manual_seed(1))
    x = _last(config, 100, way, start)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.03)


def test_error_falls_with_the_square_of_the_steps() -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    way = (ExplodingProcess(), KarrasSpacing())
    exact = MEAN + DEVIATION * (80 * start - MEAN) / (DEVIATION**2 + 80**2) ** 0.5
    errors = [(_last(HeunConfig(), n, way, start) - exact).abs().max().item() for n in (16, 32, 64)]
    assert 3.2 < errors[0] / errors[1] < 5
    assert 3.2 < errors[1] / errors[2] < 5


def _published(denoise: Callable[[Tensor, float], Tensor], x: Tensor, sigmas: list[float], eps: list[Tensor]) -> Tensor:
    """Algorithm 2 of Karras et al. 2022 with S_churn = 30, S_min = 0.05, S_max = 50, S_noise = 1.003."""
    steps = len(sigmas) - 1
    for i, (now, then) in enumerate(itertools.pairwise(sigmas)):
        gamma = min(30 / steps, 2**0.5 - 1) if 0.05 <= now <= 50 else 0.0
        hat = now + gamma * now
        x_hat = x + (hat**2 - now**2) ** 0.5 * 1.003 * eps[i]
        d = (x_hat - denoise(x_hat, hat)) / hat
        x = x_hat + (then - hat) * d
        if then > 0:
            d_ = (x - denoise(x, then)) / then
            x = x_hat + (then - hat) * (d / 2 + d_ / 2)
    return x


def test_it_is_the_published_algorithm() -> None:
    process = ExplodingProcess()
    times = KarrasSpacing().times(process, 12)
    start = 80 * torch.randn(7, dtype=torch.float64)
    eps = [torch.randn(7, dtype=torch.float64) for _ in range(12)]

    def nonlinear(x: Tensor, level: Level) -> Prediction:
        return Prediction(torch.tanh(x / (1 + level.sigma)))

    config = HeunConfig(churn=30, churn_low=0.05, churn_high=50, churn_scale=1.003)
    *_, last = config.run(nonlinear, start, process, times, lambda i, k=0: eps[i])
    expected = _published(lambda x, s: torch.tanh(x / (1 + s)), start, times.tolist(), eps)
    torch.testing.assert_close(last.x, expected, rtol=1e-10, atol=1e-10)


def test_the_network_is_asked_twice_a_step_and_once_in_the_last() -> None:
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(float(level.t))
        return best(x, level)

    times = KarrasSpacing().times(ExplodingProcess(), 5)
    draws = Draws((3,))
    list(HeunConfig().run(counting, torch.randn(3), ExplodingProcess(), times, draws))
    assert len(asked) == 9
    assert not draws.asked


@by_way
def test_the_last_step_ends_at_the_denoisers_sample(way: tuple[Process, Spacing]) -> None:
    """Few steps, so that a slope that does not hold down to clean data would be seen."""
    process, spacing = way
    wanted = torch.tensor([0.3, -0.7, 0.9])
    start = torch.randn(3, generator=torch.Generator().manual_seed(1))
    times = spacing.times(process, 4)
    *_, last = HeunConfig().run(lambda x, level: Prediction(wanted), start, process, times, Draws((3,)))
    torch.testing.assert_close(last.x, wanted)


def test_along_the_ratio_some_signal_must_be_left() -> None:
    process = FlowProcess()
    times = UniformSpacing().times(process, 4)
    with pytest.raises(ValueError, match="along 'time'"):
        list(HeunConfig(along="ratio").run(best, torch.randn(3), process, times, Draws((3,))))


@pytest.mark.parametrize("along", ["time", "ratio"])
@pytest.mark.parametrize("second", [0.5, 2 / 3, 0.8])
def test_the_second_slope_may_be_taken_elsewhere(along: Along, second: float) -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    way = (PreservingProcess(), KarrasSpacing())
    config = HeunConfig(along=along, second=second)
    # The path keeps the place of x among its level's quantiles.
    level = way[0].at(way[1].times(way[0], 2)[0])
    spread = (level.alpha**2 * DEVIATION**2 + level.sigma**2) ** 0.5
    exact = MEAN + DEVIATION * (start - level.alpha * MEAN) / spread
    errors = [(_last(config, n, way, start) - exact).abs().max().item() for n in (32, 64, 128)]
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


def test_without_a_correction_the_error_falls_with_the_steps_alone() -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    way = (ExplodingProcess(), KarrasSpacing())
    exact = MEAN + DEVIATION * (80 * start - MEAN) / (DEVIATION**2 + 80**2) ** 0.5
    errors = [(_last(HeunConfig(corrected=False), n, way, start) - exact).abs().max().item() for n in (64, 128)]
    assert 1.7 < errors[0] / errors[1] < 2.3


def test_churn_may_go_above_the_end() -> None:
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(float(level.sigma))
        return best(x, level)

    times = KarrasSpacing().times(ExplodingProcess(), 5)
    for beyond in (False, True):
        config = HeunConfig(churn=5, churn_beyond=beyond)
        list(config.run(counting, torch.randn(3), ExplodingProcess(), times, Draws((3,))))
    assert (asked[0], asked[9]) == pytest.approx((80, 80 * 2**0.5))


def test_a_second_slope_where_there_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="second must be positive"):
        HeunConfig(second=0.0)
    process = ExplodingProcess(time="variance")
    times = KarrasSpacing().times(process, 5)
    with pytest.raises(ValueError, match="a time that is not there"):
        list(HeunConfig(second=1.5).run(best, torch.randn(3), process, times, Draws((3,))))
