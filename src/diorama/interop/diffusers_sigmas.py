"""Schedulers of diffusers that walk down ratios of noise to signal: of Euler, Heun, KDPM2 and LMS.

They keep ``x / alpha`` where Diorama keeps ``x``: their Euler step is DDIM's, and with fresh noise DDIM's with eta 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import TARGETS, ProcessArguments, Schedule, choice, curve_of, process_of
from diorama.processes.curves import CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, Leap
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.catalog import AnySampler
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.kdpm2 import KDPM2Config
from diorama.samplers.lms import LMSConfig

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
        """The times, along the one curve that is asked for."""
        curve = curve_of(
            karras=self.use_karras_sigmas, exponential=self.use_exponential_sigmas, beta=self.use_beta_sigmas
        )
        return CurveSpacing(leap=self.timestep_spacing, offset=self.offset, curve=curve)


@dataclass(frozen=True, kw_only=True)
class EulerArguments(_CurveArguments):
    """Arguments of ``EulerDiscreteScheduler``.

    Where ``final_sigmas_type`` or ``interpolation_type`` leave noise in the samples, ours keep the scale alpha of its
    level, by which the library divides.
    """

    interpolation_type: Literal["linear", "log_linear"] = "linear"
    sigma_min: float | None = None
    sigma_max: float | None = None
    timestep_type: Literal["discrete", "continuous"] = "discrete"
    rescale_betas_zero_snr: bool = False
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"

    def schedule(self) -> Schedule:
        """In our words."""
        spacing = replace(
            self.spacing(),
            low=self.sigma_min,
            high=self.sigma_max,
            until="clean" if self.final_sigmas_type == "zero" else "first",
        )
        # The library reads the type for no other prediction.
        continuous = self.timestep_type == "continuous" and self.prediction_type == "v_prediction"
        free = continuous and spacing.curve in ("karras", "exponential")
        if free and self.sigma_min is not None and self.sigma_max is not None:
            return self._free(self.sigma_min, self.sigma_max, spacing)
        process = _process(self, spacing, zero_terminal_snr=self.rescale_betas_zero_snr)
        found = _schedule(self, process, spacing, DDIMConfig(clipped_noise=False))
        if self.interpolation_type == "log_linear":
            if continuous and spacing.curve == "times":
                raise BadInput("interpolation_type: 'log_linear' is not followed with timestep_type 'continuous'")
            found = _log_linear(found, process, spacing)
        if spacing.curve != "times":
            _check_ends(found, process)
        if continuous:
            return replace(found, preconditioning=_TOLD_SIGMA)
        if isinstance(found.preconditioning, TargetPreconditioning) and self.sigma_min is not None:
            # Below the first step's sigma the network is told the first step.
            return replace(found, preconditioning=replace(found.preconditioning, time_input="clamped_step"))
        return found

    def _free(self, low: float, high: float, spacing: CurveSpacing) -> Schedule:
        """Of a network that is told sigma, so that it may be any; Stable Video Diffusion's."""
        if self.final_sigmas_type != "zero":
            raise BadInput("final_sigmas_type: 'sigma_min' is not followed where sigma_min and sigma_max are given")
        return Schedule(
            process=ExplodingProcess(sigma_max=high, prior_data=1.0 if self.timestep_spacing == "leading" else 0.0),
            preconditioning=_TOLD_SIGMA,
            spacing=KarrasSpacing(low=low, high=high, rho=7.0 if spacing.curve == "karras" else math.inf),
            sampler=DDIMConfig(clipped_noise=False),
            threshold=None,
        )


_TOLD_SIGMA = EDMPreconditioning(sigma_data=1.0, reverse=True)
"""Of a network that predicts the velocity and is told a quarter of the logarithm of sigma / alpha."""


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


@dataclass(frozen=True, kw_only=True)
class LMSArguments(_CurveArguments):
    """Arguments of ``LMSDiscreteScheduler``, whose order is an argument of its steps."""

    def schedule(self) -> Schedule:
        """In our words."""
        spacing = self.spacing()
        return _schedule(self, _process(self, spacing), spacing, LMSConfig())


@dataclass(frozen=True, kw_only=True)
class KDPM2Arguments(_CurveArguments):
    """Arguments of ``KDPM2DiscreteScheduler``."""

    beta_start: float = 0.00085
    beta_end: float = 0.012

    def schedule(self) -> Schedule:
        """In our words."""
        return self._with_noise(0.0)

    def _with_noise(self, eta: float) -> Schedule:
        if self.prediction_type == "sample":
            raise BadInput("prediction_type: 'sample' is none of this scheduler's, which are epsilon, v_prediction")
        spacing = self.spacing()
        sampler = KDPM2Config(eta=eta, whole_times=spacing.curve == "karras")
        return _schedule(self, replace(_process(self, spacing), looked_up="log_ratio"), spacing, sampler)


@dataclass(frozen=True, kw_only=True)
class KDPM2AncestralArguments(KDPM2Arguments):
    """Arguments of ``KDPM2AncestralDiscreteScheduler``."""

    def schedule(self) -> Schedule:
        """In our words."""
        return self._with_noise(1.0)


def _process(arguments: ProcessArguments, spacing: CurveSpacing, *, zero_terminal_snr: bool = False) -> DiscreteProcess:
    return replace(
        process_of(arguments, zero_terminal_snr=zero_terminal_snr),
        terminal_signal=_TERMINAL_SIGNAL if zero_terminal_snr else 0.0,
        # Sigmas are interpolated for times, logarithms of sigmas for curves.
        between="ratio" if spacing.curve == "times" else "log_ratio",
        prior="unit" if spacing.leap == "leading" else "noise",
    )


def _schedule(
    arguments: ProcessArguments, process: DiscreteProcess, spacing: CurveSpacing, sampler: AnySampler
) -> Schedule:
    return Schedule(
        process=process,
        preconditioning=TargetPreconditioning(predicts=choice(arguments, "prediction_type", TARGETS)),
        spacing=spacing,
        sampler=sampler,
        threshold=None,
    )


def _log_linear(found: Schedule, process: DiscreteProcess, spacing: CurveSpacing) -> Schedule:
    """The ratios fall like a geometric series from the last step's to the first one's, whatever times are told."""
    ends = process.at(torch.tensor([1.0, process.end], dtype=torch.float64, device="cpu"))
    low, high = (ends.sigma / ends.alpha).tolist()
    if spacing.curve != "times":
        # The curve replaces them, and finds its ends there.
        low, high = (own if given is None else given for own, given in ((low, spacing.low), (high, spacing.high)))
        return replace(found, spacing=replace(spacing, low=low, high=high))
    return replace(
        found,
        process=replace(process, between="log_ratio"),
        spacing=KarrasSpacing(low=low, high=high, rho=math.inf, until="low"),
        sampler=EulerConfig(told=spacing),
    )


def _check_ends(found: Schedule, process: DiscreteProcess) -> None:
    """Refuse sigmas that no time of the process has.

    Raises:
        BadInput: naming them.
    """
    try:
        found.spacing.times(process, 1)
    except ValueError as problem:
        raise BadInput(f"sigma_min, sigma_max: {problem}") from problem
