"""Schedulers of diffusers for models that jump to clean data: LCM's, TCD's and that of consistency models."""

from __future__ import annotations

from dataclasses import dataclass

from diorama.interop.diffusers_ddpm import ClippedArguments
from diorama.interop.diffusers_schedule import TARGETS, Schedule, choice, process_of
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.lcm import LCMConfig
from diorama.samplers.tcd import TCDConfig


@dataclass(frozen=True, kw_only=True)
class _DistilledArguments(ClippedArguments):
    """What LCM's and TCD's schedulers have; they read neither spacing nor ``set_alpha_to_one``."""

    beta_start: float = 0.00085
    beta_end: float = 0.012
    beta_schedule: str = "scaled_linear"
    original_inference_steps: int = 50
    clip_sample: bool = False
    set_alpha_to_one: bool = True
    timestep_scaling: float = 10.0


@dataclass(frozen=True, kw_only=True)
class LCMArguments(_DistilledArguments):
    """Arguments of ``LCMScheduler``."""

    def schedule(self) -> Schedule:
        """In our words."""
        return Schedule(
            process=process_of(self, zero_terminal_snr=self.rescale_betas_zero_snr),
            preconditioning=TargetPreconditioning(predicts=choice(self, "prediction_type", TARGETS)),
            spacing=DistilledSpacing(grid=self.original_inference_steps),
            sampler=LCMConfig(time_scale=self.timestep_scaling),
            threshold=self.threshold(),
        )


@dataclass(frozen=True, kw_only=True)
class TCDArguments(_DistilledArguments):
    """Arguments of ``TCDScheduler``, which limits no clean samples whatever it is told."""

    def schedule(self) -> Schedule:
        """In our words. The noise of the first step is left in the samples, as in the library."""
        return Schedule(
            process=process_of(self, zero_terminal_snr=self.rescale_betas_zero_snr),
            preconditioning=TargetPreconditioning(predicts=choice(self, "prediction_type", TARGETS)),
            spacing=DistilledSpacing(grid=self.original_inference_steps, until="first"),
            sampler=TCDConfig(),
            threshold=None,
        )


@dataclass(frozen=True, kw_only=True)
class CMArguments:
    """Arguments of ``CMStochasticIterativeScheduler``."""

    num_train_timesteps: int = 40
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sigma_data: float = 0.5
    s_noise: float = 1.0
    rho: float = 7.0
    clip_denoised: bool = True

    def schedule(self) -> Schedule:
        """In our words."""
        return Schedule(
            process=ExplodingProcess(sigma_max=self.sigma_max),
            preconditioning=ConsistencyPreconditioning(
                sigma_data=self.sigma_data, sigma_min=self.sigma_min, time_scale=1000.0
            ),
            spacing=KarrasGridSpacing(
                low=self.sigma_min, high=self.sigma_max, rho=self.rho, grid=self.num_train_timesteps
            ),
            sampler=ConsistencyConfig(sigma_min=self.sigma_min, noise_scale=self.s_noise),
            threshold=StaticThreshold() if self.clip_denoised else None,
            # Of the library's pipeline of consistency models.
            steps=1,
        )
