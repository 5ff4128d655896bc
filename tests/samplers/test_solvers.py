"""Laws of the exponential integrators: their order on an analytic mixture, moments, ends, and what they ask for."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, Spacing, StepSpacing, UniformSpacing
from diorama.samplers.catalog import AnySampler
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.deis import DEISConfig
from diorama.samplers.dpm_solver import (
    DPMSolverConfig,
    SinglestepDPMSolverConfig,
    multistep_orders,
    singlestep_orders,
)
from diorama.samplers.sa_solver import SASolverConfig
from diorama.samplers.unipc import UniPCConfig
from tests.samplers import gaussian_data, mixture_data
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws

_PROCESSES: dict[str, Process] = {
    "exploding": ExplodingProcess(),
    "flow": FlowProcess(),
    "preserving": PreservingProcess(),
}
_WAYS: dict[str, tuple[Process, Spacing]] = {
    "discrete": (DiscreteProcess(), StepSpacing()),
    "no signal": (DiscreteProcess(zero_terminal_snr=True), StepSpacing()),
    "exploding": (ExplodingProcess(), KarrasSpacing()),
    "flow": (FlowProcess(), UniformSpacing()),
    "preserving": (PreservingProcess(), KarrasSpacing(low=0.01, high=100)),
}
by_way = pytest.mark.parametrize("way", _WAYS.values(), ids=_WAYS)

_FULL = {"lower_order_final": False}
_ORDERS: dict[str, tuple[AnySampler, float]] = {
    "dpmpp_1": (DPMSolverConfig(order=1, **_FULL), 1),
    "dpmpp_2m midpoint": (DPMSolverConfig(**_FULL), 2),
    "dpmpp_2m heun": (DPMSolverConfig(rule="heun", **_FULL), 2),
    "dpmpp_3m": (DPMSolverConfig(order=3, **_FULL), 3),
    # The published weights of third-order steps leave second order.
    "dpmpp_3m published": (DPMSolverConfig(order=3, third="published", **_FULL), 2),
    "dpm_2m": (DPMSolverConfig(predicts="noise", **_FULL), 2),
    "dpmpp_2s": (SinglestepDPMSolverConfig(**_FULL), 2),
    "dpmpp_3s midpoint": (SinglestepDPMSolverConfig(order=3, **_FULL), 3),
    "dpmpp_3s heun": (SinglestepDPMSolverConfig(order=3, rule="heun", **_FULL), 3),
    "dpm_2s heun": (SinglestepDPMSolverConfig(rule="heun", predicts="noise", **_FULL), 2),
    "deis 2": (DEISConfig(order=2, **_FULL), 2),
    "deis 3": (DEISConfig(**_FULL), 3),
    "unipc 1": (UniPCConfig(order=1, **_FULL), 2),
    "unipc 2": (UniPCConfig(**_FULL), 3),
    "unipc 2 bh1": (UniPCConfig(variant="bh1", **_FULL), 3),
    "unipc 3": (UniPCConfig(order=3, **_FULL), 4),
    "unipc 2 uncorrected": (UniPCConfig(uncorrected=tuple(range(1_000)), **_FULL), 2),
    "sa_solver 2": (SASolverConfig(tau=0, **_FULL), 2),
    "sa_solver 3": (SASolverConfig(tau=0, predictor_order=3, corrector_order=3, **_FULL), 3),
    "sa_solver 3 and 4": (SASolverConfig(tau=0, predictor_order=3, corrector_order=4, **_FULL), 4),
}
_ALL: dict[str, AnySampler] = {name: sampler for name, (sampler, _) in _ORDERS.items()} | {
    "dpmpp_2m_sde": DPMSolverConfig(stochastic=True),
    "dpmpp_3m_sde": DPMSolverConfig(order=3, stochastic=True),
    "dpm_2m_sde": DPMSolverConfig(predicts="noise", stochastic=True),
    "dpmpp_3s_sde": SinglestepDPMSolverConfig(order=3, stochastic=True),
    "sa_solver": SASolverConfig(),
    "sa_solver along noise": SASolverConfig(predicts="noise", predictor_order=3, corrector_order=3),
}


def _ended(sampler: AnySampler, process: Process, times: Tensor, start: Tensor) -> Tensor:
    first = process.at(times[0])
    x = (first.alpha**2 + first.sigma**2).sqrt() * start
    *_, last = sampler.run(mixture_data.best, x, process, times, Draws(tuple(start.shape)))
    return last.x


_START = torch.linspace(-2, 2, 9, dtype=torch.float64)
_RANGE = 0.02, 20.0


@cache
def _exact(name: str) -> Tensor:
    process = _PROCESSES[name]
    times = mixture_data.even_logarithms(process, 1_500, *_RANGE)
    return _ended(UniPCConfig(order=3, **_FULL), process, times, _START)


@pytest.mark.parametrize("process", _PROCESSES)
@pytest.mark.parametrize("case", _ORDERS)
def test_errors_fall_with_the_order(case: str, process: str) -> None:
    sampler, order = _ORDERS[case]
    errors = []
    for steps in (60, 120):
        times = mixture_data.even_logarithms(_PROCESSES[process], steps, *_RANGE)
        errors.append((_ended(sampler, _PROCESSES[process], times, _START) - _exact(process)).abs().max().item())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


@by_way
@pytest.mark.parametrize("sampler", _ALL.values(), ids=_ALL)
def test_samples_have_the_datas_moments(sampler: AnySampler, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 60)
    x = process.prior_scale(times[0]) * torch.randn(4_000, generator=torch.Generator().manual_seed(1)).double()
    *_, last = sampler.run(gaussian_data.best, x, process, times, Draws((4_000,)))
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.04)
    # Groups of single steps take each other's noise for a change of the prediction.
    loss = 0.2 if isinstance(sampler, SinglestepDPMSolverConfig) and sampler.stochastic else 0.0
    assert last.x.std().item() == pytest.approx(DEVIATION * (1 - loss / 2), rel=0.12)


@by_way
@pytest.mark.parametrize("case", list(_ORDERS))
def test_deterministic_ones_ask_for_no_noise_and_once_a_step(case: str, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(level.t.item())
        return gaussian_data.best(x, level)

    times, draws = spacing.times(process, 7), Draws((3,))
    stages = list(_ORDERS[case][0].run(counting, torch.randn(3), process, times, draws))
    assert not draws.asked
    assert asked == times[:-1].tolist()
    assert len(stages) == 7


@by_way
@pytest.mark.parametrize("sampler", _ALL.values(), ids=_ALL)
def test_the_last_step_ends_at_the_denoisers_sample(sampler: AnySampler, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    wanted = torch.tensor([0.3, -0.7, 0.9])
    times = spacing.times(process, 5)
    *_, last = sampler.run(lambda x, level: Prediction(wanted), torch.randn(3), process, times, Draws((3,)))
    torch.testing.assert_close(last.x, wanted)


@by_way
@pytest.mark.parametrize(
    "sampler",
    [
        DPMSolverConfig(order=1),
        DPMSolverConfig(order=1, predicts="noise"),
        SinglestepDPMSolverConfig(order=1),
        DEISConfig(order=1),
        UniPCConfig(order=1, uncorrected=tuple(range(9))),
        SASolverConfig(predictor_order=1, corrector_order=0, tau=0),
    ],
)
def test_of_first_order_they_are_ddim(sampler: AnySampler, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 9)
    x = process.prior_scale(times[0]) * torch.randn(5, generator=torch.Generator().manual_seed(1)).double()
    draws = Draws((5,))
    ours = [stage.x for stage in sampler.run(mixture_data.best, x, process, times, draws)]
    theirs = [stage.x for stage in DDIMConfig().run(mixture_data.best, x, process, times, draws)]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-7, atol=1e-7)


def test_of_first_order_with_noise_dpm_solver_is_ddim_with_all_of_it() -> None:
    process, times = DiscreteProcess(), StepSpacing().times(DiscreteProcess(), 9)
    x, draws = torch.randn(5, generator=torch.Generator().manual_seed(1)).double(), Draws((5,))
    sampler = DPMSolverConfig(order=1, stochastic=True)
    ours = [stage.x for stage in sampler.run(mixture_data.best, x, process, times, draws)]
    theirs = [stage.x for stage in DDIMConfig(eta=1.0).run(mixture_data.best, x, process, times, draws)]
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs))


def test_sa_solver_adds_noise_only_between_its_ratios() -> None:
    process = ExplodingProcess()
    times, draws = KarrasSpacing().times(process, 6), Draws((3,))
    ratios = times[:-1].tolist()
    sampler = SASolverConfig(tau_low=ratios[3], tau_high=ratios[1])
    list(sampler.run(gaussian_data.best, torch.randn(3), process, times, draws))
    assert draws.asked == [1, 2, 3]


def test_a_step_of_no_length_does_nothing() -> None:
    process = FlowProcess()
    times = torch.tensor([0.9, 0.5, 0.2, 0.2], dtype=torch.float64)
    for sampler in (DPMSolverConfig(order=3, **_FULL), DEISConfig(**_FULL), DPMSolverConfig(stochastic=True, **_FULL)):
        *_, before, last = sampler.run(gaussian_data.best, torch.randn(3), process, times, Draws((3,)))
        assert torch.equal(last.x, before.x)


def test_short_ways_end_with_lower_orders() -> None:
    assert multistep_orders(6, 3, lower_order_final=True) == [1, 2, 3, 3, 2, 1]
    assert multistep_orders(15, 3, lower_order_final=True)[-2:] == [3, 3]
    assert multistep_orders(6, 3, lower_order_final=False) == [1, 2, 3, 3, 3, 3]
    assert multistep_orders(1, 2, lower_order_final=True) == [1]


def test_groups_of_single_steps() -> None:
    assert singlestep_orders(6, 3, lower_order_final=False) == [1, 2, 3, 1, 2, 3]
    assert singlestep_orders(6, 3, lower_order_final=True) == [1, 2, 3, 1, 2, 1]
    assert singlestep_orders(5, 3, lower_order_final=True) == [1, 2, 3, 1, 2]
    assert singlestep_orders(5, 2, lower_order_final=False) == [1, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: DPMSolverConfig(order=4), "order"),
        (lambda: DPMSolverConfig(order=3, third="published", stochastic=True, predicts="noise"), "third"),
        (lambda: SinglestepDPMSolverConfig(order=0), "order"),
        (lambda: DEISConfig(order=4), "order"),
        (lambda: UniPCConfig(order=0), "order"),
        (lambda: SASolverConfig(predictor_order=5), "predictor_order"),
        (lambda: SASolverConfig(corrector_order=-1), "corrector_order"),
        (lambda: SASolverConfig(tau=-1.0), "tau"),
    ],
)
def test_impossible_settings_are_refused(make: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make()  # type: ignore[operator]
