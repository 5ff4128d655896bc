"""Schedulers of diffusers that walk a discrete process step by step: DDPM's, DDIM's and unCLIP's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import TARGETS, ProcessArguments, Schedule, choice, process_of
from diorama.processes.catalog import AnyThreshold
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.ddim import DDIMConfig

_FIXED: dict[Any, Any] = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large"}
LEARNED: dict[Any, Any] = {"learned": "plain", "learned_range": "share"}


@dataclass(frozen=True, kw_only=True)
class ClippedArguments(ProcessArguments):
    """What schedulers have that limit clean samples, with the defaults of DDPM's."""

    clip_sample: bool = True
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    clip_sample_range: float = 1.0
    sample_max_value: float = 1.0
    rescale_betas_zero_snr: bool = False

    def threshold(self) -> AnyThreshold | None:
        """How clean samples are limited."""
        if self.thresholding:
            return DynamicThreshold(share=self.dynamic_thresholding_ratio, largest=self.sample_max_value)
        return StaticThreshold(largest=self.clip_sample_range) if self.clip_sample else None


@dataclass(frozen=True, kw_only=True)
class _Arguments(ClippedArguments):
    """What DDPM's and DDIM's scheduler have; ``tensor_format`` is of 2022 and changes nothing."""

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
            threshold=self.threshold(),
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
            threshold=self.threshold(),
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
        found = like_ddpm.schedule()
        sampler = AncestralConfig(variance="small", last_scale=_last_scale(process_of(like_ddpm)))
        return replace(found, sampler=sampler)


def _last_scale(process: DiscreteProcess) -> float:
    """What the library multiplies the last clean samples by: beta_1 / (1 - (1 - beta_1)), worked out in float32."""
    beta = process.variances[0].float()
    return float(beta / (1 - (1 - beta)))
