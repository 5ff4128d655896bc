"""Processes as stochastic differential equations, and the chains of steps that stand for them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import noised
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import (
    chain_step,
    equation_of,
    euler_step,
    flow_slope,
    motion,
    prior_log_density,
    reverse_drift,
    score_of,
    step_between,
)
from diorama.processes.subpreserving import SubPreservingProcess

EQUATIONS: list[Process] = [
    ExplodingProcess(),
    FlowProcess(),
    GeometricProcess(),
    PreservingProcess(),
    SubPreservingProcess(),
]
by_equation = pytest.mark.parametrize("process", EQUATIONS, ids=lambda p: type(p).__name__)


def _double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@by_equation
@settings(deadline=None)
@given(share=st.floats(0.02, 0.98))
def test_the_equation_moves_variances_as_the_levels_do(process: Process, share: float) -> None:
    t, small = _double(share * process.end), 1e-5 * process.end
    level, after, moving = process.at(t), process.at(t + small), motion(process, t)
    assert float(after.alpha) == pytest.approx(float(level.alpha * (1 + moving.rate * small)), rel=1e-6)
    # d sigma² / dt = 2 rate sigma² + diffusion²
    grown = level.sigma**2 + small * (2 * moving.rate * level.sigma**2 + moving.diffusion**2)
    assert float(after.sigma**2) == pytest.approx(float(grown), rel=1e-5)


@by_equation
@settings(deadline=None)
@given(share=st.floats(0.02, 0.98), seed=st.integers(0, 100))
def test_both_forms_of_the_probability_flow_agree(process: Process, share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    clean, noise = (torch.randn(2, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    t = _double(share * process.end)
    level = process.at(t)
    x = noised(clean, noise, level)
    by_score = reverse_drift(x, score_of(x, clean, level), motion(process, t), flow=True)
    torch.testing.assert_close(flow_slope(x, clean, process, t), by_score, rtol=1e-8, atol=1e-8)


@by_equation
@settings(deadline=None)
@given(share=st.floats(0.05, 0.95))
def test_a_step_between_levels_leads_from_one_to_the_other(process: Process, share: float) -> None:
    t, below = _double(share * process.end), _double(0.5 * share * process.end)
    step, level, lower = step_between(process, t, below), process.at(t), process.at(below)
    assert float(step.keep * lower.alpha) == pytest.approx(float(level.alpha))
    assert float(step.keep**2 * lower.sigma**2 + step.variance) == pytest.approx(float(level.sigma**2))


@pytest.mark.parametrize("process", [PreservingProcess(), GeometricProcess(), SubPreservingProcess()])
def test_long_chains_take_the_equations_own_small_steps(process: Process) -> None:
    # Their places are rounded to whole steps, an error of one in ten thousand times.
    t, count = _double(0.6), 10_000
    chain, own = chain_step(process, t, count), euler_step(process, t, 1 / count)
    assert float(1 - chain.keep) == pytest.approx(float(1 - own.keep), rel=1e-2, abs=1e-12)
    assert float(chain.variance) == pytest.approx(float(own.variance), rel=1e-2)


def test_chains_are_those_of_ddpm_and_of_smld() -> None:
    step = chain_step(PreservingProcess(), _double(1.0), 1_000)
    assert (float(step.keep**2), float(step.variance)) == pytest.approx((0.98, 0.02))
    largest = chain_step(GeometricProcess(sigma_min=0.1, sigma_max=10.0), _double(1.0), 3)
    assert float(largest.variance) == pytest.approx(100 - 1)
    least = chain_step(GeometricProcess(sigma_min=0.1, sigma_max=10.0), _double(1e-5), 3)
    assert (float(least.variance), float(least.share or 0)) == pytest.approx((0.01, 0))


def test_a_chain_and_its_equation_have_nearly_the_same_levels() -> None:
    for chain in (DiscreteProcess(), GeometricStepsProcess()):
        t = _double(600.0)
        equation, time = equation_of(chain, t)
        assert float(equation.at(time).sigma) == pytest.approx(float(chain.at(t).sigma), rel=5e-3)


def test_what_is_no_chain_of_an_equation_is_refused() -> None:
    with pytest.raises(ValueError, match="no chain of the variance-preserving equation"):
        equation_of(DiscreteProcess(betas="cosine"), _double(3.0))
    with pytest.raises(ValueError, match="all its 1000 steps, and 50 were asked for"):
        chain_step(DiscreteProcess(), _double(3.0), 50)


def test_the_prior_is_a_normal_density() -> None:
    x = torch.randn(2, 3, 4)
    for process, scale in ((PreservingProcess(), 1.0), (GeometricProcess(sigma_max=20.0), 20.0)):
        wanted = torch.distributions.Normal(0.0, scale).log_prob(x).sum((1, 2))
        torch.testing.assert_close(prior_log_density(process, x), wanted)
