"""Schedulers of the diffusers library: what ``scheduler_config.json`` says of the noise process and of sampling.

Three are read, ``DDPMScheduler``, ``DDIMScheduler`` and ``UnCLIPScheduler``. A setting that would change what is drawn
and is not followed is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.processes.catalog import AnyThreshold
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig

_BETAS: dict[Any, Any] = {
    "linear": "linear",
    "scaled_linear": "scaled_linear",
    "squaredcos_cap_v2": "cosine",
    "sigmoid": "sigmoid",
}
_TARGETS: dict[Any, Any] = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}
_FIXED: dict[Any, Any] = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large"}
_LEARNED: dict[Any, Any] = {"learned": "plain", "learned_range": "share"}
_MOST_STEPS = 1_000_000
"""The process keeps a table of them, and a file from anybody may ask for any number."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What a scheduler says, in our words.

    Args:
        process: the noise process.
        preconditioning: what the network predicts.
        spacing: which of the process's steps are visited.
        sampler: how it walks between them.
        threshold: how clean samples are limited on the way; ``None`` for not at all.
    """

    process: DiscreteProcess = field(default_factory=DiscreteProcess)
    preconditioning: TargetPreconditioning = field(default_factory=TargetPreconditioning)
    spacing: StepSpacing = field(default_factory=lambda: StepSpacing(leap="leading"))
    sampler: AncestralConfig | DDIMConfig = field(default_factory=lambda: AncestralConfig(variance="small"))
    threshold: AnyThreshold | None = field(default_factory=StaticThreshold)


@dataclass(frozen=True, kw_only=True)
class _Arguments:
    """What DDPM's and DDIM's scheduler have, with the library's defaults; ``tensor_format`` is of 2022 and changes
    nothing."""

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
    timestep_spacing: Literal["leading", "trailing", "linspace"] = "leading"
    rescale_betas_zero_snr: bool = False
    tensor_format: str | None = None


@dataclass(frozen=True, kw_only=True)
class DDPMArguments(_Arguments):
    """Arguments of ``DDPMScheduler``."""

    variance_type: str = "fixed_small"

    def schedule(self) -> Schedule:
        """In our words."""
        variance = self.variance_type
        if variance not in _FIXED and variance not in _LEARNED:
            known = ", ".join((*_FIXED, *_LEARNED))
            raise BadInput(f"variance_type: {variance!r} is not followed, only {known} are")
        spacing = _spacing(self)
        # The library draws noise wherever a step does not start from the process's first.
        late = spacing.leap == "trailing" or spacing.offset > 0
        return Schedule(
            process=_process(self),
            preconditioning=TargetPreconditioning(
                predicts=_choice(self, "prediction_type", _TARGETS), variance=_LEARNED.get(variance, "none")
            ),
            spacing=spacing,
            sampler=AncestralConfig(variance=_FIXED.get(variance, "small"), last_noise=late),
            threshold=_threshold(self),
        )


@dataclass(frozen=True, kw_only=True)
class DDIMArguments(_Arguments):
    """Arguments of ``DDIMScheduler``."""

    set_alpha_to_one: bool = True

    def schedule(self) -> Schedule:
        """In our words."""
        if self.beta_schedule == "sigmoid":
            raise BadInput("beta_schedule: the library's DDIM knows no 'sigmoid'")
        return Schedule(
            process=_process(self),
            preconditioning=TargetPreconditioning(predicts=_choice(self, "prediction_type", _TARGETS)),
            spacing=_spacing(self, until="clean" if self.set_alpha_to_one else "first"),
            sampler=DDIMConfig(clipped_noise=False, even=self.timestep_spacing != "leading"),
            threshold=_threshold(self),
        )


@dataclass(frozen=True, kw_only=True)
class UnCLIPArguments:
    """Arguments of ``UnCLIPScheduler``."""

    num_train_timesteps: int = 1000
    variance_type: Literal["fixed_small_log", "learned_range"] = "fixed_small_log"
    clip_sample: bool = True
    clip_sample_range: float = 1.0
    prediction_type: Literal["epsilon", "sample"] = "epsilon"
    beta_schedule: str = "squaredcos_cap_v2"

    def schedule(self) -> Schedule:
        """In our words: DDPM on the cosine process, whose steps are evenly spaced with both ends."""
        if self.beta_schedule != "squaredcos_cap_v2":
            raise BadInput(f"beta_schedule: {self.beta_schedule!r} is not followed, only squaredcos_cap_v2 is")
        like_ddpm = DDPMArguments(
            num_train_timesteps=self.num_train_timesteps,
            beta_schedule=self.beta_schedule,
            variance_type=self.variance_type,
            clip_sample=self.clip_sample,
            clip_sample_range=self.clip_sample_range,
            prediction_type=self.prediction_type,
            timestep_spacing="linspace",
        )
        return like_ddpm.schedule()


SCHEDULERS: Mapping[str, type[DDPMArguments | DDIMArguments | UnCLIPArguments]] = {
    "DDPMScheduler": DDPMArguments,
    "DDIMScheduler": DDIMArguments,
    "UnCLIPScheduler": UnCLIPArguments,
}
"""Arguments of the schedulers that are read, by their published names."""


def read_schedule(published: Mapping[str, Any]) -> Schedule:
    """What a scheduler's config says.

    Raises:
        BadInput: another scheduler, an unknown setting, or one that is not followed; the message names it.
    """
    kind = str(published.get("_class_name"))
    if kind not in SCHEDULERS:
        raise BadInput(f"_class_name: {kind!r} is not followed, only {', '.join(SCHEDULERS)} are")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    try:
        arguments: DDPMArguments | DDIMArguments | UnCLIPArguments = decode(SCHEDULERS[kind], given, kind)
        return arguments.schedule()
    except (BadConfig, ValueError) as problem:
        raise BadInput(str(problem)) from problem


def write_schedule(schedule: Schedule) -> dict[str, Any]:
    """The content of ``scheduler_config.json``; :func:`read_schedule` reads it back, but for what nobody can tell.

    Raises:
        BadInput: the library cannot say a field; the message names it.
    """
    betas = {ours: theirs for theirs, ours in _BETAS.items()}
    targets = {ours: theirs for theirs, ours in _TARGETS.items()}
    variances = {ours: theirs for theirs, ours in _LEARNED.items()}
    process, predicts, spacing = schedule.process, schedule.preconditioning.predicts, schedule.spacing
    if process.betas == "cosine" and (process.offset, process.largest) != (0.008, 0.999):
        raise BadInput(f"process: the library's cosine has an offset of 0.008 and a largest of 0.999, not {process}")
    if predicts not in targets:
        raise BadInput(f"preconditioning.predicts: schedulers take {', '.join(targets)}, this network says {predicts}")
    common: dict[str, Any] = {
        "num_train_timesteps": process.steps,
        "beta_start": process.first,
        "beta_end": process.last,
        "beta_schedule": betas.get(process.betas, "linear"),
        "trained_betas": process.trained or None,
        "rescale_betas_zero_snr": process.zero_terminal_snr,
        "prediction_type": targets[predicts],
        "timestep_spacing": spacing.leap,
        "steps_offset": spacing.offset,
        **_written_threshold(schedule.threshold),
    }
    learned = schedule.preconditioning.variance
    arguments: DDPMArguments | DDIMArguments
    if isinstance(schedule.sampler, DDIMConfig):
        if learned != "none":
            raise BadInput("preconditioning.variance: DDIM's scheduler takes no learned variance")
        if process.betas == "sigmoid":
            raise BadInput("process.betas: DDIM's scheduler knows no 'sigmoid'")
        arguments = DDIMArguments(**common, set_alpha_to_one=spacing.until == "clean")
    else:
        if learned == "log":
            raise BadInput("preconditioning.variance: schedulers take a variance or a share, not a logarithm")
        variance = variances.get(learned, f"fixed_{schedule.sampler.variance}")
        arguments = DDPMArguments(**common, variance_type=variance)
    name = next(name for name, kind in SCHEDULERS.items() if isinstance(arguments, kind))
    fields = {key: value for key, value in encode(arguments).items() if key not in ("kind", "tensor_format")}
    return {"_class_name": name} | fields


def _process(arguments: _Arguments) -> DiscreteProcess:
    if not 1 <= arguments.num_train_timesteps <= _MOST_STEPS:
        raise BadInput(f"num_train_timesteps: must be in 1 … {_MOST_STEPS}, got {arguments.num_train_timesteps}")
    if not 0 < arguments.beta_start <= arguments.beta_end < 1:
        between = f"got {arguments.beta_start} and {arguments.beta_end}"
        raise BadInput(f"beta_start, beta_end: 0 < beta_start <= beta_end < 1 must hold, {between}")
    trained = arguments.trained_betas
    if trained is not None and len(trained) != arguments.num_train_timesteps:
        raise BadInput(f"trained_betas: {len(trained)} of them for {arguments.num_train_timesteps} num_train_timesteps")
    return DiscreteProcess(
        steps=arguments.num_train_timesteps,
        betas=_choice(arguments, "beta_schedule", _BETAS) if trained is None else "trained",
        first=arguments.beta_start,
        last=arguments.beta_end,
        trained=trained or (),
        zero_terminal_snr=arguments.rescale_betas_zero_snr,
    )


def _spacing(arguments: _Arguments, until: Literal["clean", "first"] = "clean") -> StepSpacing:
    leap = arguments.timestep_spacing
    # The library adds the offset to no other spacing.
    return StepSpacing(leap=leap, offset=arguments.steps_offset if leap == "leading" else 0, until=until)


def _threshold(arguments: _Arguments) -> AnyThreshold | None:
    if arguments.thresholding:
        return DynamicThreshold(share=arguments.dynamic_thresholding_ratio, largest=arguments.sample_max_value)
    return StaticThreshold(largest=arguments.clip_sample_range) if arguments.clip_sample else None


def _written_threshold(threshold: AnyThreshold | None) -> dict[str, Any]:
    if isinstance(threshold, DynamicThreshold):
        return {
            "thresholding": True,
            "dynamic_thresholding_ratio": threshold.share,
            "sample_max_value": threshold.largest,
        }
    return {"clip_sample": False} if threshold is None else {"clip_sample_range": threshold.largest}


def _choice(arguments: _Arguments, field: str, choices: Mapping[Any, Any]) -> Any:
    value = getattr(arguments, field)
    if value not in choices:
        raise BadInput(f"{field}: {value!r} is not followed, only {', '.join(choices)} are")
    return choices[value]
