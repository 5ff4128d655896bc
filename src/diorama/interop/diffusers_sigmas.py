"""Schedulers of diffusers that walk down ratios of noise to signal: Euler's, with fresh noise or without, and Heun's.

They keep ``x / alpha`` where Diorama keeps ``x``: their Euler step is DDIM's, and with fresh noise DDIM's with eta 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import TARGETS, ProcessArguments, Schedule, choice, process_of
from diorama.processes.curves import Curve, CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import Leap
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.heun import HeunConfig

_TERMINAL_SIGNAL = 2.0**-24
"""What zero terminal SNR leaves of the data here, the least that float16 can say."""


@dataclass(frozen=True, kw_only=True)
class EulerAncestralArguments(ProcessArguments):
    """Arguments of ``EulerAncestralDiscreteScheduler``."""

    timestep_spacing: Leap = "linspace"
    rescale_betas_zero_snr: bool = False

    def schedule(self) -> Schedule:
        """In our words."""
        spacing = CurveSpacing(leap=self.timestep_spacing, offset=self.offset)
        process = _process(self, spacing, zero_terminal_snr=self.rescale_betas_zero_snr)
        return _schedule(self, process, spacing, DDIMConfig(eta=1.0, clipped_noise=False))


@dataclass(frozen=True, kw_only=True)
class _CurveArguments(ProcessArguments):
    """Of schedulers whose sigmas may follow a curve."""

    timestep_spacing: Leap = "linspace"
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False

    def spacing(self) -> CurveSpacing:
        """The times, along the one curve that is asked for.

        Raises:
            BadInput: several are asked for.
        """
        asked: dict[Curve, bool] = {
            "karras": self.use_karras_sigmas,
            "exponential": self.use_exponential_sigmas,
            "beta": self.use_beta_sigmas,
        }
        if sum(asked.values()) > 1:
            raise BadInput("use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas: only one of them can be used")
        found: Curve = next((curve for curve, wanted in asked.items() if wanted), "times")
        return CurveSpacing(leap=self.timestep_spacing, offset=self.offset, curve=found)


@dataclass(frozen=True, kw_only=True)
class EulerArguments(_CurveArguments):
    """Arguments of ``EulerDiscreteScheduler``."""

    interpolation_type: Literal["linear", "log_linear"] = "linear"
    sigma_min: float | None = None
    sigma_max: float | None = None
    timestep_type: Literal["discrete", "continuous"] = "discrete"
    rescale_betas_zero_snr: bool = False
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"

    def schedule(self) -> Schedule:
        """In our words."""
        if self.timestep_type != "discrete":
            raise BadInput("timestep_type: 'continuous' is not followed, only 'discrete' is")
        if self.final_sigmas_type != "zero":
            raise BadInput("final_sigmas_type: 'sigma_min' is not followed, only 'zero' is")
        if self.interpolation_type != "linear":
            raise BadInput("interpolation_type: 'log_linear' is not followed, only 'linear' is")
        spacing = replace(self.spacing(), low=self.sigma_min, high=self.sigma_max)
        process = _process(self, spacing, zero_terminal_snr=self.rescale_betas_zero_snr)
        return _schedule(self, process, spacing, DDIMConfig(clipped_noise=False))


@dataclass(frozen=True, kw_only=True)
class HeunArguments(_CurveArguments):
    """Arguments of ``HeunDiscreteScheduler``."""

    beta_start: float = 0.00085
    beta_end: float = 0.012
    clip_sample: bool = False
    clip_sample_range: float = 1.0

    def schedule(self) -> Schedule:
        """In our words."""
        spacing = self.spacing()
        found = _schedule(self, _process(self, spacing), spacing, HeunConfig(along="ratio"))
        threshold = StaticThreshold(largest=self.clip_sample_range) if self.clip_sample else None
        return replace(found, threshold=threshold)


def _process(arguments: ProcessArguments, spacing: CurveSpacing, *, zero_terminal_snr: bool = False) -> DiscreteProcess:
    return replace(
        process_of(arguments, zero_terminal_snr=zero_terminal_snr),
        terminal_signal=_TERMINAL_SIGNAL if zero_terminal_snr else 0.0,
        # Sigmas are interpolated for times, logarithms of sigmas for curves.
        between="ratio" if spacing.curve == "times" else "log_ratio",
        prior="unit" if spacing.leap == "leading" else "noise",
    )


def _schedule(
    arguments: ProcessArguments, process: DiscreteProcess, spacing: CurveSpacing, sampler: DDIMConfig | HeunConfig
) -> Schedule:
    return Schedule(
        process=process,
        preconditioning=TargetPreconditioning(predicts=choice(arguments, "prediction_type", TARGETS)),
        spacing=spacing,
        sampler=sampler,
        threshold=None,
    )
