"""DDIM on data whose best denoiser is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.processes.levels import DiscreteProcessConfig
from diorama.samplers.ancestral import ancestral
from diorama.samplers.ddim import DDIMConfig, ddim
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

PROCESS = DiscreteProcessConfig().build()
START = torch.randn(20_000, generator=torch.Generator().manual_seed(1))


def _last(config: DDIMConfig, start: Tensor = START) -> Tensor:
    draws = Draws(tuple(start.shape))
    *_, last = config.run(best, start, PROCESS, draws)
    return last.x


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_datas_moments(eta: float) -> None:
    x = _last(DDIMConfig(steps=250, eta=eta))
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.03)


def test_error_halves_with_twice_the_steps() -> None:
    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    # The exact flow maps quantiles to quantiles.
    first = PROCESS.level(999)
    spread = (first.alpha**2 * DEVIATION**2 + first.sigma**2).sqrt()
    exact = MEAN + DEVIATION * (start - first.alpha * MEAN) / spread
    errors = [(_last(DDIMConfig(steps=n), start) - exact).abs().max().item() for n in (50, 100, 200)]
    assert 1.6 < errors[0] / errors[1] < 2.6
    assert 1.6 < errors[1] / errors[2] < 2.6


def test_full_noise_is_ancestral_sampling() -> None:
    process = DiscreteProcessConfig(steps=30).build()
    start = torch.randn(16)
    draws = Draws((16,))
    ours = [stage.x for stage in ddim(best, start, process.descent(), draws, eta=1.0)]
    theirs = [stage.x for stage in ancestral(best, start, process.descent(), draws, variance="small")]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-4, atol=1e-5)


def test_no_draw_is_asked_for_when_deterministic_or_at_the_end() -> None:
    draws = Draws((3,))
    list(DDIMConfig(steps=5).run(best, torch.randn(3), PROCESS, draws))
    assert not draws.asked
    list(DDIMConfig(steps=5, eta=0.3).run(best, torch.randn(3), PROCESS, draws))
    assert draws.asked == [0, 1, 2, 3]


def test_stages_show_the_guess_and_where_it_stands() -> None:
    stages = list(DDIMConfig(steps=4).run(best, torch.randn(3), PROCESS, Draws((3,))))
    assert len(stages) == 4
    assert all(stage.clean is not None and stage.level is not None for stage in stages)
    assert stages[-1].level is not None
    assert float(stages[-1].level.sigma) == 0
    assert torch.equal(stages[-1].x, stages[-1].clean)
