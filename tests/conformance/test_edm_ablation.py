"""EDM's ablation sampler over its whole space of settings, against the equations of its paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.conformance.adapters.edm_sampler import ablation_sampler, analytic_denoiser
from tests.conformance.case import Case
from tests.conformance.runner import relative_error

SHAPE = (2, 1, 3, 3)


@dataclass
class Schedule:
    """sigma(t), its derivative and its inverse."""

    sigma: Callable[[float], float]
    slope: Callable[[float], float]
    time: Callable[[float], float]


def _schedule(kind: str, low: float, high: float, first: float) -> Schedule:
    """Table 1 of arXiv:2206.00364, with the rates of VP fitted to the ends."""
    if kind == "linear":
        return Schedule(lambda t: t, lambda t: 1.0, lambda s: s)
    if kind == "ve":
        return Schedule(math.sqrt, lambda t: 0.5 / math.sqrt(t), lambda s: s**2)
    a, b = math.log(low**2 + 1), math.log(high**2 + 1)
    growth = 2 * (a / first - b) / (first - 1)
    least = b - growth / 2

    def sigma(t: float) -> float:
        return math.sqrt(max(math.exp(growth * t**2 / 2 + least * t) - 1, 0))

    return Schedule(
        sigma,
        lambda t: (least + growth * t) / 2 * (sigma(t) + 1 / sigma(t)),
        lambda s: (math.sqrt(least**2 + 2 * growth * math.log(s**2 + 1)) - least) / growth,
    )


def _levels(config: dict[str, Any], low: float, high: float) -> list[float]:
    count, first = config["num_steps"], config["epsilon_s"]
    shares = [i / (count - 1) for i in range(count)]
    if config["discretization"] == "vp":
        vp = _schedule("vp", low, high, first)
        return [vp.sigma(1 + share * (first - 1)) for share in shares]
    if config["discretization"] == "ve":
        return [math.sqrt(high**2 * (low**2 / high**2) ** share) for share in shares]
    if config["discretization"] == "edm":
        ends = high ** (1 / config["rho"]), low ** (1 / config["rho"])
        return [(ends[0] + share * (ends[1] - ends[0])) ** config["rho"] for share in shares]
    steps = config["M"]

    def signal(j: int) -> Tensor:
        return (0.5 * math.pi * torch.tensor(j) / steps / (config["C_2"] + 1)).sin() ** 2

    u = [0.0]
    for j in range(steps, 0, -1):
        kept = max((signal(j - 1) / signal(j)).item(), config["C_1"])
        u.insert(0, math.sqrt((u[0] ** 2 + 1) / kept - 1))
    within = [level for level in u if low <= level <= high]
    return [within[round((len(within) - 1) / (count - 1) * i)] for i in range(count)]


def _walk(config: dict[str, Any], latents: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """Algorithms 1 to 3 of the paper in one."""
    low, high = config["sigma_min"], config["sigma_max"]
    schedule = _schedule(config["schedule"], low, high, config["epsilon_s"])
    scaled = config["scaling"] == "vp"

    def scale(t: float) -> float:
        return (1 + schedule.sigma(t) ** 2) ** -0.5 if scaled else 1.0

    calls: list[tuple[Tensor, float]] = []

    def slope(x: Tensor, t: float) -> Tensor:
        sigma, s = schedule.sigma(t), scale(t)
        s_slope = -sigma * schedule.slope(t) * s**3 if scaled else 0.0
        calls.append(((x / s).float(), sigma))
        clean = analytic_denoiser((x / s).float(), torch.tensor(sigma, dtype=torch.float32)).double()
        return (schedule.slope(t) / sigma + s_slope / s) * x - schedule.slope(t) * s / sigma * clean

    times = [schedule.time(level) for level in _levels(config, low, high)] + [0.0]
    x = latents.double() * schedule.sigma(times[0]) * scale(times[0])
    for i, (t, below) in enumerate(pairwise(times)):
        sigma, stirs = schedule.sigma(t), config["S_min"] <= schedule.sigma(t) <= config["S_max"]
        gamma = min(config["S_churn"] / config["num_steps"], math.sqrt(2) - 1) if stirs else 0.0
        hat = schedule.time(sigma * (1 + gamma)) if gamma else t
        added = sigma * math.sqrt((1 + gamma) ** 2 - 1) * scale(hat) * config["S_noise"]
        x = scale(hat) / scale(t) * x + added * noise[i].double()
        d = slope(x, hat)
        if config["solver"] == "heun" and i < config["num_steps"] - 1:
            alpha = config["alpha"]
            again = slope(x + alpha * (below - hat) * d, hat + alpha * (below - hat))
            d = (1 - 1 / (2 * alpha)) * d + again / (2 * alpha)
        x = x + (below - hat) * d
    asked, sigmas = zip(*calls, strict=True)
    return {"x": x.float(), "call_x": torch.stack(asked), "call_sigma": torch.tensor(sigmas)}


CONFIGS = st.fixed_dictionaries(
    {
        "solver": st.sampled_from(["euler", "heun"]),
        "discretization": st.sampled_from(["vp", "ve", "iddpm", "edm"]),
        "schedule": st.sampled_from(["vp", "ve", "linear"]),
        "scaling": st.sampled_from(["vp", "none"]),
        "alpha": st.sampled_from([0.5, 2 / 3, 0.9, 1.0]),
        "num_steps": st.integers(2, 9),
        "sigma_min": st.sampled_from([0.002, 0.01, 0.02]),
        "sigma_max": st.sampled_from([40.0, 80.0, 100.0]),
        "epsilon_s": st.sampled_from([1e-3, 1e-2]),
        "rho": st.sampled_from([5, 7]),
        "M": st.sampled_from([100, 1000]),
        "C_1": st.sampled_from([0.001, 0.002]),
        "C_2": st.sampled_from([0.008, 0.02]),
        "S_churn": st.sampled_from([0.0, 1.0, 40.0]),
        "S_min": st.sampled_from([0.0, 0.05]),
        "S_max": st.sampled_from([20.0, math.inf]),
        "S_noise": st.sampled_from([1.0, 1.007]),
    }
)


@dataclass(frozen=True)
class Written(Case):
    """A case whose tensors are at hand, and in no file."""

    tensors: Mapping[str, Tensor]

    def _tensors(self, prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): tensor for n, tensor in self.tensors.items() if n.startswith(prefix)}


def _written(config: dict[str, Any], tensors: dict[str, Tensor]) -> Written:
    return Written(Path("ablation"), "", config, "", tuple(tensors), relative=1e-4, absolute=1e-6, tensors=tensors)


@settings(deadline=None, max_examples=30)
@given(config=CONFIGS, seed=st.integers(0, 1000))
def test_it_is_the_published_walk(config: dict[str, Any], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(SHAPE, generator=generator)
    noise = torch.randn((config["num_steps"], *SHAPE), generator=generator)
    outputs = {f"output/{name}": tensor for name, tensor in _walk(config, latents, noise).items()}
    unlimited = {**config, "_net": {"sigma_min": 0.0, "sigma_max": math.inf}}
    case = _written(unlimited, {"input/latents": latents, "input/noise": noise, **outputs})
    relative_error(case, ablation_sampler(case))
