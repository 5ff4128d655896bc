"""Steps of diffusers' PNDM scheduler on analytic networks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tests.conformance.adapters.diffusers_ddpm import noised_as_given, schedule_of, tables
from tests.conformance.adapters.diffusers_sigmas import recorded
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def looked(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` at each call of the network, and what belongs to it."""
    schedule = schedule_of(case, "PNDMScheduler")
    times = schedule.spacing.times(schedule.process, case.config["_num_inference_steps"])
    denoise, stages = recorded(case, schedule, schedule.sampler, times)
    states = [level.alpha * ratio_state for ratio_state, level, _ in denoise.asked]
    return {
        "trajectory": torch.stack([*states, stages[-1].x]).float(),
        "timesteps": torch.stack([level.t for _, level, _ in denoise.asked]).round().long() - 1,
        "init_noise_sigma": torch.ones(1),
        "added": noised_as_given(case, schedule)["added"],
        **tables(schedule),
    }


ADAPTERS: dict[str, Compute] = {"diffusers.PNDMScheduler": looked}
