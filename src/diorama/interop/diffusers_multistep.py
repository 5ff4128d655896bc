"""Schedulers of diffusers that integrate in log(alpha / sigma): DPM-Solver's, DEIS's, UniPC's and SA-Solver's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import Schedule, process_of
from diorama.interop.diffusers_solver_fields import (
    LEARNED,
    DynamicShift,
    Final,
    Levels,
    SolverArguments,
    discrete_levels,
    even_flow,
    float32_ratios,
    flow_levels,
    latest_of,
)
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.solver_spacing import FlowSolverSpacing, SolverSpacing
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.threshold import DynamicThreshold
from diorama.samplers.catalog import AnySampler
from diorama.samplers.deis import DEISConfig
from diorama.samplers.dpm_solver import DPMSolverConfig, SinglestepDPMSolverConfig
from diorama.samplers.exponential import Predicts
from diorama.samplers.sa_solver import SASolverConfig
from diorama.samplers.unipc import UniPCConfig

SolverType = Literal["midpoint", "heun", "logrho", "bh1", "bh2"]
"""The library's schedulers take each other's configs, and put their own default in the place of another's type."""
_JUST_BELOW_ONE = 1 - 17 * 2.0**-24
"""float32's number nearest to 1 - 1e-6."""


@dataclass(frozen=True, kw_only=True)
class _DPMArguments(SolverArguments, DynamicShift):
    """What both DPM-Solver schedulers have."""

    solver_order: int = 2
    algorithm_type: Literal["dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis"] = "dpmsolver++"
    solver_type: SolverType = "midpoint"
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"
    lambda_min_clipped: float = -math.inf
    variance_type: Literal["learned", "learned_range"] | None = None

    @property
    def predicts(self) -> Predicts:
        """Along which prediction is integrated."""
        return "noise" if self.algorithm_type in ("dpmsolver", "sde-dpmsolver") else "clean"

    def settings(self) -> dict[str, Any]:
        """Of the sampler, of either kind.

        Raises:
            BadInput: the library does not have what is asked for; the message names it.
        """
        if self.predicts == "noise" and self.final_sigmas_type == "zero":
            raise BadInput(f"final_sigmas_type: with algorithm_type {self.algorithm_type!r} only 'sigma_min' can be")
        if self.algorithm_type == "sde-dpmsolver" and self.solver_order == 3:
            raise BadInput("solver_order: 'sde-dpmsolver' has none but 1 and 2")
        return {
            "order": self.solver_order,
            "predicts": self.predicts,
            "rule": "heun" if self.solver_type == "heun" else "midpoint",
            "stochastic": self.algorithm_type.startswith("sde-"),
            "third": "published",
            "lower_order_final": self.lower_order_final,
        }

    def levels(self, *, lu: bool = False, nearest: bool | None = None, zero_terminal_snr: bool = False) -> Levels:
        """What is walked, see :func:`~diorama.interop.diffusers_solver_fields.discrete_levels`.

        Args:
            lu: evenly spaced logarithms take the place of the curve, which are an exponential curve.
            nearest: as there.
            zero_terminal_snr: as there.
        """
        self.check_shift()
        _check_noise_target(self, self.predicts)
        if self.variance_type is not None and self.prediction_type != "epsilon":
            raise BadInput("variance_type: the library follows it with prediction_type 'epsilon' alone")
        if self.use_flow_sigmas:
            if self.variance_type is not None:
                raise BadInput("variance_type: not followed together with use_flow_sigmas")
            return flow_levels(self, even_flow(self, self.final_sigmas_type))
        process = process_of(self, zero_terminal_snr=zero_terminal_snr)
        spacing = SolverSpacing(
            leap=self.timestep_spacing,
            offset=self.offset,
            latest=latest_of(process, self.lambda_min_clipped),
            curve="exponential" if lu else self.curve,
        )
        return discrete_levels(
            self,
            spacing,
            final=self.final_sigmas_type,
            variance=LEARNED[self.variance_type],
            nearest=nearest,
            logarithms=lu,
            zero_terminal_snr=zero_terminal_snr,
        )


@dataclass(frozen=True, kw_only=True)
class DPMSolverMultistepArguments(_DPMArguments):
    """Arguments of ``DPMSolverMultistepScheduler``."""

    euler_at_final: bool = False
    use_lu_lambdas: bool = False
    rescale_betas_zero_snr: bool = False

    def schedule(self) -> Schedule:
        """In our words."""
        # Karras's curve goes before.
        lu = self.use_lu_lambdas and self.curve != "karras"
        if lu and self.use_flow_sigmas:
            raise BadInput("use_lu_lambdas: not followed together with use_flow_sigmas")
        cosine = self.beta_schedule == "squaredcos_cap_v2"
        nearest = (lu or self.curve == "karras") and not cosine
        levels = self.levels(lu=lu, nearest=nearest, zero_terminal_snr=self.rescale_betas_zero_snr)
        sampler = DPMSolverConfig(**self.settings(), euler_at_final=self.euler_at_final)
        return _schedule(self, levels, sampler)


