"""What schedulers of diffusers have in common: the words for one in ours, and how the noise process is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diorama.core.errors import BadInput
from diorama.processes.catalog import AnyPreconditioning, AnyProcess, AnySpacing, AnyThreshold
from diorama.processes.curves import Curve
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import Leap, StepSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler

BETAS: dict[Any, Any] = {
    "linear": "linear",
    "scaled_linear": "scaled_linear",
    "squaredcos_cap_v2": "cosine",
    "sigmoid": "sigmoid",
}
TARGETS: dict[Any, Any] = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}
MOST_STEPS = 1_000_000
"""The process keeps a table of them, and a file from anybody may ask for any number."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What a scheduler says, in our words.

    Args:
        process: the noise process.
        preconditioning: what the network predicts.
        spacing: which of the process's levels are visited.
        sampler: how it walks between them.
        threshold: how clean samples are limited on the way; ``None`` for not at all.
        steps: that are taken unless somebody asks otherwise; ``None`` for the sampler's usual number.
    """

    process: AnyProcess = field(default_factory=DiscreteProcess)
    preconditioning: AnyPreconditioning = field(default_factory=TargetPreconditioning)
    spacing: AnySpacing = field(default_factory=lambda: StepSpacing(leap="leading"))
    sampler: AnySampler = field(default_factory=lambda: AncestralConfig(variance="small"))
    threshold: AnyThreshold | None = field(default_factory=StaticThreshold)
    steps: int | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessArguments:
    """What all schedulers of a discrete process have."""

    num_train_timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    trained_betas: tuple[float, ...] | None = None
    prediction_type: str = "epsilon"
    timestep_spacing: Leap = "leading"
    steps_offset: int = 0

    @property
    def offset(self) -> int:
        """``steps_offset`` where it counts: the library adds it to no other spacing."""
        return self.steps_offset if self.timestep_spacing == "leading" else 0


def process_of(arguments: ProcessArguments, *, zero_terminal_snr: bool = False) -> DiscreteProcess:
    """The noise process.

    Raises:
        BadInput: a setting cannot be; the message names it.
    """
    if not 0 < arguments.beta_start <= arguments.beta_end < 1:
        between = f"got {arguments.beta_start} and {arguments.beta_end}"
        raise BadInput(f"beta_start, beta_end: 0 < beta_start <= beta_end < 1 must hold, {between}")
    trained = arguments.trained_betas
    if trained is not None and len(trained) != arguments.num_train_timesteps:
        raise BadInput(f"trained_betas: {len(trained)} of them for {arguments.num_train_timesteps} num_train_timesteps")
    return DiscreteProcess(
        steps=arguments.num_train_timesteps,
        betas=choice(arguments, "beta_schedule", BETAS) if trained is None else "trained",
        first=arguments.beta_start,
        last=arguments.beta_end,
        trained=trained or (),
        zero_terminal_snr=zero_terminal_snr,
    )


def curve_of(*, karras: bool, exponential: bool, beta: bool) -> Curve:
    """The one curve that is asked for.

    Raises:
        BadInput: several are.
    """
    asked: dict[Curve, bool] = {"karras": karras, "exponential": exponential, "beta": beta}
    if sum(asked.values()) > 1:
        raise BadInput("use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas: only one of them can be used")
    return next((curve for curve, wanted in asked.items() if wanted), "times")


def choice(arguments: ProcessArguments, field: str, choices: Mapping[Any, Any]) -> Any:
    """What a published word of a field is in ours.

    Raises:
        BadInput: it is none of those that are followed.
    """
    value = getattr(arguments, field)
    if value not in choices:
        raise BadInput(f"{field}: {value!r} is not followed, only {', '.join(choices)} are")
    return choices[value]
