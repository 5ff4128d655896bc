"""Classifier-free guidance."""

from __future__ import annotations

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.guidance.classifier_free import ClassifierFree

LEVEL = DiscreteProcess().at(torch.tensor(500.0))


def _says(value: float, log_variance: Tensor | None = None) -> object:
    def denoise(x: Tensor, level: Level) -> Prediction:
        return Prediction(torch.full_like(x, value), log_variance)

    return denoise


def test_scale_extrapolates() -> None:
    x = torch.randn(2, 1, 2, 2)
    variance = torch.zeros(2)
    for scale, expected in ((0.0, 1.0), (1.0, 3.0), (2.5, 6.0)):
        guided = ClassifierFree(_says(3.0, variance), _says(1.0), scale)  # type: ignore[arg-type]
        found = guided(x, LEVEL)
        torch.testing.assert_close(found.clean, torch.full_like(x, expected))
        assert found.log_variance is variance


def test_what_is_extrapolated_beyond_the_range_is_brought_back() -> None:
    x = torch.randn(2, 1, 2, 2)
    guided = ClassifierFree(_says(3.0), _says(1.0), 2.5, threshold=StaticThreshold())  # type: ignore[arg-type]
    assert (guided(x, LEVEL).clean == 1).all()