@dataclass(frozen=True, kw_only=True)
class DPMSolverSinglestepArguments(_DPMArguments):
    """Arguments of ``DPMSolverSinglestepScheduler``."""

    lower_order_final: bool = False

    def schedule(self) -> Schedule:
        """In our words."""
        if self.timestep_spacing != "linspace" or self.steps_offset:
            raise BadInput("timestep_spacing, steps_offset: the library's singlestep scheduler has 'linspace' alone")
        if self.algorithm_type == "sde-dpmsolver":
            raise BadInput("algorithm_type: the library's singlestep scheduler has no 'sde-dpmsolver'")
        if self.predicts == "noise" and self.thresholding:
            raise BadInput("thresholding: the library's singlestep scheduler has none with algorithm_type 'dpmsolver'")
        return _schedule(self, self.levels(), SinglestepDPMSolverConfig(**self.settings()))


@dataclass(frozen=True, kw_only=True)
class DEISArguments(SolverArguments, DynamicShift):
    """Arguments of ``DEISMultistepScheduler``."""

    solver_order: int = 2
    algorithm_type: Literal["deis", "dpmsolver", "dpmsolver++"] = "deis"
    solver_type: SolverType = "logrho"

    def schedule(self) -> Schedule:
        """In our words."""
        self.check_shift()
        levels = _plain_levels(self, SolverSpacing(leap=self.timestep_spacing, offset=self.offset, curve=self.curve))
        return _schedule(self, levels, DEISConfig(order=self.solver_order, lower_order_final=self.lower_order_final))


@dataclass(frozen=True, kw_only=True)
class UniPCArguments(SolverArguments, DynamicShift):
    """Arguments of ``UniPCMultistepScheduler``."""

    solver_order: int = 2
    predict_x0: bool = True
    solver_type: SolverType = "bh2"
    disable_corrector: tuple[int, ...] = ()
    solver_p: Any = None
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"
    rescale_betas_zero_snr: bool = False
    sigma_min: float | None = None
    sigma_max: float | None = None
    shift_terminal: float | None = None

    def schedule(self) -> Schedule:
        """In our words."""
        self.check_shift()
        if self.solver_p is not None:
            raise BadInput("solver_p: another scheduler as a predictor is not followed")
        if self.shift_terminal is not None and not self.use_flow_sigmas:
            raise BadInput("shift_terminal: is of use_flow_sigmas alone")
        predicts: Predicts = "clean" if self.predict_x0 else "noise"
        _check_noise_target(self, predicts)
        sampler = UniPCConfig(
            order=self.solver_order,
            predicts=predicts,
            variant="bh1" if self.solver_type == "bh1" else "bh2",
            lower_order_final=self.lower_order_final,
            uncorrected=self.disable_corrector,
        )
        return _schedule(self, self._levels(), sampler, limited=self.predict_x0)

    def _levels(self) -> Levels:
        if self.use_flow_sigmas:
            return flow_levels(self, self._flow_spacing())
        largest = float(float32_ratios(self, zero_terminal_snr=self.rescale_betas_zero_snr)[-1])
        if self.curve != "times" and (self.sigma_max or 0) > largest * (1 + 1e-5):
            raise BadInput(f"sigma_max: {self.sigma_max} is not followed, the process ends at {largest:.6g}")
        # Along a curve the last sigma of the curve counts, which sigma_min may have moved.
        final: Final = "zero" if self.final_sigmas_type == "zero" else "repeated"
        spacing = SolverSpacing(
            leap=self.timestep_spacing,
            offset=self.offset,
            curve=self.curve,
            low=None if self.curve == "times" else self.sigma_min,
            high=None if self.curve == "times" else self.sigma_max,
        )
        return discrete_levels(self, spacing, final=final, zero_terminal_snr=self.rescale_betas_zero_snr)

    def _flow_spacing(self) -> FlowSolverSpacing | KarrasSpacing:
        repeated = self.final_sigmas_type == "sigma_min"
        if self.curve == "karras":
            table = float32_ratios(self, zero_terminal_snr=self.rescale_betas_zero_snr)
            return KarrasSpacing(
                low=self.sigma_min or float(table[0]),
                high=self.sigma_max or float(table[-1]),
                until="start" if repeated else "clean",
            )
        if self.curve != "times":
            raise BadInput(f"use_{self.curve}_sigmas: not followed together with use_flow_sigmas")
        return FlowSolverSpacing(
            least=1 / self.num_train_timesteps,
            begin="noise",
            shift=self.flow_shift,
            stretched_to=self.shift_terminal or None,
            latest=_JUST_BELOW_ONE,
            until=None if repeated else 0.0,
        )


