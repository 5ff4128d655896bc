"""What diffusers' multistep schedulers have in common: fields, levels, and what they tell a network of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import TARGETS, ProcessArguments, choice, curve_of, process_of
from diorama.processes.catalog import AnyProcess, AnySpacing, AnyThreshold
from diorama.processes.curves import Curve
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.discrete import zero_terminal_snr as rescaled_to_zero
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import LearnedVariance, TargetPreconditioning
from diorama.processes.solver_spacing import FlowSolverSpacing, SolverSpacing
from diorama.processes.spacing import Leap
from diorama.processes.threshold import DynamicThreshold

LEARNED: dict[Any, LearnedVariance] = {None: "none", "learned": "plain", "learned_range": "share"}
Final = Literal["zero", "sigma_min", "repeated"]
"""Where the last step ends: at clean data, at the process's first step, or where it starts. Among whole steps the third
is as the second, and along a curve the second as the third."""

_TERMINAL_SIGNAL = 2.0**-24
"""What zero terminal SNR leaves of the data, the least that float16 can say."""
_BEYOND_FLOAT32 = 1e-7
"""A share by which a ratio moves without a trace in the library's float32."""


@dataclass(frozen=True, kw_only=True)
class SolverArguments(ProcessArguments):
    """Of all that walk a discrete process or a flow with one call of the network a step."""

    timestep_spacing: Leap = "linspace"
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    sample_max_value: float = 1.0
    lower_order_final: bool = True
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False
    use_flow_sigmas: bool = False
    flow_shift: float = 1.0

    @property
    def curve(self) -> Curve:
        """The one curve that is asked for.

        Raises:
            BadInput: several are asked for.
        """
        return curve_of(
            karras=self.use_karras_sigmas, exponential=self.use_exponential_sigmas, beta=self.use_beta_sigmas
        )

    def threshold(self) -> AnyThreshold | None:
        """How clean samples are limited."""
        if not self.thresholding:
            return None
        return DynamicThreshold(share=self.dynamic_thresholding_ratio, largest=self.sample_max_value)


