"""DDIM on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import clean_of
from diorama.processes.spacing import KarrasSpacing, Spacing, StepSpacing, UniformSpacing
from diorama.samplers.ancestral import AncestralConfig, ancestral
from diorama.samplers.ddim import DDIMConfig, ddim, ddim_inverse
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

PROCESS = DiscreteProcess()
START = torch.randn(20_000, generator=torch.Generator().manual_seed(1))
WAYS: list[tuple[Process, Spacing]] = [
    (PROCESS, StepSpacing()),
    (ExplodingProcess(), KarrasSpacing()),
    (FlowProcess(), UniformSpacing()),
]


def _last(config: DDIMConfig, steps: int, way: tuple[Process, Spacing] = WAYS[0], start: Tensor = START) -> Tensor:
    process, spacing = way
    times = spacing.times(process, steps)
    x = process.prior_scale(times[0]) * start
    *_, last = config.run(best, x, process, times, Draws(tuple(start.shape)))
    return last.x


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_datas_moments(eta: float, way: tuple[Process, Spacing]) -> None:
    x = _last(DDIMConfig(eta=eta), 250, way)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.03)


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
def test_error_halves_with_twice_the_steps(way: tuple[Process, Spacing]) -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    # The exact flow maps quantiles to quantiles.
    process = way[0]
    end = torch.tensor(process.end, dtype=torch.float64)
    first, x = process.at(end), process.prior_scale(end) * start
    spread = (first.alpha**2 * DEVIATION**2 + first.sigma**2).sqrt()
    exact = MEAN + DEVIATION * (x - first.alpha * MEAN) / spread
    errors = [(_last(DDIMConfig(), n, way, start) - exact).abs().max().item() for n in (50, 100, 200)]
    assert 1.6 < errors[0] / errors[1] < 2.6
    assert 1.6 < errors[1] / errors[2] < 2.6


def test_full_noise_is_ancestral_sampling() -> None:
    process = DiscreteProcess(steps=30)
    start, times = torch.randn(16), StepSpacing().times(process, None)
    draws = Draws((16,))
    ours = [stage.x for stage in ddim(best, start, process, times, draws, config=DDIMConfig(eta=1.0))]
    theirs = [
        stage.x for stage in ancestral(best, start, process, times, draws, config=AncestralConfig(variance="small"))
    ]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-4, atol=1e-5)


def test_the_way_up_leads_to_the_noise_that_the_way_down_began_with() -> None:
    process = DiscreteProcess(steps=1000)
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    times = StepSpacing().times(process, None)[:-1]  # down to the first step, which has some noise
    *_, last = ddim(best, start, process, times, Draws((9,)))
    *_, back = ddim_inverse(best, last.x, process, times.flip(0))
    torch.testing.assert_close(back.x, start, rtol=0, atol=0.02)


def test_even_steps_go_down_by_whole_numbers_of_steps() -> None:
    process = DiscreteProcess(steps=10)
    times = StepSpacing(leap="linspace").times(process, 4)
    assert times.tolist() == [10, 7, 4, 1, 0]
    stages = list(DDIMConfig(even=True).run(best, torch.randn(3), process, times, Draws((3,))))
    assert [stage.level.t.item() for stage in stages if stage.level is not None] == [8, 5, 2, 0]
    with pytest.raises(ValueError, match="even"):
        list(DDIMConfig(even=True).run(best, torch.randn(3), ExplodingProcess(), times, Draws((3,))))


def test_no_draw_is_asked_for_when_deterministic_or_at_the_end() -> None:
    draws, times = Draws((3,)), StepSpacing().times(PROCESS, 5)
    list(DDIMConfig().run(best, torch.randn(3), PROCESS, times, draws))
    assert not draws.asked
    list(DDIMConfig(eta=0.3).run(best, torch.randn(3), PROCESS, times, draws))
    assert draws.asked == [0, 1, 2, 3]


def test_stages_show_the_guess_and_where_it_stands() -> None:
    times = StepSpacing().times(PROCESS, 4)
    stages = list(DDIMConfig().run(best, torch.randn(3), PROCESS, times, Draws((3,))))
    assert len(stages) == 4
    assert all(stage.clean is not None and stage.level is not None for stage in stages)
    assert stages[-1].level is not None
    assert float(stages[-1].level.sigma) == 0
    assert torch.equal(stages[-1].x, stages[-1].clean)


def test_the_way_up_begins_at_clean_data_as_at_next_to_none_noise() -> None:
    process = DiscreteProcess(steps=100)
    times = StepSpacing().times(process, 100).flip(0)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)

    def said(x: Tensor, level: Level) -> Prediction:
        return Prediction(clean_of("noise", 0.3 * x + 0.1, x, level))

    *_, last = ddim_inverse(said, x, process, times)
    first, above = (process.at(t) for t in times[:2])
    # Of clean data the noise is what the network says.
    expected = above.alpha * x / first.alpha + above.sigma * (0.3 * x + 0.1)
    torch.testing.assert_close(next(ddim_inverse(said, x, process, times)).x, expected, rtol=1e-6, atol=1e-6)
    assert last.x.isfinite().all()


def test_a_way_down_that_draws_noise_has_no_way_up() -> None:
    with pytest.raises(ValueError, match="eta: a way down that draws noise"):
        next(ddim_inverse(best, START, PROCESS, StepSpacing().times(PROCESS, 5).flip(0), config=DDIMConfig(eta=0.5)))
