"""How much each level counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.exploding import ExplodingProcess
from diorama.processes.gaussian import Target
from diorama.processes.precondition import EDMPreconditioning, Preconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import motion
from diorama.processes.weighting import (
    LikelihoodWeighting,
    MinSNRWeighting,
    P2Weighting,
    PreconditionedWeighting,
    SNRWeighting,
    TruncatedSNRWeighting,
    UniformWeighting,
    Weighting,
)

PRESERVING = PreservingProcess()
LEVEL = ExplodingProcess().at(torch.tensor([0.1, 1.0, 5.0]))


def test_weights_of_the_same_levels() -> None:
    edm = EDMPreconditioning()
    assert UniformWeighting().weight(LEVEL, edm).tolist() == [1, 1, 1]
    torch.testing.assert_close(TruncatedSNRWeighting().weight(LEVEL, edm), torch.tensor([100.0, 1, 1]))
    assert torch.equal(PreconditionedWeighting().weight(LEVEL, edm), edm.weight(LEVEL))
    torch.testing.assert_close(SNRWeighting(plus=4.0).weight(LEVEL, edm), edm.weight(LEVEL))
    noise = TargetPreconditioning(predicts="noise")
    assert torch.equal(SNRWeighting().weight(LEVEL, edm), noise.weight(LEVEL))
    torch.testing.assert_close(PreconditionedWeighting().weight(LEVEL, noise), torch.tensor([100.0, 1, 0.04]))


WEIGHTINGS = [MinSNRWeighting(most=3.0), P2Weighting(offset=0.5, power=1.5), LikelihoodWeighting(process=PRESERVING)]


@given(t=st.floats(0.05, 0.95), weighting=st.sampled_from(WEIGHTINGS))
def test_what_errors_of_clean_samples_count_does_not_depend_on_what_the_network_predicts(
    t: float, weighting: Weighting
) -> None:
    level = PRESERVING.at(torch.tensor(t, dtype=torch.float64))
    kinds: list[Preconditioning] = [
        EDMPreconditioning(),
        *(TargetPreconditioning(predicts=p) for p in get_args(Target)),
    ]
    counted = [weighting.weight(level, kind) * kind.weight(level) for kind in kinds]
    torch.testing.assert_close(torch.stack(counted), counted[0].expand(len(counted)))


def test_published_weights_of_errors_of_noise() -> None:
    noise, level = TargetPreconditioning(predicts="noise"), ExplodingProcess().at(torch.tensor([0.1, 0.5, 2.0]))
    snr = torch.tensor([100.0, 4.0, 0.25])
    torch.testing.assert_close(MinSNRWeighting().weight(level, noise), torch.tensor([0.05, 1.0, 1.0]))
    torch.testing.assert_close(P2Weighting().weight(level, noise), 1 / (1 + snr))
    torch.testing.assert_close(P2Weighting(power=0).weight(level, noise), torch.ones(3))
    # g² = d sigma² / dt = 2 t, and sigma = t.
    likelihood = LikelihoodWeighting(process=ExplodingProcess()).weight(level, noise)
    torch.testing.assert_close(likelihood, 2 / level.t)


@given(t=st.floats(0.05, 0.95))
def test_the_likelihood_weight_is_the_fall_of_the_signal_to_noise_ratio(t: float) -> None:
    time = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    level = PRESERVING.at(time)
    (slope,) = torch.autograd.grad((level.alpha / level.sigma).square(), time)
    clean = TargetPreconditioning(predicts="clean")
    weight = LikelihoodWeighting(process=PRESERVING).weight(PRESERVING.at(time.detach()), clean)
    torch.testing.assert_close(weight, -slope)


@pytest.mark.parametrize("make", [lambda: MinSNRWeighting(most=0), lambda: P2Weighting(offset=-1)])
def test_weights_that_cannot_be_are_refused(make: Callable[[], Weighting]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        make()


def test_the_likelihood_weighs_errors_of_the_score_by_the_squared_diffusion() -> None:
    process, t = PreservingProcess(), torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    level, weighting = process.at(t), LikelihoodWeighting(process=process)
    squared = motion(process, t).diffusion ** 2
    score, noise = TargetPreconditioning(predicts="score"), TargetPreconditioning(predicts="noise")
    torch.testing.assert_close(weighting.weight(level, score), squared)
    # A score is minus the noise over sigma.
    torch.testing.assert_close(weighting.weight(level, noise), squared / level.sigma**2)
