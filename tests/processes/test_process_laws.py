"""What holds for every process."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.paths import CosineProcess, LinearPreservingProcess, PolynomialProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.subpreserving import SubPreservingProcess

PROCESSES: list[Process] = [
    DiscreteProcess(),
    DiscreteProcess(steps=30, betas="cosine"),
    ExplodingProcess(),
    FlowProcess(),
    GeometricProcess(),
    GeometricStepsProcess(steps=30),
    PreservingProcess(),
    SubPreservingProcess(),
    CosineProcess(),
    LinearPreservingProcess(),
    PolynomialProcess(power=0.5),
    PolynomialProcess(power=3.0),
    ExplodingProcess(sigma_max=10, time="variance"),
    PreservingProcess.between(0.01, 80),
    RescaledProcess(of=PreservingProcess()),
    RescaledProcess(of=ExplodingProcess(), keeps="variance"),
    RescaledProcess(of=ExplodingProcess(time="variance"), keeps="variance"),
    ScaledNoiseProcess(),
    ScaledNoiseProcess(of=CosineProcess(), deviation=2.0),
]
by_process = pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)


def _time(process: Process, share: float) -> torch.Tensor:
    return torch.tensor([share * process.end], dtype=torch.float64)


@by_process
@settings(deadline=None)
@given(share=st.floats(0.01, 0.99))
def test_slopes_are_derivatives(process: Process, share: float) -> None:
    t = _time(process, share)
    step = 1e-6 * process.end
    # Across a whole time of a discrete process the slope jumps.
    if isinstance(process, DiscreteProcess | GeometricStepsProcess) and abs(float(t) - round(float(t))) < 1e-3:
        t = t + 0.01
    low, high = process.at(t - step), process.at(t + step)
    alpha, sigma = process.slopes(t)
    torch.testing.assert_close(alpha, (high.alpha - low.alpha) / (2 * step), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(sigma, (high.sigma - low.sigma) / (2 * step), rtol=1e-3, atol=1e-6)


@by_process
@settings(deadline=None)
@given(share=st.floats(0.001, 0.999))
def test_time_of_a_ratio_is_the_inverse(process: Process, share: float) -> None:
    t = _time(process, share)
    level = process.at(t)
    torch.testing.assert_close(process.time_of(level.sigma / level.alpha), t, rtol=1e-8, atol=1e-8)


@by_process
def test_time_zero_is_data_and_the_ratio_grows(process: Process) -> None:
    level = process.at(torch.linspace(0, 1, 101, dtype=torch.float64) * process.end)
    assert (float(level.alpha[0]), float(level.sigma[0])) == (1, 0)
    assert (torch.atan2(level.sigma, level.alpha).diff() > 0).all()


@by_process
def test_the_prior_has_the_scale_of_noisy_data(process: Process) -> None:
    end = torch.tensor(process.end, dtype=torch.float64)
    level = process.at(end)
    # Data of half unit variance, as pictures are: what they add to the noise must not matter.
    scale = (level.alpha**2 * 0.5**2 + level.sigma**2).sqrt()
    assert float(process.prior_scale(end)) == pytest.approx(float(scale), rel=0.02)


def test_data_may_count_in_what_samples_start_with() -> None:
    assert ExplodingProcess(prior_data=1.0).prior_scale(torch.tensor(80.0)).item() == pytest.approx(6401**0.5)
    with pytest.raises(ValueError, match="prior_data"):
        ExplodingProcess(prior_data=-1.0)


@pytest.mark.parametrize(
    "process", [FlowProcess(), CosineProcess(), LinearPreservingProcess(), PolynomialProcess(power=0.5)]
)
def test_pure_noise_is_the_end_of_a_flow(process: Process) -> None:
    level = process.at(torch.tensor(1.0))
    assert (float(level.alpha), float(level.sigma)) == (0, 1)
    assert float(process.time_of(torch.tensor(torch.inf))) == 1


def test_small_times_keep_their_digits() -> None:
    ratio = torch.tensor(1e-9, dtype=torch.float64)
    for process in (CosineProcess(), LinearPreservingProcess(), PolynomialProcess(power=3.0)):
        level = process.at(process.time_of(ratio))
        assert float(level.sigma / level.alpha) == pytest.approx(1e-9, rel=1e-9)
