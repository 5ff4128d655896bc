"""Guidance, thresholds and edits of Stable Diffusion's pipelines, on analytic networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.nn.timestep import guidance_features
from diorama.processes.gaussian import noised
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.threshold import DynamicThreshold
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.guidance.rescale import rescaled
from diorama.samplers.inpainting import Known, inpaint, mask_of_size
from diorama.samplers.partial import last_part, steps_left_out
from tests.conformance.adapters.diffusers_ddpm import analytic_network
from tests.conformance.case import Case
from tests.conformance.runner import Compute

_STABLE_DIFFUSION = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def _schedule(name: str) -> Schedule:
    known = _STABLE_DIFFUSION
    if name == "HeunDiscreteScheduler":
        known = {key: value for key, value in known.items() if key.startswith("beta")}
    return read_schedule({"_class_name": name} | known)


def rescale(case: Case) -> Mapping[str, Tensor]:
    """``cfg`` and ``rescaled`` of ``cond`` and ``uncond``."""
    cond, uncond = case.inputs["cond"], case.inputs["uncond"]
    cfg = ClassifierFreeGuidance().combination(case.config["guidance_scale"])(cond, uncond)
    return {"cfg": cfg, "rescaled": rescaled(cfg, cond, case.config["guidance_rescale"])}


def img2img(case: Case) -> Mapping[str, Tensor]:
    """``start_table``, and a run from ``x0`` noised by ``noise``."""
    rows = [row for count, strength in case.config["rows"] for row in _starts(count, strength)]
    run = case.config["trajectory"]
    schedule = _schedule("DDIMScheduler")
    times = last_part(schedule.spacing.times(schedule.process, run["n"]), run["strength"])
    x = noised(case.inputs["x0"].double(), case.inputs["noise"].double(), schedule.process.at(times[0]))
    denoise = NetworkDenoise(analytic_network(case.call), schedule.preconditioning, {})
    stages = schedule.sampler.run(denoise, x, schedule.process, times, lambda i, k=0: x)
    return {
        "start_table": torch.tensor(rows),
        "timesteps": times[:-1].round().long() - 1,
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
    }


def _starts(count: int, strength: float) -> list[list[int]]:
    """A row for each of DDIM's, Heun's and PLMS's schedulers: what is asked of the network from a start on."""
    ddim, heun = (_schedule(f"{name}Scheduler") for name in ("DDIM", "HeunDiscrete"))
    steps, walked = (s.spacing.times(s.process, count)[:-1].tolist() for s in (ddim, heun))
    asked: Sequence[tuple[int, list[float]]] = (
        (1, steps),
        (2, [t for i, t in enumerate(walked) for _ in range(2 if i else 1)]),
        # PLMS asks at the second level twice.
        (1, [t for i, t in enumerate(steps) for _ in range(2 if i == 1 else 1)]),
    )
    first = steps_left_out(count, strength)
    rows = []
    for order, times in asked:
        left = times[first * order :]
        # The table has whole times, cut where they are fractions.
        rows.append([count, int(strength * 1000), order, first, len(left), int(left[0] - 1 + 1e-9) if left else -1])
    return rows


def inpaint_latent(case: Case) -> Mapping[str, Tensor]:
    """``mask_latent``, ``input9`` and the ``trajectory`` of ``noise`` with ``x0`` outside the mask."""
    given = case.inputs
    mask = mask_of_size(given["mask_pixels"], (given["x0"].shape[2], given["x0"].shape[3]), nearest=True)
    schedule = _schedule("DDIMScheduler")
    times = schedule.spacing.times(schedule.process, case.config["n"])
    x = given["noise"].double()
    stages = inpaint(
        NetworkDenoise(analytic_network(case.call), schedule.preconditioning, {}),
        x,
        schedule.process,
        times,
        lambda i, k=0: x,
        sampler=schedule.sampler,
        known=Known(clean=given["x0"].double(), mask=mask.double(), noise=x),
    )
    return {
        "mask_latent": mask,
        "input9": torch.cat([given["noise"], mask, given["masked_latents"]], dim=1),
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
    }


def thresholds(case: Case) -> Mapping[str, Tensor]:
    """``x`` limited at each share and largest quantile of the config's rows."""
    return {
        f"p{share}_c{largest}": DynamicThreshold(share=share, largest=largest).limit(case.inputs["x"])
        for share, largest in case.config["rows"]
    }


def embedding(case: Case) -> Mapping[str, Tensor]:
    """``emb`` of ``w``."""
    return {"emb": guidance_features(case.inputs["w"], case.config["embedding_dim"])}


ADAPTERS: dict[str, Compute] = {
    "diffusers.pipelines.stable_diffusion.rescale_noise_cfg": rescale,
    "diffusers StableDiffusionImg2ImgPipeline.get_timesteps + DDIMScheduler": img2img,
    "StableDiffusionInpaintPipeline loop (4-channel blend) and 9-channel input layout": inpaint_latent,
    "GaussianDiffusion.dynamic_thresholding": thresholds,
    "DDPMScheduler._threshold_sample": thresholds,
    "LatentConsistencyModelPipeline.get_guidance_scale_embedding": embedding,
}
