"""Guidance by a gradient, on data whose guided distribution is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, Spacing, StepSpacing, UniformSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.classifier_guidance import ClassifierGuided, Form, LabelGradient
from diorama.samplers.ddim import DDIMConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

# What is asked for is seen through noise of this deviation: p(seen | clean) = N(seen; clean, NOISE²).
SEEN, NOISE = 1.0, 0.5
WAYS: list[tuple[Process, Spacing]] = [
    (DiscreteProcess(), StepSpacing()),
    (ExplodingProcess(), KarrasSpacing(high=40.0)),
    (FlowProcess(), UniformSpacing()),
]


def towards(x: Tensor, level: Level) -> Tensor:
    """The gradient of log p(seen | x) for the data of ``best``: the clean sample given x is normal."""
    alpha, sigma = float(level.alpha), float(level.sigma)
    gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
    left = DEVIATION**2 * (1 - gain * alpha)
    return gain * (SEEN - best(x, level).clean) / (left + NOISE**2)


def _moments() -> tuple[float, float]:
    precision = 1 / DEVIATION**2 + 1 / NOISE**2
    return (MEAN / DEVIATION**2 + SEEN / NOISE**2) / precision, precision**-0.5


@pytest.mark.parametrize("way", WAYS, ids=["discrete", "exploding", "flow"])
@pytest.mark.parametrize("form", ["mean", "score"])
def test_samples_are_those_of_what_is_asked_for(form: Form, way: tuple[Process, Spacing]) -> None:
    process, spacing = way
    times = spacing.times(process, 500)
    start = process.prior_scale(times[0]) * torch.randn(10_000, generator=torch.Generator().manual_seed(1))
    denoise = ClassifierGuided(best, towards, 1.0, form=form)
    *_, last = AncestralConfig(variance="small").run(denoise, start, process, times, Draws((10_000,)))
    mean, deviation = _moments()
    assert last.x.mean().item() == pytest.approx(mean, abs=0.03)
    assert last.x.std().item() == pytest.approx(deviation, rel=0.05)


def test_a_deterministic_sampler_follows_the_score_form() -> None:
    process = DiscreteProcess()
    start = torch.randn(10_000, generator=torch.Generator().manual_seed(2))
    denoise = ClassifierGuided(best, towards, 1.0, form="score")
    *_, last = DDIMConfig().run(denoise, start, process, StepSpacing().times(process, 500), Draws((10_000,)))
    mean, deviation = _moments()
    assert last.x.mean().item() == pytest.approx(mean, abs=0.03)
    assert last.x.std().item() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize("form", ["mean", "score"])
def test_a_scale_of_nothing_changes_nothing(form: Form) -> None:
    level = DiscreteProcess().at(torch.tensor(300.0, dtype=torch.float64))
    x = torch.randn(5)
    found = ClassifierGuided(best, towards, 0.0, form=form)(x, level)
    assert torch.equal(found.clean, best(x, level).clean)
    assert found.gradient is None


def test_the_score_form_moves_what_was_limited_and_what_was_not_alike() -> None:
    level = DiscreteProcess().at(torch.tensor(300.0, dtype=torch.float64))
    x = torch.full((2,), 3.0)
    limited = lambda x, level: Prediction(x.clamp(-1, 1), unclipped=x)  # noqa: E731
    found = ClassifierGuided(limited, towards, 2.0)(x, level)
    assert found.unclipped is not None
    torch.testing.assert_close(found.unclipped - x, found.clean - x.clamp(-1, 1))
    assert not torch.equal(found.clean, x.clamp(-1, 1))


def test_the_gradient_of_a_label_is_that_of_its_log_probability() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 3).double()
    level = DiscreteProcess().at(torch.tensor(300.0, dtype=torch.float64))
    x, label = torch.randn(2, 4, dtype=torch.float64), torch.tensor([2, 0])
    with torch.no_grad():
        found = LabelGradient(lambda x, level: layer(x), label)(x, level)
        for i in range(4):
            step = torch.zeros(4, dtype=torch.float64)
            step[i] = 1e-6
            high, low = (layer(x + d).log_softmax(1).gather(1, label[:, None])[:, 0] for d in (step, -step))
            torch.testing.assert_close(found[:, i], (high - low) / 2e-6, rtol=1e-6, atol=1e-8)
    assert not found.requires_grad
