"""Schedulers of the diffusers library: what ``scheduler_config.json`` says of the noise process and of sampling.

Two are read, ``DDPMScheduler`` and ``DDIMScheduler``. A setting that would change what is drawn and is not followed is
refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput

_BETAS: dict[Any, Any] = {"linear": "linear", "scaled_linear": "scaled_linear", "squaredcos_cap_v2": "cosine"}
_TARGETS: dict[Any, Any] = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}
_VARIANCES: dict[Any, Any] = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large"}
_MOST_STEPS = 1_000_000
"""The process keeps a table of them, and a file from anybody may ask for any number."""
Spacing = Literal["leading", "trailing", "linspace"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is followed of a scheduler, in our words.

    Args:
        steps: of the noise process.
        betas: how its steps' variances grow.
        first: variance of the first step.
        last: variance of the last step.
        target: what the network predicts.
        clip: clean samples are limited to [-1, 1] on the way.
        sampler: ``ancestral`` for DDPM, ``ddim`` for DDIM.
        variance: of an ancestral step.
        spacing: which of the steps DDIM takes.
    """

    steps: int = 1000
    betas: Literal["linear", "scaled_linear", "cosine"] = "linear"
    first: float = 1e-4
    last: float = 0.02
    target: Literal["noise", "clean", "velocity"] = "noise"
    clip: bool = True
    sampler: Literal["ancestral", "ddim"] = "ancestral"
    variance: Literal["small", "large"] = "small"
    spacing: Spacing = "leading"


@dataclass(frozen=True, kw_only=True)
class _Arguments:
    """What both schedulers have, with the library's defaults; ``tensor_format`` is of 2022 and changes nothing."""

    num_train_timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    trained_betas: tuple[float, ...] | None = None
    clip_sample: bool = True
    steps_offset: int = 0
    prediction_type: str = "epsilon"
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    clip_sample_range: float = 1.0
    sample_max_value: float = 1.0
    timestep_spacing: Spacing = "leading"
    rescale_betas_zero_snr: bool = False
    tensor_format: str | None = None


@dataclass(frozen=True, kw_only=True)
class DDPMArguments(_Arguments):
    """Arguments of ``DDPMScheduler``."""

    variance_type: str = "fixed_small"


@dataclass(frozen=True, kw_only=True)
class DDIMArguments(_Arguments):
    """Arguments of ``DDIMScheduler``."""

    set_alpha_to_one: bool = True


def read_schedule(published: Mapping[str, Any]) -> Schedule:
    """What a scheduler's config says.

    Raises:
        BadInput: another scheduler, an unknown setting, or one that is not followed; the message names it.
    """
    kind = published.get("_class_name")
    if kind not in ("DDPMScheduler", "DDIMScheduler"):
        raise BadInput(f"_class_name: {kind!r} is not followed, only DDPMScheduler and DDIMScheduler are")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    try:
        arguments: _Arguments = decode(DDPMArguments if kind == "DDPMScheduler" else DDIMArguments, given, str(kind))
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    _refuse_what_is_not_followed(arguments)
    ancestral = isinstance(arguments, DDPMArguments)
    return Schedule(
        steps=arguments.num_train_timesteps,
        betas=_choice(arguments, "beta_schedule", _BETAS),
        first=arguments.beta_start,
        last=arguments.beta_end,
        target=_choice(arguments, "prediction_type", _TARGETS),
        clip=arguments.clip_sample,
        sampler="ancestral" if ancestral else "ddim",
        variance=_choice(arguments, "variance_type", _VARIANCES) if ancestral else "small",
        spacing=arguments.timestep_spacing,
    )


def write_schedule(schedule: Schedule) -> dict[str, Any]:
    """The content of ``scheduler_config.json``; :func:`read_schedule` reads it back."""
    betas = {ours: theirs for theirs, ours in _BETAS.items()}
    targets = {ours: theirs for theirs, ours in _TARGETS.items()}
    ancestral = schedule.sampler == "ancestral"
    kind: type[_Arguments] = DDPMArguments if ancestral else DDIMArguments
    arguments = kind(
        num_train_timesteps=schedule.steps,
        beta_start=schedule.first,
        beta_end=schedule.last,
        beta_schedule=betas[schedule.betas],
        prediction_type=targets[schedule.target],
        clip_sample=schedule.clip,
        timestep_spacing=schedule.spacing,
    )
    fields = {key: value for key, value in encode(arguments).items() if key not in ("kind", "tensor_format")}
    if ancestral:
        fields["variance_type"] = f"fixed_{schedule.variance}"
    return {"_class_name": "DDPMScheduler" if ancestral else "DDIMScheduler"} | fields


def _choice(arguments: _Arguments, field: str, choices: Mapping[Any, Any]) -> Any:
    value = getattr(arguments, field)
    if value not in choices:
        raise BadInput(f"{field}: {value!r} is not followed, only {', '.join(choices)} are")
    return choices[value]


def _refuse_what_is_not_followed(arguments: _Arguments) -> None:
    neutral: dict[str, Any] = {
        "trained_betas": None,
        "thresholding": False,
        "rescale_betas_zero_snr": False,
        "steps_offset": 0,
    }
    if arguments.clip_sample:
        neutral["clip_sample_range"] = 1.0
    if isinstance(arguments, DDIMArguments):
        # Without it the last step ends at the first level of noise, and not at clean data.
        neutral["set_alpha_to_one"] = True
    if not 1 <= arguments.num_train_timesteps <= _MOST_STEPS:
        raise BadInput(f"num_train_timesteps: must be in 1 … {_MOST_STEPS}, got {arguments.num_train_timesteps}")
    if not 0 < arguments.beta_start <= arguments.beta_end < 1:
        between = f"got {arguments.beta_start} and {arguments.beta_end}"
        raise BadInput(f"beta_start, beta_end: 0 < beta_start <= beta_end < 1 must hold, {between}")
    for field, value in neutral.items():
        if getattr(arguments, field) != value:
            raise BadInput(f"{field}: {getattr(arguments, field)!r} is not followed, only {value!r} is")