@dataclass(frozen=True, kw_only=True)
class SASolverArguments(SolverArguments):
    """Arguments of ``SASolverScheduler``."""

    predictor_order: int = 2
    corrector_order: int = 2
    tau_func: Any = None
    algorithm_type: Literal["data_prediction", "noise_prediction"] = "data_prediction"
    lambda_min_clipped: float = -math.inf
    variance_type: Literal["learned", "learned_range"] | None = None

    def schedule(self) -> Schedule:
        """In our words: with the library's own tau, 1 where a network is told a time in 200 … 800, and else 0."""
        predicts: Predicts = "clean" if self.algorithm_type == "data_prediction" else "noise"
        _check_noise_target(self, predicts)
        if self.tau_func is not None:
            raise BadInput("tau_func: a function of one's own is not followed")
        if self.corrector_order < 1:
            raise BadInput(f"corrector_order: must be at least 1, got {self.corrector_order}")
        if predicts == "noise" and self.thresholding:
            raise BadInput("thresholding: the library has none with algorithm_type 'noise_prediction'")
        if self.variance_type is not None and (self.prediction_type != "epsilon" or self.use_flow_sigmas):
            raise BadInput("variance_type: followed with prediction_type 'epsilon' and without use_flow_sigmas alone")
        spacing = SolverSpacing(
            leap=self.timestep_spacing,
            offset=self.offset,
            latest=latest_of(process_of(self), self.lambda_min_clipped),
            curve=self.curve,
        )
        levels = _plain_levels(self, spacing, self.variance_type)
        low, high = _stochastic_ratios(levels)
        sampler = SASolverConfig(
            predictor_order=self.predictor_order,
            corrector_order=self.corrector_order,
            predicts=predicts,
            tau_low=low,
            tau_high=high,
            lower_order_final=self.lower_order_final,
        )
        return _schedule(self, levels, sampler)


@dataclass(frozen=True, kw_only=True)
class EDMDPMSolverArguments:
    """Arguments of ``EDMDPMSolverMultistepScheduler``; ``num_train_timesteps`` changes nothing."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sigma_data: float = 0.5
    sigma_schedule: Literal["karras", "exponential"] = "karras"
    num_train_timesteps: int = 1000
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    rho: float = 7.0
    solver_order: int = 2
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    sample_max_value: float = 1.0
    algorithm_type: Literal["dpmsolver++", "sde-dpmsolver++", "deis"] = "dpmsolver++"
    solver_type: SolverType = "midpoint"
    lower_order_final: bool = True
    euler_at_final: bool = False
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"

    def schedule(self) -> Schedule:
        """In our words."""
        stochastic = self.algorithm_type == "sde-dpmsolver++"
        if stochastic and self.solver_order == 3:
            raise BadInput("solver_order: the library's EDM scheduler has none but 1 and 2 with 'sde-dpmsolver++'")
        threshold = DynamicThreshold(share=self.dynamic_thresholding_ratio, largest=self.sample_max_value)
        return Schedule(
            process=ExplodingProcess(sigma_max=self.sigma_max, prior_data=1.0),
            preconditioning=EDMPreconditioning(
                sigma_data=self.sigma_data, reverse=self.prediction_type == "v_prediction"
            ),
            spacing=KarrasSpacing(
                low=self.sigma_min,
                high=self.sigma_max,
                rho=self.rho if self.sigma_schedule == "karras" else math.inf,
                until="clean" if self.final_sigmas_type == "zero" else "start",
            ),
            sampler=DPMSolverConfig(
                order=self.solver_order,
                rule="heun" if self.solver_type == "heun" else "midpoint",
                stochastic=stochastic,
                third="published",
                lower_order_final=self.lower_order_final,
                euler_at_final=self.euler_at_final,
            ),
            threshold=threshold if self.thresholding else None,
        )


def _check_noise_target(arguments: SolverArguments, predicts: Predicts) -> None:
    if predicts == "noise" and arguments.prediction_type == "flow_prediction":
        raise BadInput("prediction_type: 'flow_prediction' is followed by solvers of clean samples alone")


def _plain_levels(
    arguments: SolverArguments, spacing: SolverSpacing, variance: Literal["learned", "learned_range"] | None = None
) -> Levels:
    """Of those who have no other end than their last sigma, or the first step's."""
    if arguments.use_flow_sigmas:
        return flow_levels(arguments, even_flow(arguments, "repeated"))
    return discrete_levels(arguments, spacing, final="repeated", variance=LEARNED[variance])


def _stochastic_ratios(levels: Levels) -> tuple[float, float]:
    """sigma / alpha between which networks are told times in 200 … 800, whole ones."""
    asks = levels.preconditioning
    # Half-way between the last time that does not count and the first that does, where times are whole or rounded.
    first, last = (200.0, 801 - 1e-6) if asks.whole == "below" else (199.5, 800.5)
    if asks.time_input == "step":
        first, last = first + 1, last + 1
    ends = []
    for told in (first, last):
        time = torch.tensor(told / asks.time_scale, dtype=torch.float64, device="cpu")
        level = levels.process.at(time.clamp(max=levels.process.end))
        ends.append((level.sigma / level.alpha).item() if time < levels.process.end else math.inf)
    return ends[0], ends[1]


def _schedule(arguments: SolverArguments, levels: Levels, sampler: AnySampler, *, limited: bool = True) -> Schedule:
    return Schedule(
        process=levels.process,
        preconditioning=levels.preconditioning,
        spacing=levels.spacing,
        sampler=sampler,
        threshold=arguments.threshold() if limited else None,
    )
