"""Steps of diffusers' RePaint scheduler, in the loop of its pipeline, on an analytic network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from diorama.processes.precondition import NetworkDenoise
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.repaint import RePaintConfig, moves, repaint
from tests.conformance.adapters.diffusers_ddpm import analytic_network, injected, schedule_of, tables
from tests.conformance.case import Case
from tests.conformance.runner import Compute


def repainted(case: Case) -> Mapping[str, Tensor]:
    """``trajectory`` over all moves, whether each goes down (0) or up (1), and the library's time of it."""
    schedule = schedule_of(case, "RePaintScheduler")
    assert isinstance(schedule.sampler, DDIMConfig)
    count = min(case.config["_num_inference_steps"], schedule.process.steps)  # type: ignore[union-attr]
    times = schedule.spacing.times(schedule.process, count)
    given = case.config.get("_set_timesteps_kwargs", {})
    config = RePaintConfig(
        jump=given.get("jump_length", 10),
        resamplings=given.get("jump_n_sample", 10),
        eta=schedule.sampler.eta,
        late=True,
    )
    denoise = NetworkDenoise(analytic_network(case.call), schedule.preconditioning, {}, threshold=schedule.threshold)
    x = case.inputs["x_T"].double()
    stages = repaint(
        denoise,
        x,
        schedule.process,
        times,
        injected(case),
        known=case.inputs["original_image"].double(),
        mask=1 - case.inputs["mask"].double(),
        config=config,
    )
    downs = list(moves(len(times) - 1, config))
    return {
        "trajectory": torch.stack([x, *(stage.x for stage in stages)]).float(),
        "op_kind": torch.tensor([int(not down) for down in downs]),
        "timesteps": _named(times, downs),
        **tables(schedule),
    }


def _named(times: Tensor, downs: list[bool]) -> Tensor:
    """A step down is named after its start, one up after the level above its end."""
    place, named = 0, []
    for down in downs:
        place += 1 if down else -1
        named.append(times[place - 1] - 1)
    return torch.stack(named).round().long()


ADAPTERS: dict[str, Compute] = {"diffusers.RePaintScheduler (+ loop of RePaintPipeline)": repainted}
