"""The flow_matching library's paths, change of schedule, solvers and discrete paths, whose time runs towards data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.losses.discrete_flow import generalized_kl
from diorama.processes.change import ChangedProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import noised
from diorama.processes.mixture_path import MixturePath
from diorama.processes.path import clean_of_slope, noise_of_slope
from diorama.processes.paths import CosineProcess, LinearPreservingProcess, PolynomialProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.sde import flow_slope
from diorama.samplers.fixed_steps import Method, even_times, integrate, log_density
from diorama.samplers.runge_kutta import rk45
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def _process(name: str, config: Mapping[str, Any]) -> Process:
    if name.startswith("poly"):
        # poly2 is the power 2, and poly05 the power 0.5.
        digits = name.removeprefix("poly")
        return PolynomialProcess(power=float(f"0.{digits[1:]}" if digits.startswith("0") else digits))
    if name == "vp":
        low, high = config.get("beta_min", 0.1), config.get("beta_max", 20.0)
        return PreservingProcess(beta_min=low, beta_growth=high - low)
    kinds: Mapping[str, Process] = {
        "condot": FlowProcess(),
        "cosine": CosineProcess(),
        "linvp": LinearPreservingProcess(),
    }
    return kinds[name]


def _over(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *(1,) * (x.dim() - 1))


def paths(case: Case) -> Mapping[str, Tensor]:
    """Six paths' coefficients, samples, and what any two quantities say of the others."""
    given = {name: tensor.double() for name, tensor in case.inputs.items()}
    noise, clean, t = given["x0"], given["x1"], 1 - given["t"]
    made: dict[str, Tensor] = {}
    for name in ("condot", "cosine", "linvp", "poly05", "poly2", "vp"):
        process = _process(name, case.config)
        level, slopes, over = process.at(t), process.slopes(t), _over(t, clean)
        x = noised(clean, noise, process.at(over))
        of_clean, of_noise = (_over(slope, clean) for slope in slopes)
        said = 0.3 * x + 0.1

        def towards_data(clean: Tensor, x: Tensor = x, process: Process = process, t: Tensor = over) -> Tensor:
            return -flow_slope(x, clean, process, t)

        broad = process.at(over)
        found = {
            "coef": torch.stack([level.alpha, level.sigma, -slopes[0], -slopes[1]]),
            "xt": x,
            "dxt": -(of_clean * clean + of_noise * noise),
            "eps2v": towards_data((x - broad.sigma * said) / broad.alpha),
            "eps2x1": (x - broad.sigma * said) / broad.alpha,
            "x12v": towards_data(said),
            "x12eps": (x - broad.alpha * said) / broad.sigma,
            "v2x1": clean_of_slope(-said, x, process, over),
            "v2eps": noise_of_slope(-said, x, process, over),
            "snr_inverse": 1 - process.time_of(1 / torch.tensor([0.3, 1.0, 4.0], dtype=torch.float64)),
        }
        made |= {f"{name}_{key}": value.float() for key, value in found.items()}
    return made


def _velocity(x: Tensor, t: Tensor | float) -> Tensor:
    """What the cases have for a network, by time towards the data."""
    wave = torch.sin(3 * t) if isinstance(t, Tensor) else math.sin(3 * t)
    return -0.7 * x + wave * x.cos()


def schedule_transform(case: Case) -> Mapping[str, Tensor]:
    """Velocities of three changes of schedule at three times."""
    z = case.inputs["z"].double()
    made: dict[str, Tensor] = {}
    for name in ("condot_to_cosine", "condot_to_vp", "cosine_to_condot"):
        old, new = (_process(part, case.config) for part in name.split("_to_"))

        def denoise(x: Tensor, level: Level, old: Process = old) -> Prediction:
            return Prediction(clean_of_slope(-_velocity(x, 1 - level.t), x, old, level.t))

        changed = ChangedProcess(denoise, old)
        times = 1 - torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
        slopes = [flow_slope(z, changed(z, new.at(t)).clean, new, t) for t in times]
        made[name] = -torch.stack(slopes).float()
    return made


def _slope(t: float, x: Tensor) -> Tensor:
    return _velocity(x, t)


def ode_solver(case: Case) -> Mapping[str, Tensor]:
    """Samples by each solver, along explicit times, backwards, and their likelihood."""
    z = case.inputs["z"].double()

    def last(times: list[float], method: Method) -> Tensor:
        return list(integrate(_slope, z, times, method))[-1]

    methods: Mapping[str, Method] = {
        "euler": "euler",
        "midpoint": "midpoint",
        "heun2": "heun2",
        "heun3": "heun3",
        "rk4": "kutta38",
    }
    made = {f"{name}_{h}": last(even_times(0, 1, h), m) for name, m in methods.items() for h in (0.1, 0.25)}
    made["euler_grid"] = torch.stack([z, *integrate(_slope, z, [0, 0.2, 0.5, 0.6, 1], "euler")])
    made["midpoint_reverse"] = last(even_times(1, 0, 0.1), "midpoint")
    *_, reached = rk45(_slope, z, 0.0, 1.0)
    made["dopri5"] = reached.y
    values = z.flatten(1)[:, :7]
    made["lik_logp"], made["lik_x0"] = log_density(_slope, values, even_times(1, 0, 0.1), "midpoint", _normal)
    return {name: value.float() for name, value in made.items()}


def _normal(x: Tensor) -> Tensor:
    return -0.5 * (x.square() + math.log(2 * math.pi)).flatten(1).sum(1)


def discrete(case: Case) -> Mapping[str, Tensor]:
    """Mixed tokens, the loss and the velocity."""
    given = case.inputs
    path, t = MixturePath(process=_convex(case.config["scheduler"])), 1 - given["t"].double()
    tokens = path.mixed(given["x0"], given["x1"], t, given["u"].double())
    logits = given["logits"].double()
    return {
        "x_t": tokens,
        "gkl": generalized_kl(path, logits, given["x1"], tokens, t).mean().reshape(1).float(),
        "velocity": path.velocity(logits, tokens, t).float(),
    }


def _convex(name: str) -> FlowProcess | PolynomialProcess:
    kinds: Mapping[str, Callable[[float], FlowProcess | PolynomialProcess]] = {
        "CondOT": lambda _: FlowProcess(),
        "PolynomialConvex": lambda power: PolynomialProcess(power=power),
    }
    found = re.fullmatch(r"(\w+?)(?:Scheduler)?\((?:n=)?([0-9.]*)\)", name if "(" in name else f"{name}()")
    assert found is not None, name
    return kinds[found[1]](float(found[2] or 1))


ADAPTERS: dict[str, Compute] = {
    "flow_matching.path.AffineProbPath + schedulers": paths,
    "flow_matching.path.MixtureDiscreteProbPath, MixturePathGeneralizedKL": discrete,
    "flow_matching.path.scheduler.ScheduleTransformedModel": schedule_transform,
    "flow_matching.solver.ODESolver": ode_solver,
}
