"""The variational bound."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.bound import bound_times, prior_term, step_term, variational_bound
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import posterior
from diorama.processes.spacing import KarrasSpacing

PROCESS = DiscreteProcess(steps=50, first=1e-3, last=0.2)
TIMES = torch.arange(1, 51, dtype=torch.float64)
STEP = (TIMES[9], TIMES[8])


@settings(deadline=None)
@given(steps=st.integers(2, 2000), count=st.integers(1, 200), seed=st.integers(0, 100))
def test_terms_stand_for_all(steps: int, count: int, seed: int) -> None:
    times = bound_times(steps, count, seed)
    assert sum(times.values()) == steps - 1
    assert all(1 <= t < steps for t in times)
    assert len(times) <= max(count, 1) or len(times) == steps - 1


def test_all_terms_are_taken_when_nothing_is_said() -> None:
    assert bound_times(5, None, 0) == {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}


def test_subsets_of_terms_are_unbiased() -> None:
    cost = {t: 1 / t for t in range(1, 100)}
    found = [sum(cost[t] * w for t, w in bound_times(100, 6, seed).items()) for seed in range(4000)]
    assert sum(found) / len(found) == pytest.approx(sum(cost.values()), rel=0.02)


def test_one_who_knows_the_picture_pays_for_the_last_bits_only() -> None:
    process = PROCESS
    images = torch.randint(256, (2, 1, 4, 4)) / 127.5 - 1

    def knows(x: Tensor, level: Level) -> Prediction:
        return Prediction(images)

    noise = torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(step_term(knows, images, process, STEP, noise, "small"), torch.zeros(2))
    assert (prior_term(images, process, TIMES[-1]) >= 0).all()
    nats = variational_bound(
        knows, images, process, TIMES, lambda i, k=0: noise, terms=bound_times(50, None, 0), variance="small"
    )
    assert nats.shape == (2,)
    assert (nats < 16 * math.log(256)).all()


@pytest.mark.parametrize(
    ("process", "times"),
    [
        (DiscreteProcess(steps=400, first=1e-5, last=0.04), torch.arange(1, 401, dtype=torch.float64)),
        # Less noise than half a grey level would show that pixels are whole numbers, which the linear denoiser ignores.
        (ExplodingProcess(), KarrasSpacing(low=0.005).times(ExplodingProcess(), 400)[:-1].flip(0)),
        (FlowProcess(), 0.005 ** torch.linspace(1, 0, 400, dtype=torch.float64)),
    ],
    ids=["discrete", "exploding", "flow"],
)
def test_bound_of_known_gaussian_data_meets_its_entropy(process: Process, times: Tensor) -> None:
    # The data are N(0, s²), so the best denoiser is linear, and with its variance the bound is tight.
    torch.manual_seed(0)
    s = 0.25
    images = ((torch.randn(64, 1, 8, 8) * s).clamp(-1, 1) * 127.5).round() / 127.5

    def best(x: Tensor, level: Level) -> Prediction:
        alpha, sigma = float(level.alpha), float(level.sigma)
        gain = alpha * s**2 / (alpha**2 * s**2 + sigma**2)
        # Of the first level there is no step: its term is the decoder's, which reads no variance.
        below = times[max(int((times < level.t).sum()) - 1, 0)]
        step = posterior(level, process.at(below))
        if below == level.t:
            return Prediction(gain * x)
        variance = step.variance + step.of_clean**2 * s**2 * (1 - gain * alpha)
        return Prediction(gain * x, torch.full_like(x, math.log(variance)))

    draw = lambda i, k=0: torch.randn(images.shape)  # noqa: E731
    nats = variational_bound(best, images, process, times, draw, terms=bound_times(400, None, 0), variance="small")
    entropy = 64 * (0.5 * math.log(2 * math.pi * math.e * s**2) + math.log(127.5))
    assert nats.mean().item() == pytest.approx(entropy, rel=0.03)
    assert nats.mean().item() > entropy * 0.995


def test_a_learned_variance_takes_the_place_of_the_fixed_one() -> None:
    images, noise = torch.zeros(1, 1, 2, 2), torch.randn(1, 1, 2, 2)

    def told(x: Tensor, level: Level) -> Prediction:
        return Prediction(images, torch.zeros_like(x))

    # A variance of one is far too large.
    assert step_term(told, images, PROCESS, STEP, noise, "large") > 1
