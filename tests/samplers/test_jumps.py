"""Samplers of models that jump: consistency models, LCM, TCD, and those that are told where each step ends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.jump_spacing import JumpSpacing
from diorama.processes.spacing import Spacing, UniformSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.jumps import JumpsConfig
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.tcd import TCDConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

STEPS, FLOW = DiscreteProcess(steps=100), FlowProcess()


def jump(x: Tensor, level: Level) -> Prediction:
    """What a perfect consistency model says of normal data: the end of the path that leads through x."""
    spread = ((level.alpha * DEVIATION) ** 2 + level.sigma**2).sqrt()
    return Prediction(MEAN + DEVIATION * (x - level.alpha * MEAN) / spread)


@pytest.mark.parametrize(
    ("config", "process", "spacing"),
    [
        (ConsistencyConfig(), ExplodingProcess(), KarrasGridSpacing()),
        (ConsistencyConfig(sigma_min=0.0), FlowProcess(), UniformSpacing()),
        (LCMConfig(), DiscreteProcess(steps=100, betas="cosine"), DistilledSpacing(grid=20)),
        (TCDConfig(eta=1.0), FlowProcess(), UniformSpacing()),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_jumps_of_a_perfect_model_have_the_datas_moments(
    config: AnySampler, process: Process, spacing: Spacing, steps: int
) -> None:
    times = spacing.times(process, steps)
    start = process.prior_scale(times[0]) * torch.randn(20_000, generator=torch.Generator().manual_seed(9))
    *_, last = config.run(jump, start, process, times, Draws((20_000,)))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.03)


def jump_until(x: Tensor, level: Level) -> Prediction:
    """What a perfect model of two times says of normal data: it leads to where the path through x is at the second."""
    assert level.until is not None
    below = FLOW.at(level.until)
    wide, narrow = (((at.alpha * DEVIATION) ** 2 + at.sigma**2).sqrt() for at in (level, below))
    end = below.alpha * MEAN + narrow / wide * (x - level.alpha * MEAN)
    share = below.sigma / level.sigma
    return Prediction((end - share * x) / (below.alpha - share * level.alpha))


@pytest.mark.parametrize("config", [JumpsConfig(), JumpsConfig(restart=True)], ids=["pushforward", "restart"])
@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_jumps_between_levels_keep_the_datas_moments(config: JumpsConfig, steps: int) -> None:
    times = JumpSpacing(last=0.0).times(FLOW, steps)
    start = FLOW.at(times[0])
    spread = ((start.alpha * DEVIATION) ** 2 + start.sigma**2).sqrt()
    draws = torch.randn(20_000, generator=torch.Generator().manual_seed(9))
    asked = Draws((20_000,))
    *_, last = config.run(jump_until, start.alpha * MEAN + spread * draws, FLOW, times, asked)
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.03)
    assert asked.asked == (list(range(steps - 1)) if config.restart else [])


def test_restarts_are_told_the_last_level_and_jumps_the_next() -> None:
    told: dict[bool, list[float]] = {True: [], False: []}
    times = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    for restart, asked in told.items():

        def denoise(x: Tensor, level: Level, asked: list[float] = asked) -> Prediction:
            assert level.until is not None
            asked.append(float(level.until))
            return Prediction(x)

        list(JumpsConfig(restart=restart).run(denoise, torch.zeros(3), FLOW, times, Draws((3,))))
    assert told == {True: [0.1, 0.1], False: [0.5, 0.1]}


def test_one_step_is_the_models_answer() -> None:
    x = torch.randn(3)
    for config in (ConsistencyConfig(), TCDConfig(), LCMConfig(time_scale=1e6)):
        times = torch.tensor([80.0, 0.0], dtype=torch.float64)
        draws = Draws((3,))
        (stage,) = config.run(best, x, STEPS, times, draws)
        torch.testing.assert_close(stage.x, best(x, STEPS.at(times[0])).clean)
        assert not draws.asked


def test_noise_of_consistency_sampling_leaves_out_what_the_model_leaves() -> None:
    process, zero = ExplodingProcess(), torch.zeros(50_000)
    times = torch.tensor([80.0, 0.5, 0.3], dtype=torch.float64)
    config = ConsistencyConfig(sigma_min=0.3, noise_scale=2.0)
    first, last = config.run(lambda x, level: Prediction(zero), zero, process, times, Draws((50_000,)))
    assert first.x.std().item() == pytest.approx(2 * 0.4, rel=0.02)
    assert (last.x == 0).all()


def test_lcm_returns_the_sample_itself_at_the_first_step() -> None:
    x = torch.randn(3, dtype=torch.float64)
    (stage,) = LCMConfig().run(best, x, STEPS, torch.tensor([1.0, 0.0], dtype=torch.float64), Draws((3,)))
    torch.testing.assert_close(stage.x, x)
    skip, out = LCMConfig(time_scale=2.0, sigma_data=0.5).boundary(STEPS.at(torch.tensor(2.0, dtype=torch.float64)))
    assert (skip.item(), out.item()) == pytest.approx((0.25 / 4.25, 2 / 4.25**0.5))


def test_tcd_without_noise_is_ddim() -> None:
    x, process = torch.randn(3, dtype=torch.float64), FlowProcess()
    times = UniformSpacing().times(process, 5)
    first, second = (list(c.run(best, x, process, times, Draws((3,)))) for c in (TCDConfig(eta=0.0), DDIMConfig()))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.x, other.x)


def test_tcd_draws_in_all_but_the_last_step() -> None:
    draws = Draws((3,))
    list(TCDConfig().run(best, torch.randn(3), STEPS, DistilledSpacing(until="first").times(STEPS, 4), draws))
    assert draws.asked == [0, 1, 2]


def test_lcm_needs_steps() -> None:
    with pytest.raises(ValueError, match="this model's process has none"):
        list(LCMConfig().run(best, torch.randn(3), FlowProcess(), torch.tensor([1.0, 0.0]), Draws((3,))))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: TCDConfig(eta=-0.1), "eta"),
        (lambda: LCMConfig(time_scale=0.0), "time_scale"),
        (lambda: ConsistencyConfig(sigma_min=-1.0), "sigma_min"),
        (lambda: ConsistencyConfig(noise_scale=-1.0), "noise_scale"),
    ],
)
def test_impossible_settings_are_refused(make, named: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=named):
        make()
