"""The samplers of EDM and EDM2 on analytic denoisers, with their noise injected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction, Process
from diorama.interop.edm_iddpm import published_steps
from diorama.processes.catalog import AnySpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.earlier_spacings import PreservingSpacing, TableSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.guidance.base import Guided
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.heun import HeunConfig
from tests.conformance.case import Case
from tests.conformance.runner import Compute

Function = Callable[[Tensor, Tensor], Tensor]


class RecordingDenoise:
    """A network of the cases, which computes in float32, and what it was asked."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.asked: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        narrow, sigma = (x / level.alpha).float(), (level.sigma / level.alpha).float()
        self.asked.append((narrow, sigma))
        return Prediction(self.function(narrow, sigma).double())

    def outputs(self) -> dict[str, Tensor]:
        """``call_x`` and ``call_sigma``."""
        calls, sigmas = zip(*self.asked, strict=True)
        return {"call_x": torch.stack(calls), "call_sigma": torch.stack(sigmas)}


def analytic_denoiser(x: Tensor, sigma: Tensor) -> Tensor:
    """What the cases have for a network."""
    return x * 0.25 / (sigma**2 + 0.25) + 0.1 * (2 * x / (sigma**2 + 1).sqrt()).sin()


def weaker_denoiser(x: Tensor, sigma: Tensor) -> Tensor:
    """What the cases of guidance have for the network that is led away from."""
    return x * 0.5 / (sigma**2 + 0.5) - 0.05 * (x / (sigma**2 + 1).sqrt()).cos()


def edm_sampler(case: Case) -> Mapping[str, Tensor]:
    """``x`` of ``latents`` and ``noise``, and each call of the network."""
    low, high = _range(case.config, 0.002, 80.0)
    denoise, times = RecordingDenoise(analytic_denoiser), _karras(case.config, low, high)
    draws, latents = case.inputs["noise"], case.inputs["latents"]
    x = _last(_heun(case.config), denoise, latents, ExplodingProcess(), times, lambda i: draws[i])
    return {"x": x, **denoise.outputs()}


def guided_sampler(case: Case) -> Mapping[str, Tensor]:
    """``x`` of ``noise``, and of ``step_noise`` where noise is stirred in."""
    config, given = case.config, case.inputs
    net, weaker = RecordingDenoise(analytic_denoiser), RecordingDenoise(weaker_denoiser)
    scale = config.get("guidance", 1.0)
    kind, clean = ClassifierFreeGuidance(), TargetPreconditioning(predicts="clean")
    guided = Guided(net, weaker, kind, scale, preconditioning=clean)
    denoise: Denoise = net if scale == 1 else guided
    times = _karras(config, config.get("sigma_min", 0.002), config.get("sigma_max", 80.0), steps=32)
    # Drawn where it is needed alone, so that draws are numbered apart from steps.
    draws = iter(given.get("step_noise", ()))
    return {"x": _last(_heun(config), denoise, given["noise"], ExplodingProcess(), times, lambda i: next(draws))}


def ablation_sampler(case: Case) -> Mapping[str, Tensor]:
    """``x`` of ``latents`` and ``noise``, and each call of the network."""
    config, denoise = case.config, RecordingDenoise(analytic_denoiser)
    spacing, process = _discretized(config)
    sampler = replace(
        _heun(config), corrected=config.get("solver", "heun") == "heun", second=config.get("alpha", 1.0), last="slope"
    )
    times = spacing.times(process, config.get("num_steps", 18))
    draws, latents = case.inputs["noise"], case.inputs["latents"]
    return {"x": _last(sampler, denoise, latents, process, times, lambda i: draws[i]), **denoise.outputs()}


def _discretized(config: Mapping[str, Any]) -> tuple[AnySpacing, RescaledProcess]:
    """The levels that are visited, and the process whose time a step is straight in."""
    discretization, first = config.get("discretization", "edm"), config.get("epsilon_s", 1e-3)
    vp = PreservingProcess().at(torch.tensor([first, 1.0], dtype=torch.float64))
    ends = {"vp": (vp.sigma / vp.alpha).tolist(), "ve": (0.02, 100.0), "iddpm": (0.002, 81.0), "edm": (0.002, 80.0)}
    low, high = _range(config, *ends[discretization])
    spacings: Mapping[str, Callable[[], AnySpacing]] = {
        "vp": lambda: PreservingSpacing(low=low, high=high, last=first),
        "ve": lambda: KarrasSpacing(low=low, high=high, rho=math.inf),
        "iddpm": lambda: TableSpacing(low=low, high=high, of=_steps(config)),
        "edm": lambda: KarrasSpacing(low=low, high=high, rho=config.get("rho", 7.0)),
    }
    schedules: Mapping[str, Callable[[], ExplodingProcess | PreservingProcess]] = {
        "vp": lambda: PreservingProcess.between(low, high, first),
        "ve": lambda: ExplodingProcess(time="variance"),
        "linear": ExplodingProcess,
    }
    keeps = {"vp": "variance", "none": "data"}[config.get("scaling", "none")]
    return spacings[discretization](), RescaledProcess(of=schedules[config.get("schedule", "linear")](), keeps=keeps)


def _steps(config: Mapping[str, Any]) -> DiscreteProcess:
    return published_steps(config.get("M", 1000), offset=config.get("C_2", 0.008), least=config.get("C_1", 0.001))


def _range(config: Mapping[str, Any], low: float, high: float) -> tuple[float, float]:
    """The noise levels of a walk: those asked for, within those of the network."""
    net = {"sigma_min": 0.002, "sigma_max": 80.0} | config.get("_net", {})
    asked = {name: value for name, value in config.items() if value is not None}
    return max(asked.get("sigma_min", low), net["sigma_min"]), min(asked.get("sigma_max", high), net["sigma_max"])


def _karras(config: Mapping[str, Any], low: float, high: float, steps: int = 18) -> Tensor:
    spacing = KarrasSpacing(low=low, high=high, rho=config.get("rho", 7.0))
    return spacing.times(ExplodingProcess(), config.get("num_steps", steps))


def _heun(config: Mapping[str, Any]) -> HeunConfig:
    return HeunConfig(
        churn=config.get("S_churn", 0.0),
        churn_low=config.get("S_min", 0.0),
        churn_high=config.get("S_max", math.inf),
        churn_scale=config.get("S_noise", 1.0),
        churn_beyond=True,
    )


def _last(
    sampler: HeunConfig, denoise: Denoise, noise: Tensor, process: Process, times: Tensor, draw: Callable[[int], Tensor]
) -> Tensor:
    """The sample at the end of a walk in float64."""
    x = noise.double() * process.at(times[0]).sigma
    *_, stage = sampler.run(denoise, x, process, times, lambda i, k=0: draw(i).double())
    return stage.x.float()


ADAPTERS: dict[str, Compute] = {
    "generate.ablation_sampler": ablation_sampler,
    "generate.edm_sampler": edm_sampler,
    "generate_images.edm_sampler": guided_sampler,
}
