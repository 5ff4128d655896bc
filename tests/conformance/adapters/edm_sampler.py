"""EDM's sampler on an analytic denoiser, with its noise injected."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.heun import HeunConfig
from tests.conformance.case import Case
from tests.conformance.runner import Compute


class RecordingDenoise:
    """The cases' network, which computes in float32, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        narrow, sigma = x.float(), level.sigma.float()
        self.asked.append((narrow, sigma))
        return Prediction(analytic_denoiser(narrow, sigma).double())


def analytic_denoiser(x: Tensor, sigma: Tensor) -> Tensor:
    """What the cases have for a network."""
    return x * 0.25 / (sigma**2 + 0.25) + 0.1 * (2 * x / (sigma**2 + 1).sqrt()).sin()


def edm_sampler(case: Case) -> Mapping[str, Tensor]:
    """``x`` of ``latents`` and ``noise``, and each call of the network."""
    config, given, denoise = case.config, case.inputs, RecordingDenoise()
    net = {"sigma_min": 0.002, "sigma_max": 80.0} | config.get("_net", {})
    spacing = KarrasSpacing(
        low=max(config.get("sigma_min", 0.002), net["sigma_min"]),
        high=min(config.get("sigma_max", 80.0), net["sigma_max"]),
        rho=config.get("rho", 7.0),
    )
    sampler = HeunConfig(
        churn=config.get("S_churn", 0.0),
        churn_low=config.get("S_min", 0.0),
        churn_high=config.get("S_max", math.inf),
        churn_scale=config.get("S_noise", 1.0),
    )
    # Churn may go above the first level, which the published sampler does not limit.
    process = ExplodingProcess(sigma_max=math.inf)
    times = spacing.times(process, config.get("num_steps", 18))
    x = given["latents"].double() * times[0]
    for stage in sampler.run(denoise, x, process, times, lambda i: given["noise"][i].double()):
        x = stage.x
    calls, sigmas = zip(*denoise.asked, strict=True)
    return {"x": x.float(), "call_x": torch.stack(calls), "call_sigma": torch.stack(sigmas)}


ADAPTERS: dict[str, Compute] = {"generate.edm_sampler": edm_sampler}