@dataclass(frozen=True, kw_only=True)
class DynamicShift:
    """Of those whose shift of a flow may be chosen for each picture."""

    use_dynamic_shifting: bool = False
    time_shift_type: Literal["exponential", "linear"] = "exponential"

    def check_shift(self) -> None:
        """Refuse a shift that depends on the picture.

        Raises:
            BadInput: it does.
        """
        if self.use_dynamic_shifting:
            raise BadInput("use_dynamic_shifting: not followed, since the shift is not in the config; give flow_shift")


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What is walked, and what a network is told and asked there."""

    process: AnyProcess
    spacing: AnySpacing
    preconditioning: TargetPreconditioning


def discrete_levels(
    arguments: SolverArguments,
    spacing: SolverSpacing,
    *,
    final: Final,
    variance: LearnedVariance = "none",
    nearest: bool | None = None,
    logarithms: bool = False,
    zero_terminal_snr: bool = False,
) -> Levels:
    """Levels of a discrete process.

    Args:
        arguments: the scheduler's.
        spacing: which levels, but for where the last step ends.
        final: where it does.
        variance: what the network says of the reverse step's variance.
        nearest: along a curve networks are told the nearest whole time, not the one below; ``None`` where that is so
            along Karras's alone.
        logarithms: the curve is one of logarithms.
        zero_terminal_snr: nothing is left of the data at the end, but for the least that float16 can say.

    Raises:
        BadInput: a setting cannot be, or is not followed; the message names it.
    """
    if arguments.beta_schedule == "sigmoid":
        raise BadInput("beta_schedule: the library's multistep schedulers know no 'sigmoid'")
    if arguments.prediction_type == "flow_prediction":
        raise BadInput("prediction_type: 'flow_prediction' is followed with use_flow_sigmas alone")
    process = replace(
        process_of(arguments, zero_terminal_snr=zero_terminal_snr),
        terminal_signal=_TERMINAL_SIGNAL if zero_terminal_snr else 0.0,
    )
    along = spacing.curve
    if along != "times" and zero_terminal_snr and not _is_rising(process):
        raise BadInput("rescale_betas_zero_snr: its last step has less noise than the one before; no curve is followed")
    nearest = along == "karras" if nearest is None else nearest
    until: Literal["clean", "first", "start"] = "clean" if final == "zero" else "first"
    if along != "times":
        # Small betas leave float32 few digits of the first ratio, on which all of a curve depends.
        table = float32_ratios(arguments, zero_terminal_snr=zero_terminal_snr)
        low, high = spacing.low or float(table[0]), spacing.high
        if high is None and not nearest:
            high = _found_high(process, table, "logarithms" if logarithms else along)
        spacing = replace(spacing, low=low, high=high)
        until = "clean" if final == "zero" else "start"
    return Levels(
        process=process,
        spacing=replace(spacing, until=until),
        preconditioning=TargetPreconditioning(
            predicts=choice(arguments, "prediction_type", TARGETS),
            variance=variance,
            whole="no" if along == "times" else "nearest" if nearest else "below",
        ),
    )


def flow_levels(arguments: SolverArguments, spacing: AnySpacing) -> Levels:
    """Levels of a flow.

    Raises:
        BadInput: a setting cannot be, or is not followed; the message names it.
    """
    targets = {"flow_prediction": "flow", "epsilon": "noise", "sample": "clean"}
    if arguments.prediction_type not in targets:
        asked = f"{arguments.prediction_type!r} is not followed with use_flow_sigmas"
        raise BadInput(f"prediction_type: {asked}, only {', '.join(targets)} are")
    return Levels(
        process=FlowProcess(),
        spacing=spacing,
        preconditioning=TargetPreconditioning(
            predicts=targets[arguments.prediction_type],  # type: ignore[arg-type]
            time_input="time",
            time_scale=float(arguments.num_train_timesteps),
            whole="below",
        ),
    )


def even_flow(arguments: SolverArguments, final: Final) -> FlowSolverSpacing:
    """Times of a flow as all but UniPC have them.

    Raises:
        BadInput: a curve is asked for as well.
    """
    if arguments.curve != "times":
        raise BadInput(f"use_{arguments.curve}_sigmas: not followed together with use_flow_sigmas")
    return FlowSolverSpacing(
        least=1 / arguments.num_train_timesteps,
        shift=arguments.flow_shift,
        until={"zero": 0.0, "sigma_min": _first_ratio(process_of(arguments)), "repeated": None}[final],
    )


def latest_of(process: DiscreteProcess, least: float) -> int | None:
    """The last step whose log(alpha / sigma) is at least so large; ``None`` for all.

    Raises:
        BadInput: it is none.
    """
    if math.isinf(least) and least < 0:
        return None
    level = process.at(torch.arange(1, process.steps + 1, dtype=torch.float64, device="cpu"))
    found = int(((level.alpha / level.sigma).log() >= least).sum())
    if not found:
        raise BadInput(f"lambda_min_clipped: no step is left above {least}")
    return found


def _is_rising(process: DiscreteProcess) -> bool:
    """Whether every step has more noise than the one before; that of the terminal signal may have less."""
    last = process.at(torch.tensor([process.end - 1, process.end], dtype=torch.float64, device="cpu"))
    return bool(last.alpha[0] > last.alpha[1])


def _first_ratio(process: DiscreteProcess) -> float:
    level = process.at(torch.ones((), dtype=torch.float64, device="cpu"))
    return (level.sigma / level.alpha).item()


def _found_high(process: DiscreteProcess, table: np.ndarray, curve: Curve | Literal["logarithms"]) -> float:
    """The largest ratio, moved to where the library finds it in its table.

    Networks are told whole times below those that are found, and the first one is found at the table's end, or just
    before it: on which side is up to the last bits of the table, which is float32.
    """
    largest, least = float(table[-1]), float(table[0])
    first = {
        "karras": (largest ** (1 / 7)) ** 7,
        "exponential": np.exp(math.log(largest)),
        "logarithms": np.exp(float(np.log(table[-1]))),
        "beta": least + (largest - least),
    }[curve]
    below, last = np.log(table[-2:])
    found = (below - np.log(np.float64(first))) / (below - last)
    level = process.at(torch.tensor(process.end, dtype=torch.float64, device="cpu"))
    return (level.sigma / level.alpha).item() * (1 + math.copysign(_BEYOND_FLOAT32, found - 1))


def float32_ratios(arguments: SolverArguments, *, zero_terminal_snr: bool) -> np.ndarray:
    """sigma / alpha of every step, with the rounding errors of the library."""
    steps, first, last = arguments.num_train_timesteps, arguments.beta_start, arguments.beta_end
    if arguments.trained_betas is not None or arguments.beta_schedule == "squaredcos_cap_v2":
        betas = process_of(arguments).variances.float()
    elif arguments.beta_schedule == "scaled_linear":
        betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float32, device="cpu") ** 2
    else:
        betas = torch.linspace(first, last, steps, dtype=torch.float32, device="cpu")
    if zero_terminal_snr:
        betas = rescaled_to_zero(betas)
    signal = torch.cumprod(1 - betas, 0)
    if zero_terminal_snr:
        signal[-1] = _TERMINAL_SIGNAL
    return (((1 - signal) / signal) ** 0.5).numpy()
