"""What a diffusion model says of noise and of sampling, as schedulers of other projects say it, and back."""

from __future__ import annotations

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.distilled import KarrasGridSpacing
from diorama.samplers.ancestral import AncestralConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig

_STEPS = 50
"""Steps that are taken where nobody says how many, of samplers that may take any number."""


def schedule_of(config: DiffusionSynthesizerConfig) -> Schedule:
    """What a scheduler can say of a model; the inverse of what is built from one.

    Raises:
        BadInput: the model has parts beside its network that no scheduler knows.
    """
    if config.codec is not None or config.encoder is not None:
        raise BadInput("codec, encoder: UNet2DModel draws pictures and is given a label, this model has more parts")
    return Schedule(
        process=config.process,
        preconditioning=config.preconditioning,
        spacing=config.spacing,
        sampler=config.sampler,
        threshold=config.threshold if config.clip else None,
        steps=config.steps,
    )


def usual_steps(schedule: Schedule) -> int | None:
    """How many steps are taken where nobody says so: every one of DDPM, else as many as the library's pipelines take,
    as far as there are so many; ``None`` for every step."""
    if isinstance(schedule.sampler, AncestralConfig):
        return None
    if schedule.steps:
        return schedule.steps
    if isinstance(schedule.spacing, KarrasGridSpacing):
        return min(_STEPS, schedule.spacing.grid)
    try:
        return min(_STEPS, len(schedule.spacing.times(schedule.process, None)) - 1)
    except ValueError:  # of those that have no number of their own
        return _STEPS
