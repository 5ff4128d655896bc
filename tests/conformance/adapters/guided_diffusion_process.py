"""guided-diffusion's processes, losses, respacing and sampling loops on its analytic network and guide."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, Level
from diorama.interop.guided_diffusion_process import DiffusionArguments
from diorama.processes.bound import prior_term, training_term
from diorama.processes.gaussian import (
    approximate_log_likelihood,
    approximate_normal_cdf,
    noised,
    normal_kl,
    on,
    posterior,
)
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.reverse import reverse_step, second_variance
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.classifier_guidance import ClassifierGuided, Form
from diorama.samplers.ddim import DDIMConfig, ddim_inverse
from tests.conformance.adapters.diffusers_ddpm import analytic_network
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_NAMES = {
    "T": "diffusion_steps",
    "sched": "noise_schedule",
    "resp": "timestep_respacing",
    "mt": "model_mean_type",
    "vt": "model_var_type",
    "lt": "loss_type",
    "rescale_timesteps": "rescale_timesteps",
}
_OF_CALLS = {"eta", "guided"}


def _arguments(case: Case) -> DiffusionArguments:
    unknown = case.config.keys() - _NAMES.keys() - _OF_CALLS
    assert not unknown, f"{case.stem}: {sorted(unknown)} are not followed"
    return DiffusionArguments(**{_NAMES[key]: value for key, value in case.config.items() if key in _NAMES})


def _denoise(case: Case, *, clip: bool) -> NetworkDenoise:
    preconditioning = _arguments(case).preconditioning
    network = analytic_network(case.call, preconditioning.variance)
    return NetworkDenoise(network, preconditioning, {}, threshold=StaticThreshold() if clip else None)


def _guided(case: Case, denoise: Denoise, form: Form) -> Denoise:
    preconditioning = _arguments(case).preconditioning

    def gradient(x: Tensor, level: Level) -> Tensor:
        return 0.5 * (0.3 - x) + 0.1 * (preconditioning.time(level) / 300).cos()

    return ClassifierGuided(denoise, gradient, 1.0, form=form)


def _falling(arguments: DiffusionArguments) -> Tensor:
    return torch.tensor([*reversed(arguments.visited), 0], dtype=torch.float64)


def gaussian(case: Case) -> Mapping[str, Tensor]:
    """Tables of the process, and what it says of ``x0`` with ``noise`` at the steps ``t``."""
    arguments = _arguments(case)
    process, times, index = arguments.process, _falling(arguments), case.inputs["t"]
    clean, noise = case.inputs["x0"], case.inputs["noise"]
    rising = times.flip(0)
    all_levels, all_below = process.at(rising[1:]), process.at(rising[:-1])
    step_of_all, first = posterior(all_levels, all_below), second_variance(process, times)
    assert first is not None
    t = rising[1:][index].reshape(-1, 1, 1, 1)
    level, below = process.at(t), process.at(rising[:-1][index].reshape(-1, 1, 1, 1))
    step, x = posterior(level, below), noised(clean, noise, on(level, clean))
    floor = step_of_all.variance.masked_fill(step_of_all.variance <= 0, first)
    made = {
        "timestep_map": torch.tensor(arguments.visited) - 1,
        "betas": step_of_all.step_variance,
        "alphas_cumprod": all_levels.alpha**2,
        "alphas_cumprod_prev": all_below.alpha**2,
        "posterior_variance": step_of_all.variance,
        "posterior_log_variance_clipped": floor.log(),
        "posterior_mean_coef1": step_of_all.of_clean,
        "posterior_mean_coef2": step_of_all.of_x,
        "x_t": x,
        "q_mean": level.alpha * clean,
        "q_var": (level.sigma**2).expand_as(x),
        "q_logvar": (level.sigma**2).log().expand_as(x),
        "qpost_mean": step.of_clean * clean + step.of_x * x,
        "qpost_var": step.variance.expand_as(x),
        "qpost_logvar": floor[index].log().reshape(-1, 1, 1, 1).expand_as(x),
        "prior_bpd": prior_term(clean, process, times[0].reshape(1, 1, 1, 1)) / (clean[0].numel() * math.log(2)),
    }
    made |= _predicted(case, x, (level, below), first) | _losses(case, x, (level, below), first)
    return {name: value if name == "timestep_map" else value.float() for name, value in made.items()}


def _predicted(case: Case, x: Tensor, levels: tuple[Level, Level], first: float) -> dict[str, Tensor]:
    sampler, step = _arguments(case).sampler, posterior(*levels)

    def reverse(denoise: Denoise, *, clipped: bool = sampler.clipped_mean) -> dict[str, Tensor]:
        prediction = denoise(x, levels[0])
        found = reverse_step(prediction, x, step, sampler.variance, first=first, clipped=clipped)
        return {
            "mean": found.mean,
            "variance": found.variance.expand_as(x),
            "log_variance": found.log_variance.expand_as(x),
            "pred_xstart": prediction.clean,
        }

    clipping = _denoise(case, clip=True)
    plain, unclipped = reverse(clipping), reverse(_denoise(case, clip=False))
    by_mean = reverse(_guided(case, clipping, "mean"))
    # The published code finds the mean anew from the guided clean sample, whatever the network predicts.
    by_score = reverse(_guided(case, clipping, "score"), clipped=True)
    return {
        **{f"p_{name}": value for name, value in plain.items()},
        **{f"p_noclip_{name}": unclipped[name] for name in ("mean", "pred_xstart")},
        "cond_mean": by_mean["mean"],
        **{f"cond_score_{name}": by_score[name] for name in ("mean", "pred_xstart")},
    }


def _losses(case: Case, x: Tensor, levels: tuple[Level, Level], first: float) -> dict[str, Tensor]:
    arguments, clean, noise = _arguments(case), case.inputs["x0"], case.inputs["noise"]
    sampler, preconditioning = arguments.sampler, arguments.preconditioning

    def term(*, clip: bool) -> Tensor:
        prediction = _denoise(case, clip=clip)(x, levels[0])
        return training_term(prediction, clean, x, levels, sampler.variance, first=first, clipped=sampler.clipped_mean)

    made, loss = {"vb_bpd": term(clip=True)}, arguments.bound_weight * term(clip=False)
    if arguments.error_weight:
        if preconditioning.variance != "none":
            made["loss_vb"] = loss
        network = analytic_network(case.call)
        error = network(x, preconditioning.time(levels[0]), {}) - preconditioning.target(clean, noise, levels[0])
        made["loss_mse"] = error.square().flatten(1).mean(1)
        loss = loss + arguments.error_weight * made["loss_mse"]
    return {**made, "loss_loss": loss}


def loop(case: Case) -> Mapping[str, Tensor]:
    """A whole chain from ``x_T``, and the way up from ``reverse_x0`` where that is given."""
    arguments, x = _arguments(case), case.inputs["x_T"].double()
    ddim = case.kind.endswith("ddim_sample")
    denoise: Denoise = _denoise(case, clip=True)
    times, process = _falling(arguments), arguments.process
    sampler = DDIMConfig(eta=case.config.get("eta", 0.0)) if ddim else arguments.sampler
    guided = _guided(case, denoise, "score" if ddim else "mean") if case.config.get("guided") else denoise
    draws = case.inputs["noise"].double()
    stages = list(sampler.run(guided, x, process, times, lambda i, k=0: draws[i]))
    made = {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "pred_xstart": torch.stack([stage.clean for stage in stages if stage.clean is not None]).float(),
        "timestep_map": torch.tensor(arguments.visited) - 1,
    }
    if "reverse_x0" in case.inputs:
        start = case.inputs["reverse_x0"].double()
        up = ddim_inverse(denoise, start, process, times.flip(0)[1:], ahead=False, to_noise=True)
        made["reverse_trajectory"] = torch.stack([start, *(stage.x for stage in up)]).float()
    return made


def losses(case: Case) -> Mapping[str, Tensor]:
    """The scalar functions that the losses are made of."""
    given = case.inputs
    return {
        "normal_kl": normal_kl(given["m1"], given["l1"], given["m2"], given["l2"]),
        "approx_cdf": approximate_normal_cdf(given["m1"]),
        "disc_loglik": approximate_log_likelihood(given["x"], given["means"], given["log_scales"]),
    }


def tables(case: Case) -> Mapping[str, Tensor]:
    """Which steps are visited, of every row, and the variances of the schedules that are asked for."""
    made = {}
    for steps, respacing in case.config["rows"]:
        visited = DiffusionArguments(diffusion_steps=steps, timestep_respacing=respacing).visited
        made[f"{steps}_{respacing}"] = torch.tensor(visited) - 1
    # No config says which schedules are asked for: of other rows than the public file's the list of twins does.
    listed = case.output_names
    for name in listed if made.keys() <= set(listed) else _PUBLIC_SCHEDULES:
        if name.startswith("betas_"):
            _, schedule, count = name.split("_")
            arguments = DiffusionArguments(diffusion_steps=int(count), noise_schedule=schedule)  # type: ignore[arg-type]
            made[name] = arguments.process.variances.float()
    return made


_PUBLIC_SCHEDULES = ("betas_cosine_1000", "betas_cosine_250", "betas_linear_1000", "betas_linear_250")
_SPACED = "guided_diffusion.respace.SpacedDiffusion"
ADAPTERS: dict[str, Compute] = {
    f"{_SPACED} / GaussianDiffusion": gaussian,
    f"{_SPACED}.p_sample": loop,
    f"{_SPACED}.ddim_sample": loop,
    "guided_diffusion.losses": losses,
    "respace.space_timesteps, gaussian_diffusion.get_named_beta_schedule": tables,
}
