"""Two of clean sample, noise, sample and slope give the others."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Process
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import noised
from diorama.processes.path import clean_of_slope, noise_of_slope
from diorama.processes.paths import CosineProcess, LinearPreservingProcess, PolynomialProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import flow_slope

PROCESSES = [
    FlowProcess(),
    CosineProcess(),
    LinearPreservingProcess(),
    PolynomialProcess(power=2.0),
    PreservingProcess(),
]
CLEAN, NOISE = (torch.randn(50, generator=torch.Generator().manual_seed(i), dtype=torch.float64) for i in (0, 1))


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
@settings(deadline=None)
@given(share=st.floats(0.001, 0.999))
def test_a_slope_goes_there_and_back(process: Process, share: float) -> None:
    t = torch.tensor(share, dtype=torch.float64)
    x = noised(CLEAN, NOISE, process.at(t))
    slope = flow_slope(x, CLEAN, process, t)
    torch.testing.assert_close(clean_of_slope(slope, x, process, t), CLEAN, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(noise_of_slope(slope, x, process, t), NOISE, rtol=1e-9, atol=1e-9)


def test_the_noise_of_a_straight_path_is_known_also_at_clean_data() -> None:
    slope = NOISE - CLEAN
    found = noise_of_slope(slope, CLEAN, FlowProcess(), torch.tensor(0.0, dtype=torch.float64))
    torch.testing.assert_close(found, NOISE)


def test_a_sample_of_noise_alone_is_its_noise_though_its_path_stands_still() -> None:
    end = torch.tensor(1.0, dtype=torch.float64)
    for process in (FlowProcess(), PolynomialProcess(), PolynomialProcess(power=3.0)):
        of_clean, of_noise = process.slopes(end)
        slope = of_clean * CLEAN + of_noise * NOISE
        torch.testing.assert_close(noise_of_slope(slope, NOISE, process, end), NOISE)
