"""Consistency models as their authors published them, on analytic networks with their noise injected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from diorama.core.config import decode
from diorama.core.contracts import Condition, DrawNoise, Level
from diorama.interop.consistency_models_arguments import KarrasDrawing
from diorama.interop.diffusers_schedule import Schedule
from diorama.losses.consistency import Distance
from diorama.methods.diffusion.curriculum import Curriculum, FixedCurriculum, HalvingCurriculum, ProgressiveCurriculum
from diorama.methods.diffusion.distillation import two_steps
from diorama.processes.catalog import AnyPreconditioning
from diorama.processes.distilled import KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.precondition import EDMPreconditioning, Network, NetworkDenoise
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.processes.weighting import SNRWeighting, TruncatedSNRWeighting, UniformWeighting, Weighting
from diorama.samplers.constrained import (
    Constrained,
    Replace,
    grey_part,
    known_grey,
    known_patch_means,
    patch_means,
)
from diorama.samplers.heun import heun_step
from tests.conformance.case import Case
from tests.conformance.runner import Compute

PROCESS = ExplodingProcess(sigma_max=math.inf)


def _student(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    return 0.3 * x + 0.2 * (2 * x).sin() + 0.1 * (_spread(t, x) / 100).sin()


def _teacher(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
    return 0.25 * x + 0.15 * x.cos() + 0.05 * (_spread(t, x) / 100).sin()


def _spread(t: Tensor, x: Tensor) -> Tensor:
    return t.reshape(-1, *(1,) * (x.dim() - 1))


def _published(config: Mapping[str, Any], **changed: Any) -> Schedule:
    """How the published program draws with these arguments, as ``import`` reads them."""
    known = {field.name for field in fields(KarrasDrawing)}
    given = {name: value for name, value in config.items() if name in known}
    arguments: KarrasDrawing = decode(KarrasDrawing, given | changed, "config")
    return arguments.schedule()


def _at_places(config: Mapping[str, Any], **changed: Any) -> tuple[Schedule, Tensor]:
    """The same of many places, and the times there. A model is imported with places that end with the grid; the
    published loop ends at any."""
    drawn = _published(config, sampler="onestep", ts=[], **changed)
    assert isinstance(drawn.spacing, KarrasGridSpacing)
    return drawn, drawn.process.time_of(drawn.spacing.ratios(config["ts"]))


def _levels(config: Mapping[str, Any]) -> KarrasSpacing:
    """Karras' levels between the config's ends."""
    spacing = _published(config, distillation=False, sampler="heun", ts=[]).spacing
    assert isinstance(spacing, KarrasSpacing)
    return spacing


def _weighting(name: str, sigma_data: float) -> Weighting:
    kinds: Mapping[str, Weighting] = {
        "snr": SNRWeighting(),
        "snr+1": SNRWeighting(plus=1.0),
        "karras": SNRWeighting(plus=sigma_data**-2),
        "truncated-snr": TruncatedSNRWeighting(),
        "uniform": UniformWeighting(),
    }
    return kinds[name]


def denoiser(case: Case) -> Mapping[str, Tensor]:
    """Both scalings of ``x`` at ``sigma``, all weightings, and the levels."""
    config, x = case.config, case.inputs["x"].double()
    sigma = case.inputs["sigma"].double()
    level = PROCESS.at(_spread(sigma, x))
    made: dict[str, Tensor] = {}
    one, none = torch.ones_like(level.sigma), torch.zeros_like(level.sigma)
    for kind in (False, True):
        preconditioning = _published(config, distillation=kind).preconditioning
        said: list[Tensor] = []

        def network(x: Tensor, t: Tensor, condition: Condition, said: list[Tensor] = said) -> Tensor:
            said.append(_student(x, t, condition))
            return said[-1]

        found = NetworkDenoise(network, preconditioning, {})(x, level).clean
        parts = (
            preconditioning.clean(none, one, level),
            preconditioning.clean(one, none, level),
            preconditioning.input(level),
        )
        made[f"denoised_dist{int(kind)}"], made[f"model_out_dist{int(kind)}"] = found, said[0]
        made[f"scalings_dist{int(kind)}"] = torch.stack([part.reshape(-1) for part in parts])
    boundary = NetworkDenoise(_student, _published(config, distillation=True).preconditioning, {})
    least = PROCESS.at(torch.full_like(level.sigma, config.get("sigma_min", 0.002)))
    made["at_sigma_min"] = boundary(x, least).clean
    sigma_data = config.get("sigma_data", 0.5)
    for name in ("karras", "snr", "snr+1", "truncated-snr", "uniform"):
        weighting = _weighting(name, sigma_data)
        made[f"w_{name}"] = weighting.weight(PROCESS.at(sigma), EDMPreconditioning(sigma_data=sigma_data))
    count = len(case.outputs["sigmas_karras"]) - 1 if case.outputs else 9
    made["sigmas_karras"] = _levels(config).times(PROCESS, config.get("n", count))
    return {name: tensor.float() for name, tensor in made.items()}


def curriculum(case: Case) -> Mapping[str, Tensor]:
    """``ema_i`` and ``scales_i`` of each row of settings, at each of ``steps``."""
    made: dict[str, Tensor] = {}
    for i, row in enumerate(case.config["rows"]):
        lessons = [_curriculum(row).at(step) for step in case.inputs["steps"].tolist()]
        made[f"ema_{i}"] = torch.tensor([lesson.decay for lesson in lessons])
        made[f"scales_{i}"] = torch.tensor([lesson.levels for lesson in lessons])
    return made


def _curriculum(row: Mapping[str, Any]) -> Curriculum:
    mode = row["target_ema_mode"], row["scale_mode"]
    if mode == ("fixed", "fixed"):
        return FixedCurriculum(levels=row["start_scales"], decay=row["start_ema"])
    if mode == ("fixed", "progdist"):
        return HalvingCurriculum(first=row["start_scales"], stage=row["distill_steps_per_iter"])
    adaptive = {("fixed", "progressive"): False, ("adaptive", "progressive"): True}[mode]
    return ProgressiveCurriculum(
        first=row["start_scales"],
        last=row["end_scales"],
        length=row["total_steps"],
        decay=row["start_ema"],
        adaptive=adaptive,
    )


_DISTANCES = {
    "l1": Distance(kind="l1"),
    "l2": Distance(kind="l2"),
    "l2-32": Distance(kind="l2", size=32),
}


def losses(case: Case) -> Mapping[str, Tensor]:
    """Consistency training and distillation, progressive distillation and EDM's loss, one value a sample."""
    config = case.config
    x, noise, indices = case.inputs["x"].double(), case.inputs["noise"].double(), case.inputs["indices"].double()
    sigma_data = config.get("sigma_data", 0.5)
    given = config.get("weight_schedule")
    weighting = _weighting(given or config.get("default_weight", "uniform"), sigma_data)
    unused = EDMPreconditioning(sigma_data=sigma_data)  # which these weights do not look at
    student = _denoise(_student, _published(config, distillation=True).preconditioning)
    target = _denoise(_teacher, _published(config, distillation=True).preconditioning)
    teacher = _denoise(_teacher, _published({}, distillation=False).preconditioning)
    scales, spacing = config["num_scales"], _levels(config)

    def level(place: Tensor) -> Level:
        return PROCESS.at(_spread(spacing.at(place), x))

    high, low = level(indices / (scales - 1)), level((indices + 1) / (scales - 1))
    x_high = noised(x, noise, high)
    found = student(x_high, high).clean
    wanted = {
        "ct": target(along_noise(x_high, x, high, low), low).clean,
        "cd": target(heun_step(teacher, x_high, high, low), low).clean,
    }
    weight = weighting.weight(high, unused).reshape(-1)
    made = {
        f"{kind}_{name}": weight * distance.between(found, clean)
        for kind, clean in wanted.items()
        for name, distance in _DISTANCES.items()
    }
    thirds = (level(indices / scales), level((indices + 0.5) / scales), level((indices + 1) / scales))
    x_first = noised(x, noise, thirds[0])
    found, clean = student(x_first, thirds[0]).clean, two_steps(teacher, x_first, thirds)
    weight = weighting.weight(thirds[0], unused).reshape(-1)
    made |= {f"pd_{name}": weight * _DISTANCES[name].between(found, clean) for name in ("l1", "l2")}
    sigmas = PROCESS.at(_spread(torch.linspace(0.1, 5, len(x), dtype=torch.float64), x))
    plain = _denoise(_student, _published(config, distillation=False).preconditioning)
    made["xs_mse"] = Distance(kind="l2").between(plain(noised(x, noise, sigmas), sigmas).clean, x)
    # EDM's own loss has EDM's own weights where none are given.
    weight = _weighting(given or "karras", sigma_data).weight(sigmas, unused).reshape(-1)
    made["edm_loss"] = weight * made["xs_mse"]
    return {name: value.float() for name, value in made.items()}


