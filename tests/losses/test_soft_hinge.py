"""Hinge losses with drawn margins."""

from __future__ import annotations

import pytest
import torch

from diorama.losses.adversarial import hinge
from diorama.losses.soft_hinge import soft_hinge


@pytest.mark.parametrize("real", [True, False])
def test_with_margins_of_one_it_is_the_hinge_loss(real: bool) -> None:
    logits = torch.randn(50, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(soft_hinge(logits, real=real, least=1.0), hinge(logits, real=real))


def test_margins_are_uniform_and_no_logit_beyond_one_is_punished() -> None:
    torch.manual_seed(0)
    zeros = torch.zeros(20_000)
    assert soft_hinge(zeros, real=True).item() == pytest.approx(0.9, abs=2e-3)
    assert soft_hinge(zeros, real=False).item() == pytest.approx(0.9, abs=2e-3)
    assert soft_hinge(zeros + 1, real=True) == 0
    assert soft_hinge(zeros - 1, real=False) == 0
    assert soft_hinge(zeros + 0.9, real=True) > 0
