"""SiT's transports on analytic networks, whose time runs towards data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.interop.sit_transport import LAST_STEPS, RATES, LossWeight, PathType, Predicted, Transport
from diorama.processes.gaussian import noised
from diorama.processes.path import noise_of_slope
from diorama.processes.sde import motion, reverse_drift
from diorama.samplers.fixed_steps import Method, integrate
from diorama.samplers.interpolant import InterpolantConfig, interpolant
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_PREDICTED: tuple[Predicted, ...] = ("noise", "score", "velocity")
_WEIGHTS: tuple[LossWeight | None, ...] = (None, "likelihood", "velocity")
_PATHS: tuple[PathType, ...] = ("GVP", "Linear", "VP")


def _over(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *(1,) * (x.dim() - 1))


def transport(case: Case) -> Mapping[str, Tensor]:
    """A path's coefficients, conversions, rates of noise and losses."""
    given = {name: tensor.double() for name, tensor in case.inputs.items()}
    path: PathType = case.config["path"]
    process, t = Transport(path_type=path).process, 1 - given["t"]
    noise, clean, over = given["x0"], given["x1"], _over(t, given["x1"])
    level, (of_clean, of_noise) = process.at(t), process.slopes(t)
    x, moving = noised(clean, noise, process.at(over)), motion(process, over)
    said = 0.3 * x + 0.1
    towards_noise = -said
    noise_said = noise_of_slope(towards_noise, x, process, over)
    rates = {
        name: InterpolantConfig(rate=RATES[name], scale=case.config.get("norm", 1.3)).noise_rate(process, over)
        for name in ("SBDM", "decreasing", "inccreasing-decreasing", "linear", "sigma")
    }
    made = {
        "alpha": level.alpha,
        "sigma": level.sigma,
        "d_alpha": -of_clean,
        "d_sigma": -of_noise,
        "xt": x,
        "ut": -(_over(of_clean, x) * clean + _over(of_noise, x) * noise),
        "drift": moving.rate * x,
        "drift_var": moving.diffusion**2 / 2,
        "noise": noise_said,
        "score": -noise_said / process.at(over).sigma,
        "velocity": -reverse_drift(x, said, moving, flow=True),
        **{f"diffusion_{name}": rate for name, rate in rates.items()},
    }
    for predicted in _PREDICTED:
        for weight in _WEIGHTS:
            made[f"loss_{predicted}_{weight}"] = _loss(
                given, Transport(path_type=path, prediction=predicted, loss_weight=weight)
            )
    return {name: value.float() for name, value in made.items()}


def _loss(given: Mapping[str, Tensor], transport: Transport) -> Tensor:
    clean, noise, process = given["x1"], given["x0"], transport.process
    latest, earliest = transport.training_times()
    t = latest + given["u"] * (earliest - latest)
    over = _over(t, clean)
    level = process.at(over)
    x = noised(clean, noise, level)
    said = 0.4 * x + 0.1 * (1 - over)
    if transport.prediction == "velocity":
        of_clean, of_noise = process.slopes(over)
        return (said + of_clean * clean + of_noise * noise).square().flatten(1).mean(1)
    error = said - noise if transport.prediction == "noise" else level.sigma * said + noise
    return (transport.weight(over) * error.square()).flatten(1).mean(1)


def _slope_of(predicted: Predicted, process: Process) -> Callable[[Tensor, Tensor], Tensor]:
    """The path's slope by our time that the cases' network of velocity or of score implies."""

    def slope(x: Tensor, t: Tensor) -> Tensor:
        if predicted == "velocity":
            return 0.4 * x - 0.2 * (3 * (1 - t)).sin()
        return reverse_drift(x, -0.8 * x + 0.1, motion(process, t), flow=True)

    return slope


def samples(case: Case) -> Mapping[str, Tensor]:
    """Every path, prediction and method, without noise and with it."""
    config = case.config
    z, noise = case.inputs["z"].double(), case.inputs["noise"].double()
    methods: Mapping[str, Method] = {"euler": "euler", "midpoint": "midpoint", "rk4": "kutta38"}
    made: dict[str, Tensor] = {}
    for path in _PATHS:
        for predicted in ("score", "velocity"):
            kind = Transport(path_type=path, prediction=predicted)
            slope = _slope_of(predicted, kind.process)

            def along(t: float, x: Tensor, slope: Callable[[Tensor, Tensor], Tensor] = slope) -> Tensor:
                return slope(x, torch.tensor(t, dtype=torch.float64))

            times = kind.ode_times(config["ode_steps"]).tolist()
            for name, method in methods.items():
                made[f"ode_{path}_{predicted}_{name}"] = list(integrate(along, z, times, method))[-1]
            for last in (None, *LAST_STEPS):
                for heun in (False, True):
                    if (path, predicted, last, heun) == ("Linear", "velocity", None, True):
                        continue  # there the published code divides by 0
                    name = f"sde_{path}_{predicted}_{'Heun' if heun else 'Euler'}_{last}"
                    made[name] = _stochastic(config, kind, slope, (z, noise), last, heun=heun)
    # Where a rate of noise is infinite, both are not finite.
    return {name: value.float() for name, value in made.items() if bool(value.isfinite().all())}


def _stochastic(
    config: Mapping[str, object],
    kind: Transport,
    slope: Callable[[Tensor, Tensor], Tensor],
    draws: tuple[Tensor, Tensor],
    last: str | None,
    *,
    heun: bool,
) -> Tensor:
    z, noise = draws
    form = str(config["diffusion_form"])
    sampler = InterpolantConfig(
        rate=RATES[form],
        scale=float(str(config["diffusion_norm"])),
        heun=heun,
        last=None if last is None else LAST_STEPS[last],
    )
    size = 0.0 if last is None else float(str(config["last_step_size"]))
    times = kind.sde_times(int(str(config["sde_steps"])), diffusion=form, last=size)
    *_, stage = interpolant(slope, z, kind.process, times, lambda i, k=0: noise[i], config=sampler)
    return stage.x


ADAPTERS: dict[str, Compute] = {
    "transport.GVP": transport,
    "transport.Linear": transport,
    "transport.Sampler.sample_ode / sample_sde": samples,
    "transport.VP": transport,
}
