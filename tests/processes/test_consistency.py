"""The preconditioning of consistency models."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning

X = torch.randn(5, 3, dtype=torch.float64)
OUTPUT = torch.randn(5, 3, dtype=torch.float64)
SIGMAS = torch.tensor([[0.01], [0.1], [1.0], [10.0], [80.0]], dtype=torch.float64)
LEVEL = ExplodingProcess().at(SIGMAS)


@pytest.mark.parametrize("least", [0.002, 0.3])
def test_at_the_least_noise_the_input_is_the_answer(least: float) -> None:
    level = ExplodingProcess().at(torch.full_like(SIGMAS, least))
    found = ConsistencyPreconditioning(sigma_min=least).clean(OUTPUT, X, level)
    assert torch.equal(found, X)


def test_without_least_noise_it_is_edms() -> None:
    ours, edm = ConsistencyPreconditioning(sigma_min=0.0, sigma_data=0.7), EDMPreconditioning(sigma_data=0.7)
    torch.testing.assert_close(ours.clean(OUTPUT, X, LEVEL), edm.clean(OUTPUT, X, LEVEL))
    torch.testing.assert_close(ours.weight(LEVEL), edm.weight(LEVEL))


def test_its_target_leads_to_the_clean_sample() -> None:
    preconditioning = ConsistencyPreconditioning()
    noise = torch.randn_like(X)
    target = preconditioning.target(X, noise, LEVEL)
    torch.testing.assert_close(preconditioning.clean(target, X + SIGMAS * noise, LEVEL), X)


def test_the_network_is_told_scaled_logarithms() -> None:
    told = ConsistencyPreconditioning(time_scale=1_000.0).time(LEVEL)
    torch.testing.assert_close(told, 250 * SIGMAS.log())


def test_an_output_of_the_other_sign_means_the_same() -> None:
    plain, turned = ConsistencyPreconditioning(), ConsistencyPreconditioning(reverse=True)
    torch.testing.assert_close(turned.clean(-OUTPUT, X, LEVEL), plain.clean(OUTPUT, X, LEVEL))
