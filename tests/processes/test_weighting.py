"""How much each level counts."""

from __future__ import annotations

import torch

from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import motion
from diorama.processes.weighting import (
    LikelihoodWeighting,
    PreconditionedWeighting,
    TruncatedSNRWeighting,
    UniformWeighting,
)

LEVEL = ExplodingProcess().at(torch.tensor([0.1, 1.0, 5.0]))


def test_weights_of_the_same_levels() -> None:
    edm = EDMPreconditioning()
    assert UniformWeighting().weight(LEVEL, edm).tolist() == [1, 1, 1]
    torch.testing.assert_close(TruncatedSNRWeighting().weight(LEVEL, edm), torch.tensor([100.0, 1, 1]))
    assert torch.equal(PreconditionedWeighting().weight(LEVEL, edm), edm.weight(LEVEL))
    noise = TargetPreconditioning(predicts="noise")
    torch.testing.assert_close(PreconditionedWeighting().weight(LEVEL, noise), torch.tensor([100.0, 1, 0.04]))


def test_the_likelihood_weighs_errors_of_the_score_by_the_squared_diffusion() -> None:
    process, t = PreservingProcess(), torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    level, weighting = process.at(t), LikelihoodWeighting(process=process)
    squared = motion(process, t).diffusion ** 2
    score, noise = TargetPreconditioning(predicts="score"), TargetPreconditioning(predicts="noise")
    torch.testing.assert_close(weighting.weight(level, score), squared)
    # A score is minus the noise over sigma.
    torch.testing.assert_close(weighting.weight(level, noise), squared / level.sigma**2)
