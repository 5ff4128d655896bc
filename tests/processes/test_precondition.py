"""What goes into a network and what comes out of it."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Condition, Level
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.gaussian import Target, noised, posterior
from diorama.processes.precondition import (
    EDMPreconditioning,
    LearnedVariance,
    NetworkDenoise,
    Preconditioning,
    TargetPreconditioning,
)
from diorama.processes.step_mean import StepMeanPreconditioning
from diorama.processes.threshold import StaticThreshold

ALL: list[Preconditioning] = [EDMPreconditioning(), *(TargetPreconditioning(predicts=t) for t in get_args(Target))]
by_kind = pytest.mark.parametrize("preconditioning", ALL, ids=lambda p: getattr(p, "predicts", "edm"))


def _level(alpha: float, sigma: float) -> Level:
    return Level(*(torch.tensor(v, dtype=torch.float64) for v in (3.0, alpha, sigma)))


@by_kind
@settings(deadline=None)
@given(alpha=st.floats(0.01, 1), sigma=st.floats(0.01, 80), seed=st.integers(0, 99))
def test_a_perfect_output_gives_the_clean_sample_back(
    preconditioning: Preconditioning, alpha: float, sigma: float, seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    clean, noise = torch.randn(2, 8, generator=draws, dtype=torch.float64)
    level = _level(alpha, sigma)
    output = preconditioning.target(clean, noise, level)
    back = preconditioning.clean(output, noised(clean, noise, level), level)
    torch.testing.assert_close(back, clean, rtol=1e-6, atol=1e-6 * max(1, sigma / alpha) ** 2)


@by_kind
@settings(deadline=None)
@given(alpha=st.floats(0.05, 1), sigma=st.floats(0.05, 50))
def test_the_weight_turns_errors_of_clean_samples_into_those_of_outputs(
    preconditioning: Preconditioning, alpha: float, sigma: float
) -> None:
    level = _level(alpha, sigma)
    x, outputs = torch.tensor(0.3, dtype=torch.float64), torch.tensor([0.2, 0.7], dtype=torch.float64)
    cleans = torch.stack([preconditioning.clean(output, x, level) for output in outputs])
    squared = preconditioning.weight(level) * (cleans[0] - cleans[1]) ** 2
    torch.testing.assert_close(squared, (outputs[0] - outputs[1]) ** 2, rtol=1e-6, atol=1e-9)


def test_edm_has_the_papers_coefficients() -> None:
    sigma, data = 2.0, 0.5
    level, edm = ExplodingProcess().at(torch.tensor(sigma, dtype=torch.float64)), EDMPreconditioning(sigma_data=data)
    total = sigma**2 + data**2
    assert edm.input(level).item() == pytest.approx(total**-0.5)
    assert edm.time(level).item() == pytest.approx(torch.tensor(sigma).log().item() / 4)
    skip, out = (edm.clean(torch.tensor(o), torch.tensor(x), level).item() for o, x in ((0.0, 1.0), (1.0, 0.0)))
    assert skip == pytest.approx(data**2 / total)
    assert out == pytest.approx(sigma * data / total**0.5)
    assert edm.weight(level).item() == pytest.approx(total / (sigma * data) ** 2)


def test_edm_inputs_and_targets_have_unit_variance() -> None:
    torch.manual_seed(0)
    clean, noise = 0.5 * torch.randn(100_000), torch.randn(100_000)
    for sigma in (0.01, 0.5, 40.0):
        level, edm = ExplodingProcess().at(torch.tensor(sigma)), EDMPreconditioning()
        assert (edm.input(level) * noised(clean, noise, level)).std().item() == pytest.approx(1, abs=0.02)
        assert edm.target(clean, noise, level).std().item() == pytest.approx(1, abs=0.02)


def test_network_gets_one_time_for_each_sample_and_the_condition() -> None:
    seen: list[tuple[Tensor, Condition]] = []

    def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        seen.append((t, condition))
        return torch.zeros_like(x, dtype=torch.bfloat16)

    condition = {"label": torch.tensor([1, 0, 2])}
    process = DiscreteProcess(steps=10)
    denoise = NetworkDenoise(network, TargetPreconditioning(predicts="clean"), condition)
    clean = denoise(torch.randn(3, 1, 2, 2), process.at(torch.tensor(8.0, dtype=torch.float64))).clean
    assert clean.dtype == torch.float32
    # Networks count the steps from 0.
    assert seen[0][0].tolist() == [7, 7, 7]
    assert seen[0][1] is condition
    several = process.at(torch.tensor([2, 3, 4]).reshape(3, 1, 1, 1))
    denoise(torch.randn(3, 1, 2, 2), several)
    assert seen[1][0].tolist() == [1, 2, 3]


def test_what_the_network_is_told_of_a_level() -> None:
    level = _level(0.5, 0.25)
    told = {kind: TargetPreconditioning(time_input=kind).time(level).item() for kind in ("step", "time", "sigma")}  # type: ignore[arg-type]
    assert told == {"step": 2, "time": 3, "sigma": 0.5}
    assert TargetPreconditioning(time_input="time", time_scale=1000).time(level).item() == 3000


def test_clean_samples_may_be_limited() -> None:
    always = TargetPreconditioning(predicts="clean")
    limit = StaticThreshold(largest=0.5)
    denoise = NetworkDenoise(lambda x, t, condition: 5 * torch.ones_like(x), always, {}, threshold=limit)
    prediction = denoise(torch.zeros(1, 1, 1, 1), DiscreteProcess().at(torch.tensor(1.0)))
    assert prediction.clean.item() == 0.5
    assert prediction.unclipped is not None
    assert prediction.unclipped.item() == 5


@pytest.mark.parametrize(
    ("kind", "said", "log_variance", "share"),
    [("share", 0.5, None, 0.75), ("log", -2.0, -2.0, None), ("plain", 0.25, math.log(0.25), None)],
)
def test_half_of_the_channels_may_be_of_the_variance(
    kind: LearnedVariance, said: float, log_variance: float | None, share: float | None
) -> None:
    both = TargetPreconditioning(predicts="clean", variance=kind)
    denoise = NetworkDenoise(lambda x, t, condition: torch.cat([x + 1, torch.full_like(x, said)], dim=1), both, {})
    found = denoise(torch.ones(2, 3, 4, 4), DiscreteProcess().at(torch.tensor(5.0)))
    assert (found.clean == 2).all()
    assert found.clean.shape == (2, 3, 4, 4)
    for value, expected in ((found.log_variance, log_variance), (found.variance_share, share)):
        assert (value is None) == (expected is None)
        if value is not None:
            torch.testing.assert_close(value, torch.full_like(value, expected))  # type: ignore[arg-type]


@pytest.mark.parametrize("visited", [(), (1, 4, 9, 20)])
def test_a_network_of_step_means_says_the_clean_sample_that_leads_there(visited: tuple[int, ...]) -> None:
    process = DiscreteProcess(steps=20, first=0.01, last=0.3)
    preconditioning = StepMeanPreconditioning(process=process, visited=visited)
    t = torch.tensor(visited or range(1, 21), dtype=torch.float64)
    before = torch.tensor((0, *visited[:-1])) if visited else t - 1
    level = process.at(t)
    clean, noise = torch.randn(2, len(t), dtype=torch.float64)
    x, step = noised(clean, noise, level), posterior(level, process.at(before.double()))
    mean = preconditioning.target(clean, noise, level)
    torch.testing.assert_close(mean, step.of_x * x + step.of_clean * clean)
    torch.testing.assert_close(preconditioning.clean(mean, x, level), clean)
    moved = preconditioning.clean(mean + 1, x, level) - clean
    torch.testing.assert_close(preconditioning.weight(level) * moved**2, torch.ones_like(t))


def test_steps_that_a_chain_cannot_visit_are_refused() -> None:
    with pytest.raises(ValueError, match="visited"):
        StepMeanPreconditioning(process=DiscreteProcess(steps=20), visited=(3, 21))
