"""Steps of diffusers' scheduler of the variance-exploding equation, on an analytic score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from tests.conformance.adapters.diffusers_ddpm import injected, schedule_of
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _score(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
    sigma = sigma.reshape(-1, 1, 1, 1)
    return -x / (sigma**2 + 1) * (1 + 0.1 * (x / (sigma + 1)).sin())


def corrected(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` after each step of the predictor, its last mean, and tables."""
    schedule = schedule_of(case, "ScoreSdeVeScheduler")
    process, sampler, count = schedule.process, schedule.sampler, case.config["_num_inference_steps"]
    assert isinstance(process, GeometricProcess)
    assert isinstance(sampler, PredictorCorrectorConfig)
    times = schedule.spacing.times(process, count)
    x = process.sigma_max * case.inputs["x_T"].double()
    denoise = NetworkDenoise(_score, schedule.preconditioning, {})
    stages = list(sampler.run(denoise, x, process, times, injected(case)))
    *_, mean = replace(sampler, last_noise=False).run(denoise, x, process, times, injected(case))
    chain = GeometricStepsProcess(steps=count, sigma_min=process.sigma_min, sigma_max=process.sigma_max)
    return {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "final_mean": mean.x.float(),
        "timesteps": times[:-1].float(),
        "sigmas": process.at(times[:-1]).sigma.float(),
        "discrete_sigmas": chain.at(torch.arange(1, count + 1, dtype=torch.float64)).sigma.float(),
        "init_noise_sigma": torch.tensor([process.sigma_max]),
    }


ADAPTERS: dict[str, Compute] = {"diffusers.ScoreSdeVeScheduler": corrected}
