"""How much each level counts."""

from __future__ import annotations

import torch

from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.weighting import PreconditionedWeighting, SNRWeighting, TruncatedSNRWeighting, UniformWeighting

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
