"""DDRM, DPS and ΠGDM on data whose best denoiser is known."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import UniformSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.dpm_solver import DPMSolverConfig
from diorama.samplers.inverse.blur import BlurConfig
from diorama.samplers.inverse.ddrm import DDRMConfig
from diorama.samplers.inverse.dps import DPSConfig
from diorama.samplers.inverse.fourier import MRIConfig
from diorama.samplers.inverse.measurement import Measurement
from diorama.samplers.inverse.operator import Operator
from diorama.samplers.inverse.pigdm import PiGDMConfig, PseudoInverseGuided
from diorama.samplers.inverse.pixels import DownConfig, MaskConfig
from diorama.samplers.inverse.radon import CTConfig

SHAPE = (1, 8, 8)
MEAN = 0.3
LIKE = torch.zeros(())
PROCESSES: tuple[Process, ...] = (PreservingProcess(), FlowProcess(), ExplodingProcess())
OPERATORS: tuple[Any, ...] = (
    MRIConfig(acceleration=2, centre=0.2), CTConfig(angles=4), BlurConfig(sigma=1.0), DownConfig(factor=2)
)  # fmt: skip


def best(deviation: float) -> Denoise:
    """E[clean | x] for independent pixels of N(MEAN, deviation²)."""

    def denoise(x: Tensor, level: Level) -> Prediction:
        alpha, sigma = level.alpha.to(x), level.sigma.to(x)
        gain = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
        return Prediction(MEAN + gain * (x - alpha * MEAN))

    return denoise


def draws(count: int) -> DrawNoise:
    def noise(i: int, k: int = 0) -> Tensor:
        return torch.randn((count, *SHAPE), generator=torch.Generator().manual_seed(1 + 1_000 * k + i))

    return noise


def drawn(
    method: Any, measurement: Measurement, process: Process, *, deviation: float, count: int = 2_000, steps: int = 50,
    sampler: Any = None,
) -> Tensor:  # fmt: skip
    times = UniformSpacing().times(process, steps)
    noise = torch.randn((count, *SHAPE), generator=torch.Generator().manual_seed(0))
    x = process.prior_scale(times[0]).float() * noise
    stages = method.run(
        best(deviation), x, process, times, draws(count), sampler=sampler or DDIMConfig(), measurement=measurement
    )
    (last,) = deque(stages, maxlen=1)
    return last.x


def truth() -> Tensor:
    return MEAN + torch.randn((1, *SHAPE), generator=torch.Generator().manual_seed(5))


def posterior_mean(operator: Operator, y: Tensor, noise: float) -> Tensor:
    """For independent pixels of N(MEAN, 1), by the matrix of the operator itself."""
    unit = torch.eye(64).reshape(64, *SHAPE)
    matrix = operator.forward(unit).flatten(1).double().t()
    mean = torch.full((64,), MEAN, dtype=torch.float64)
    gram = matrix @ matrix.t() + max(noise, 1e-4) ** 2 * torch.eye(len(matrix), dtype=torch.float64)
    found = mean + matrix.t() @ torch.linalg.solve(gram, y.flatten().double() - matrix @ mean)
    return found.reshape(1, *SHAPE).float()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("config", OPERATORS)
def test_ddrm_holds_what_was_measured_and_leaves_the_rest_to_the_data(process: Process, config: Any) -> None:
    operator = config.build(SHAPE, LIKE)
    y = operator.forward(truth())
    samples = drawn(DDRMConfig(), Measurement(operator=operator, y=y), process, deviation=1.0)
    told = operator.measured(y)
    torch.testing.assert_close(operator.coefficients(samples), told.expand(2_000, *told.shape[1:]), rtol=0, atol=2e-3)
    # Of independent normal pixels the posterior mean is the prior's beside what is known, and this is exact.
    prior = torch.full((1, *SHAPE), MEAN)
    expected = operator.pseudo_inverse(y) + prior - operator.combined(operator.coefficients(prior))
    torch.testing.assert_close(samples.mean(0, keepdim=True), expected, rtol=0, atol=0.1)


def test_ddrm_trusts_a_noisy_measurement_as_far_as_its_noise_allows() -> None:
    known = torch.zeros(8, 8, dtype=torch.bool)
    known[:4] = True
    operator = MaskConfig().build(SHAPE, LIKE, ~known)
    noise = 0.5
    y = operator.forward(truth())
    y = y + noise * torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    samples = drawn(
        DDRMConfig(), Measurement(operator=operator, y=y, deviation=noise), PreservingProcess(), deviation=1.0
    )
    mean = operator.forward(samples.mean(0, keepdim=True))
    shrunk = (y - MEAN) / (1 + noise**2)
    # The posterior mean pulls each pixel towards the prior's; DDRM does so nearly.
    slope = ((mean - MEAN) * shrunk).sum() / shrunk.square().sum()
    assert 0.85 < slope < 1.3
    assert (mean - MEAN - shrunk).abs().mean() < (y - MEAN - shrunk).abs().mean()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("config", OPERATORS)
def test_pigdm_draws_from_the_posterior_of_normal_data(process: Process, config: Any) -> None:
    operator, noise = config.build(SHAPE, LIKE), 0.3
    y = operator.forward(truth())
    y = y + noise * torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    measurement = Measurement(operator=operator, y=y, deviation=noise)
    samples = drawn(PiGDMConfig(), measurement, process, deviation=1.0, steps=100)
    torch.testing.assert_close(samples.mean(0, keepdim=True), posterior_mean(operator, y, noise), rtol=0, atol=0.1)


def test_pigdm_keeps_the_range_of_a_denoiser_that_limits_its_clean_samples() -> None:
    operator = DownConfig(factor=2).build(SHAPE, LIKE)

    def limited(x: Tensor, level: Level) -> Prediction:
        found = best(1.0)(x, level).clean
        return Prediction(found.clamp(-1, 1), unclipped=found)

    measurement = Measurement(operator=operator, y=torch.full((1, 1, 4, 4), 5.0))
    level = PreservingProcess().at(torch.tensor(0.5, dtype=torch.float64))
    x = torch.zeros(1, *SHAPE)
    assert PseudoInverseGuided(best(1.0), measurement, PiGDMConfig())(x, level).clean.max() > 1
    assert PseudoInverseGuided(limited, measurement, PiGDMConfig())(x, level).clean.abs().max() <= 1


def test_pigdm_serves_samplers_of_every_kind() -> None:
    operator, noise = DownConfig(factor=2).build(SHAPE, LIKE), 0.3
    y = operator.forward(truth())
    measurement = Measurement(operator=operator, y=y, deviation=noise)
    expected = posterior_mean(operator, y, noise)
    for sampler in (AncestralConfig(), DPMSolverConfig()):
        samples = drawn(PiGDMConfig(), measurement, PreservingProcess(), deviation=1.0, sampler=sampler, steps=100)
        torch.testing.assert_close(samples.mean(0, keepdim=True), expected, rtol=0, atol=0.1)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("config", OPERATORS)
def test_dps_lowers_the_measurement_error(process: Process, config: Any) -> None:
    operator = config.build(SHAPE, LIKE)
    y = operator.forward(truth())
    measurement = Measurement(operator=operator, y=y)
    plain, pulled = (
        float((operator.forward(_few(DPSConfig(step=step), measurement, process)) - y).norm()) for step in (1e-6, 1.0)
    )
    assert pulled < 0.7 * plain


def _few(method: DPSConfig, measurement: Measurement, process: Process) -> Tensor:
    return drawn(method, measurement, process, deviation=1.0, count=4, steps=200)


def test_methods_and_samplers_that_cannot_are_refused() -> None:
    operator = DownConfig(factor=2).build(SHAPE, LIKE)
    measurement = Measurement(operator=operator, y=operator.forward(truth()))
    with pytest.raises(ValueError, match="does not take its steps one at a time"):
        drawn(DPSConfig(), measurement, PreservingProcess(), deviation=1.0, count=1, sampler=DPMSolverConfig())
    for make, message in (
        (lambda: DDRMConfig(eta=2), "eta must be in"),
        (lambda: DPSConfig(step=0), "step must be above 0"),
        (lambda: PiGDMConfig(deviation=-1), "deviation must be above 0"),
        (lambda: Measurement(operator=operator, y=measurement.y, deviation=-1), "noise must not be negative"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
