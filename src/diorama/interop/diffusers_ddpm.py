"""Schedulers of diffusers that walk a discrete process step by step: DDPM's, DDIM's and unCLIP's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import TARGETS, ProcessArguments, Schedule, choice, process_of
from diorama.processes.catalog import AnyThreshold
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig

_FIXED: dict[Any, Any] = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large"}
LEARNED: dict[Any, Any] = {"learned": "plain", "learned_range": "share"}


@dataclass(frozen=True, kw_only=True)
class _Arguments(ProcessArguments):
    """What DDPM's and DDIM's scheduler have, with the library's defaults; ``tensor_format`` is of 2022 and changes
    nothing."""

    clip_sample: bool = True
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    clip_sample_range: float = 1.0
    sample_max_value: float = 1.0
    rescale_betas_zero_snr: bool = False
    tensor_format: str | None = None


@dataclass(frozen=True, kw_only=True)
class DDPMArguments(_Arguments):
    """Arguments of ``DDPMScheduler``."""

    variance_type: str = "fixed_small"

    def schedule(self) -> Schedule:
        """In our words."""
        variance = self.variance_type
        if variance not in _FIXED and variance not in LEARNED:
            known = ", ".join((*_FIXED, *LEARNED))
            raise BadInput(f"variance_type: {variance!r} is not followed, only {known} are")
        spacing = StepSpacing(leap=self.timestep_spacing, offset=self.offset)
        # The library draws noise wherever a step does not start from the process's first.
        late = spacing.leap == "trailing" or spacing.offset > 0
        return Schedule(
            process=process_of(self, zero_terminal_snr=self.rescale_betas_zero_snr),
            preconditioning=TargetPreconditioning(
                predicts=choice(self, "prediction_type", TARGETS), variance=LEARNED.get(variance, "none")
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
            process=process_of(self, zero_terminal_snr=self.rescale_betas_zero_snr),
            preconditioning=TargetPreconditioning(predicts=choice(self, "prediction_type", TARGETS)),
            spacing=StepSpacing(
                leap=self.timestep_spacing,
                offset=self.offset,
                until="clean" if self.set_alpha_to_one else "first",
            ),
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


def _threshold(arguments: _Arguments) -> AnyThreshold | None:
    if arguments.thresholding:
        return DynamicThreshold(share=arguments.dynamic_thresholding_ratio, largest=arguments.sample_max_value)
    return StaticThreshold(largest=arguments.clip_sample_range) if arguments.clip_sample else None
