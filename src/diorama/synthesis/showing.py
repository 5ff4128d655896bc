"""How a model draws, to be looked at: samples on their way from noise, and the way from one sample to another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import Condition, Stage
from diorama.processes.interpolation import slerp
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions, completed
from diorama.synthesis.diffusion import DiffusionSynthesizer


@torch.no_grad()
def between_seeds(
    model: Synthesizer, count: int, places: int, *, seed: int = 0, conditions: SampleConditions = NOTHING
) -> Tensor:
    """From samples of one seed to those of the next, along :func:`slerp`.

    Each row is given the same condition, and at every place draws the same noise on its way, so that nothing changes
    along it but where it starts.

    Args:
        model: in evaluation mode.
        count: rows: samples 0 … ``count - 1`` of both seeds.
        places: pictures of a row, its ends among them; at least 2.
        seed: of the first end; ``seed + 1`` is the second's.
        conditions: what each sample is given.

    Returns:
        (count, places, *media.shape) float32 in [-1, 1].
    """
    here, there = (model.noise(count, seed=seed + i) for i in (0, 1))
    given = conditions.of(range(count))
    rows = [
        model.sample(count, seed=seed, condition=given, noise=slerp(here, there, i / (places - 1)))
        for i in range(places)
    ]
    return torch.stack(rows, dim=1)


@torch.no_grad()
def stages_from_noise(
    model: Synthesizer, count: int, places: int, *, seed: int = 0, conditions: SampleConditions = NOTHING
) -> Tensor | None:
    """Samples 0 … ``count - 1`` of a seed on their way from noise, at places that are evenly spread over the steps.

    Args:
        model: in evaluation mode.
        count: rows.
        places: pictures of a row at most: the noise first, the sample last; at least 2.
        seed: of the samples.
        conditions: what each sample is given.

    Returns:
        (count, places, *media.shape) float32 in [-1, 1]: at each place the state, scaled to the variance that data
        have, and decoded where it is a latent. ``None`` where the model draws in one pass.
    """
    if not isinstance(model, DiffusionSynthesizer):
        return None
    steps = model.sampling.steps or 1
    wanted = set(np.linspace(0, steps, min(places, steps + 1)).round().astype(int).tolist())
    noise = model.noise(count, seed=seed)
    condition = _given(model, conditions, count)
    shown = [_picture(model, noise)]
    stage = Stage(noise)
    for i, stage in enumerate(model.stages(noise, condition, seed=seed), 1):
        if i in wanted and i < steps:
            shown.append(_picture(model, _scaled(stage)))
    # The last of a model with a codec is the picture itself, and comes after all steps.
    return torch.stack([*shown, stage.x.float().clamp(-1, 1)], dim=1)


def _given(model: Synthesizer, conditions: SampleConditions, count: int) -> Condition:
    whole = completed(model.config.conditions, conditions.of(range(count)), count)
    return {key: value.to(model.device) for key, value in whole.items()}


def _scaled(stage: Stage) -> Tensor:
    """The state as if data and noise had the variance of one together, as at the end and at the beginning."""
    if stage.level is None:
        return stage.x
    level = stage.level
    size = (level.alpha.square() + level.sigma.square()).sqrt().to(stage.x)
    return stage.x / size.reshape(-1, *[1] * (stage.x.dim() - 1))


def _picture(model: DiffusionSynthesizer, x: Tensor) -> Tensor:
    return (x if model.codec is None else model.codec.decode(x)).float().clamp(-1, 1)