def _denoise(network: Network, preconditioning: AnyPreconditioning) -> NetworkDenoise:
    return NetworkDenoise(network, preconditioning, {})


def sample(case: Case) -> Mapping[str, Tensor]:
    """``x``: pictures drawn from ``noise``."""
    config, noise = case.config, case.inputs["noise"].double()
    clip = config.get("clip_denoised", "clip_denoised=False" not in case.call)
    if config["sampler"] == "multistep":
        drawn, times = _at_places(config, clip_denoised=clip)
    else:
        drawn = _published(config, clip_denoised=clip)
        times = drawn.spacing.times(drawn.process, drawn.steps)
    denoise = NetworkDenoise(_student, drawn.preconditioning, {}, threshold=drawn.threshold)
    x = drawn.process.prior_scale(times[0]) * noise[0]
    for stage in drawn.sampler.run(denoise, x, drawn.process, times, _later(noise)):
        x = stage.x
    return {"x": StaticThreshold().limit(x).float()}


def _later(noise: Tensor) -> DrawNoise:
    """Draws of steps, after the first from which samples start."""
    return lambda i, k=0: noise[i + 1]


def editing(case: Case) -> Mapping[str, Tensor]:
    """``color`` and ``superres`` of ``images``, and what is kept of them."""
    given, config = case.inputs, case.config
    images = given["images"].double()
    kinds: Mapping[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Replace], str]] = {
        "color": (grey_part, known_grey, "noise_color"),
        "superres": (patch_means, known_patch_means, "noise_sr"),
    }
    made: dict[str, Tensor] = {}
    drawn, times = _at_places(config, distillation=True)
    for name, (part, known, draws) in kinds.items():
        network = NetworkDenoise(_student, drawn.preconditioning, {}, threshold=drawn.threshold)
        noise, x = given[draws].double(), given["x_T"].double()
        denoise = Constrained(network, known(images))
        for stage in drawn.sampler.run(denoise, x, drawn.process, times, lambda i, k=0, noise=noise: noise[i]):
            x = stage.x
        made[name], made[f"{name}_reference"] = x.float(), part(images).float()
    return made


ADAPTERS: dict[str, Compute] = {
    "KarrasDenoiser.consistency_losses / progdist_losses / training_losses": losses,
    "cm.karras_diffusion.KarrasDenoiser": denoiser,
    "cm.karras_diffusion.karras_sample": sample,
    "iterative_colorization, iterative_superres": editing,
    "script_util.create_ema_and_scales_fn": curriculum,
}
