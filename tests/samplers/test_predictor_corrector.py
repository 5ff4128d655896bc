"""Predictor-corrector sampling on data whose best denoiser is known."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.reverse import Variance
from diorama.processes.spacing import StepSpacing
from diorama.processes.subpreserving import SubPreservingProcess
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.ancestral import AncestralConfig, ancestral
from diorama.samplers.ddim import ddim
from diorama.samplers.langevin import LangevinConfig
from diorama.samplers.predictor_corrector import Predictor, PredictorCorrectorConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

SHAPE = (16, 16, 16)
"""Of so many pixels each that the lengths of a sample's score and noise, which size its steps, hardly vary."""
CORRECTORS = [None, LangevinConfig(), LangevinConfig(size="deviation", steps=2), LangevinConfig(over="batch")]


def _drawn(process: Process, config: PredictorCorrectorConfig, steps: int = 100, last: float = 1e-3) -> torch.Tensor:
    times = TruncatedSpacing(last=last).times(process, steps)
    generator = torch.Generator().manual_seed(5)
    x = process.prior_scale(times[0]) * torch.randn(SHAPE, generator=generator)
    *_, stage = config.run(best, x, process, times, Draws(SHAPE))
    return stage.x


@pytest.mark.parametrize("process", [GeometricProcess(), PreservingProcess(), SubPreservingProcess()])
@pytest.mark.parametrize("predictor", ["reverse_diffusion", "ancestral", "euler_maruyama", "ddim"])
@pytest.mark.parametrize("corrector", CORRECTORS)
@pytest.mark.parametrize("chain", [False, True])
def test_any_predictor_with_any_corrector_draws_the_data(
    process: Process, predictor: Predictor, corrector: LangevinConfig | None, chain: bool
) -> None:
    config = PredictorCorrectorConfig(predictor=predictor, corrector=corrector, chain=chain)
    if chain and predictor == "ancestral" and isinstance(process, SubPreservingProcess):
        with pytest.raises(ValueError, match="no posterior is known"):
            _drawn(process, config)
        return
    samples = _drawn(process, config)
    assert float(samples.mean()) == pytest.approx(MEAN, abs=0.06)
    assert float(samples.std()) == pytest.approx(DEVIATION, abs=0.08)


def test_the_flow_draws_no_noise_and_meets_the_data_too() -> None:
    config = PredictorCorrectorConfig(predictor="euler_maruyama", corrector=None, flow=True)
    times, draws = TruncatedSpacing(last=1e-3).times(PreservingProcess(), 400), Draws(SHAPE)
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(5))
    *_, stage = config.run(best, x, PreservingProcess(), times, draws)
    assert not draws.asked
    assert float(stage.x.std()) == pytest.approx(DEVIATION, abs=0.08)


def test_without_a_corrector_the_ancestral_predictor_is_ancestral_sampling() -> None:
    process = DiscreteProcess(steps=40, first=0.001, last=0.3)
    times, x = StepSpacing().times(process, None), torch.randn(SHAPE, dtype=torch.float64)
    variances: tuple[Variance, ...] = ("small", "large")
    for variance in variances:
        config = PredictorCorrectorConfig(predictor="ancestral", corrector=None, variance=variance)
        found = [stage.x for stage in config.run(best, x, process, times, Draws(SHAPE))]
        walk = ancestral(best, x, process, times, Draws(SHAPE), config=AncestralConfig(variance=variance))
        wanted = [stage.x for stage in walk]
        torch.testing.assert_close(torch.stack(found), torch.stack(wanted))


def test_without_a_corrector_the_ddim_predictor_is_ddim() -> None:
    process = PreservingProcess()
    times, x = TruncatedSpacing(last=1e-3).times(process, 20), torch.randn(SHAPE, dtype=torch.float64)
    config, draws = PredictorCorrectorConfig(predictor="ddim", corrector=None), Draws(SHAPE)
    found = [stage.x for stage in config.run(best, x, process, times, draws)]
    assert not draws.asked
    torch.testing.assert_close(torch.stack(found), torch.stack([s.x for s in ddim(best, x, process, times, draws)]))


def test_steps_of_a_chain_are_the_steps_between_its_levels() -> None:
    for process in (DiscreteProcess(steps=30, last=0.3), GeometricStepsProcess(steps=30)):
        times, x = StepSpacing().times(process, None), 3 * torch.randn(SHAPE, dtype=torch.float64)
        runs = []
        for chain in (False, True):
            config = PredictorCorrectorConfig(corrector=LangevinConfig(), chain=chain)
            runs.append(torch.stack([stage.x for stage in config.run(best, x, process, times, Draws(SHAPE))]))
        torch.testing.assert_close(runs[0], runs[1])


def test_the_corrector_alone_brings_samples_to_their_level() -> None:
    process = PreservingProcess()
    config = PredictorCorrectorConfig(predictor="none", corrector=LangevinConfig(snr=0.3, steps=3))
    samples = _drawn(process, config, steps=100, last=0.2)
    level = process.at(torch.tensor(0.2))
    assert float(samples.std()) == pytest.approx(
        float((level.alpha**2 * DEVIATION**2 + level.sigma**2) ** 0.5), abs=0.15
    )


@pytest.mark.parametrize("over", ["sample", "batch"])
def test_a_sample_depends_on_those_beside_it_only_where_the_batch_is_asked_for(over: str) -> None:
    config = PredictorCorrectorConfig(corrector=LangevinConfig(over=over))  # type: ignore[arg-type]
    process, draws = GeometricProcess(), Draws(SHAPE)
    times = TruncatedSpacing(last=1e-5).times(process, 10)
    x = 50 * torch.randn(SHAPE)
    *_, whole = config.run(best, x, process, times, draws)
    *_, part = config.run(best, x[:3], process, times, lambda i, k=0: draws(i, k)[:3])
    assert torch.allclose(part.x, whole.x[:3], rtol=1e-5, atol=1e-5) == (over == "sample")


def test_noise_is_drawn_in_the_last_step_where_it_is_asked_for() -> None:
    process = PreservingProcess()
    plain, noisy = (
        _drawn(process, PredictorCorrectorConfig(corrector=None, last_noise=last), steps=20) for last in (False, True)
    )
    assert not torch.equal(plain, noisy)


def test_settings_that_cannot_be_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="predictor, corrector: one of them"):
        PredictorCorrectorConfig(predictor="none", corrector=None)
    for predictor in set(get_args(Predictor)) - {"reverse_diffusion", "euler_maruyama"}:
        with pytest.raises(ValueError, match="has no probability-flow form"):
            PredictorCorrectorConfig(predictor=predictor, flow=True)
    with pytest.raises(ValueError, match="snr must be positive"):
        LangevinConfig(snr=0.0)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        LangevinConfig(steps=0)
