"""Denoisers that are asked in another process."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.change import ChangedProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.paths import CosineProcess
from diorama.processes.preserving import PreservingProcess
from tests.samplers.gaussian_data import best

X = torch.randn(100, dtype=torch.float64)


@pytest.mark.parametrize("new", [FlowProcess(), PreservingProcess(), CosineProcess(), ExplodingProcess()])
@pytest.mark.parametrize("old", [FlowProcess(), PreservingProcess()])
def test_the_best_denoiser_stays_the_best(old: Process, new: Process) -> None:
    level = new.at(torch.tensor(0.6, dtype=torch.float64))
    torch.testing.assert_close(ChangedProcess(best, old)(X, level).clean, best(X, level).clean)


def test_pure_noise_is_asked_as_pure_noise() -> None:
    end = torch.tensor(1.0, dtype=torch.float64)
    found = ChangedProcess(best, FlowProcess())(X, CosineProcess().at(end))
    torch.testing.assert_close(found.clean, best(X, FlowProcess().at(end)).clean)


def test_a_second_time_is_refused() -> None:
    level = replace(FlowProcess().at(torch.tensor(0.5)), until=torch.tensor(0.1))
    with pytest.raises(ValueError, match="until"):
        ChangedProcess(best, FlowProcess())(X, level)
