"""Score SDEs: equations, predictor-corrector runs, the probability-flow solver and its likelihood, on analytic scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction
from diorama.interop.score_sde_schedule import EquationArguments, SamplingArguments
from diorama.processes.gaussian import clean_of
from diorama.processes.sde import chain_step, motion, prior_log_density, reverse_drift
from diorama.samplers.likelihood import draw_probe, flow_likelihood
from diorama.samplers.ode import FlowPath
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.samplers.runge_kutta import rk45
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_EQUATIONS = {"VP": "vpsde", "subVP": "subvpsde", "VE": "vesde"}


def equation_of_case(kind: str, given: Mapping[str, Any], *, continuous: bool = True) -> EquationArguments:
    """The published equation with the arguments of its class."""
    numbers = {"num_scales" if name == "N" else name: value for name, value in given.items()}
    return EquationArguments(sde=_EQUATIONS[kind], continuous=continuous, **numbers)  # type: ignore[arg-type]


def functions(case: Case, kind: str) -> Mapping[str, Tensor]:
    """Marginals, drift and diffusion, the chain's steps, the prior, and all of them backwards."""
    x, t = case.inputs["x"], case.inputs["t"]
    equation = equation_of_case(kind, case.config)
    process, count, wide = equation.process(), equation.num_scales, (-1, 1, 1, 1)
    score = -0.7 * x + 0.1 * torch.sin(3 * x) * t.reshape(wide)
    exact = t.double()
    level, moving, step = process.at(exact), motion(process, exact), chain_step(process, exact, count)
    rows = type(moving)(*(value.reshape(wide) for value in moving))
    keep, variance = (value.float().reshape(wide) for value in (step.keep, step.variance))
    return {
        "mean": level.alpha.float().reshape(wide) * x,
        "std": level.sigma.float(),
        "drift": rows.rate.float() * x,
        "diffusion": moving.diffusion.float(),
        "disc_f": (keep - 1) * x,
        "disc_G": step.variance.sqrt().float(),
        "prior_logp": prior_log_density(process, x),
        "rev_drift": reverse_drift(x, score, rows),
        "rev_diffusion": moving.diffusion.float(),
        "pf_drift": reverse_drift(x, score, rows, flow=True),
        "rev_f": (keep - 1) * x - variance * score,
        "rev_G": step.variance.sqrt().float(),
        "pf_f": (keep - 1) * x - 0.5 * variance * score,
    }


class AnalyticDenoise:
    """The cases' networks as denoisers, and what samples they were asked about."""

    def __init__(self, equation: EquationArguments) -> None:
        self.equation = equation
        self.asked: list[Tensor] = []

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        self.asked.append(x)
        output = self._network(x.float(), level).to(x.dtype)
        target = "score" if self.equation.sde == "vesde" else "noise"
        return Prediction(clean_of(target, output, x, level))

    def _network(self, x: Tensor, level: Level) -> Tensor:
        equation = self.equation
        if equation.sde != "vesde":
            label = level.t - 1 if equation.chained else 999 * level.t
            return 0.6 * x + 0.2 * torch.sin(2 * x) + 0.1 * math.sin(label.item() / 300)
        if equation.chained:
            label, last = torch.round(equation.num_scales - level.t).item(), equation.num_scales - 1
            sigma = equation.sigma_max * (equation.sigma_min / equation.sigma_max) ** (label / last)
            return -x / (1 + sigma**2)
        sigma = level.sigma.item()
        return -x / (sigma**2 + 1) * (1 + 0.1 * torch.sin(x / (sigma + 1)))


def predictor_corrector(case: Case) -> Mapping[str, Tensor]:
    """``trajectory``, before and after each step of the predictor, and ``x``, of ``x_T`` and ``noise``."""
    config, given = case.config, case.inputs
    equation = equation_of_case(config["sde"], config["sde_kwargs"], continuous=config["continuous"])
    arguments = SamplingArguments(
        predictor=config["predictor"],
        corrector=config["corrector"],
        snr=config["snr"],
        n_steps_each=config["n_steps"],
        noise_removal=config["denoise"],
        probability_flow=config.get("probability_flow", False),
    )
    sampler = arguments.sampler(equation)
    assert isinstance(sampler, PredictorCorrectorConfig)
    corrections = 0
    if sampler.corrector is not None:
        sampler = replace(sampler, corrector=replace(sampler.corrector, over="batch"))
        corrections = arguments.n_steps_each
    draws = corrections + (sampler.predictor != "none")
    process, start = equation.process(), given["x_T"].double()
    times = equation.spacing(config["eps"]).times(process, equation.num_scales)
    denoise, trajectory = AnalyticDenoise(equation), [start]

    def noise(i: int, k: int = 0) -> Tensor:
        return given["noise"][i * draws + k].double()

    for stage in replace(sampler, last_noise=True).run(denoise, start, process, times, noise):
        trajectory += [stage.x if sampler.predictor == "none" else denoise.asked[-1], stage.x]
    *_, last = sampler.run(denoise, start, process, times, noise)
    return {"trajectory": torch.stack(trajectory).float(), "x": last.x.float()}


def likelihood(case: Case) -> Mapping[str, Tensor]:
    """``bpd``, ``z`` and ``nfe`` of ``data``, and ``ode_sample`` of ``z_T``."""
    config, given = case.config, case.inputs
    process = equation_of_case(config["sde"], config["sde_kwargs"]).process()
    denoise = _normal_data(config["mu"], config["c2"])
    probe = draw_probe("normal" if config["hutchinson"] == "Gaussian" else "signs", given["epsilon"]).double()
    tolerance = {"relative": config["rtol"], "absolute": config["atol"]}
    data = given["data"].double()
    found = flow_likelihood(denoise, data, process, probe, start=config["eps_likelihood"], **tolerance)
    bits = -found.log_density / (math.log(2) * data[0].numel())
    path = FlowPath(denoise, process, torch.float64)
    *_, drawn = rk45(path, given["z_T"].double(), process.end, config["eps_sampler"], **tolerance)
    return {
        # Values in [-1, 1] of 8 bits are 2^-7 apart, as the published code counts.
        "bpd": (bits + 7).float(),
        "z": found.latent.float(),
        "nfe": torch.tensor([found.calls, drawn.calls]),
        "ode_sample": drawn.y.float(),
    }


def _normal_data(mean: float, variance: float) -> Denoise:
    """What the best network, which computes in float32, says of pixels of N(mean, variance)."""

    def denoise(x: Tensor, level: Level) -> Prediction:
        score = -(x.float() - level.alpha * mean) / (level.alpha**2 * variance + level.sigma**2)
        return Prediction(clean_of("score", score, x, level))

    return denoise


_PREDICTORS = ("reverse_diffusion", "ancestral_sampling", "euler_maruyama", "none")
_RUNS = product(_EQUATIONS, _PREDICTORS, ("langevin", "ald", "none"))

ADAPTERS: dict[str, Compute] = (
    {f"sde_lib.{kind}SDE": partial(functions, kind=kind) for kind in _EQUATIONS}
    | {f"sampling.get_pc_sampler({kind}SDE, {down}, {at})": predictor_corrector for kind, down, at in _RUNS}
    | {"likelihood.get_likelihood_fn, sampling.get_ode_sampler": likelihood}
)
