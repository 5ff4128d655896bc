"""Whether two schedules draw the same pictures, and where they differ.

Several values of ours may mean the same walk: a static limit of 1 is a dynamic one whose largest quantile is 1, and
Euler's steps without churn are DDIM's. Both sides are brought to one form before they are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from diorama.core.worded import kind_in_words
from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.catalog import AnyProcess, AnySpacing, AnyThreshold
from diorama.processes.curves import CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.solver_spacing import SolverSpacing
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.catalog import AnySampler, name_of, sampler_named
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.deis import DEISConfig
from diorama.samplers.dpm_solver import DPMSolverConfig, SinglestepDPMSolverConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig
from diorama.samplers.lms import LMSConfig
from diorama.samplers.sa_solver import SASolverConfig
from diorama.samplers.unipc import UniPCConfig

_CLOSE = 1e-9
"""Of numbers that are worked out on the way to a file and back."""
_AT_VISITED_LEVELS = (AncestralConfig, DDIMConfig, DEISConfig, DPMSolverConfig, LMSConfig, SASolverConfig, UniPCConfig)
"""Samplers that ask for no level between those that are visited."""


@dataclass(frozen=True)
class Difference:
    """One setting that is another on the other side.

    Args:
        where: ``sampler.order``; a whole part, such as ``sampler``, where the parts are of two kinds.
        ours: the value here.
        theirs: the value there.
    """

    where: str
    ours: Any
    theirs: Any


def differences(ours: Schedule, theirs: Schedule) -> list[Difference]:
    """Where two schedules differ in what they draw, at the number of steps that ``ours`` says.

    The number itself is not compared. Spacings that visit the same levels at that number are the same.
    """
    steps = ours.steps
    one, other = canonical(ours, steps), canonical(theirs, steps)
    found = [*_within("process", one.process, other.process)]
    found += _within("preconditioning", one.preconditioning, other.preconditioning)
    if one.spacing != other.spacing and not _visit_the_same(one, other, steps):
        found += _within("spacing", one.spacing, other.spacing)
    found += _within("sampler", one.sampler, other.sampler)
    found += _within("threshold", one.threshold, other.threshold)
    return found


def visits_the_same_at(ours: Schedule, theirs: Schedule) -> int | None:
    """The number of steps at which alone two schedules visit the same levels; ``None`` where they do at any."""
    one, other = canonical(ours, ours.steps), canonical(theirs, ours.steps)
    return None if not [*_within("spacing", one.spacing, other.spacing)] else ours.steps


def canonical(schedule: Schedule, steps: int | None) -> Schedule:
    """The same walk in the one form that is compared.

    Args:
        schedule: any.
        steps: levels that are visited before clean data; ``None`` for every step of a discrete process.
    """
    threshold = _threshold(schedule.threshold)
    spacing = _spacing(schedule.process, schedule.spacing)
    learned = schedule.preconditioning.variance != "none"
    sampler = _sampler(schedule.sampler, limited=threshold is not None, learned=learned)
    if isinstance(sampler, AncestralConfig) and _ends_at_first(schedule, steps):
        # There is no noise after the first step of the process, whatever is said of the last one.
        sampler = replace(sampler, last_noise=False)
    process = _process(schedule.process, spacing, sampler)
    return replace(schedule, process=process, spacing=spacing, sampler=sampler, threshold=threshold)


def prior_ratio(ours: Schedule, theirs: Schedule) -> float:
    """How much larger samples start there than here."""
    scales = [schedule.process.prior_scale(_times(schedule, ours.steps)[0]) for schedule in (ours, theirs)]
    return float(scales[1] / scales[0])


def _times(schedule: Schedule, steps: int | None) -> Tensor:
    return schedule.spacing.times(schedule.process, steps)


def _visit_the_same(one: Schedule, other: Schedule, steps: int | None) -> bool:
    try:
        ours, theirs = _times(one, steps), _times(other, steps)
    except ValueError:
        return False
    return ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=_CLOSE, atol=_CLOSE)


def _ends_at_first(schedule: Schedule, steps: int | None) -> bool:
    """Whether the last step that is taken is the process's first."""
    try:
        return bool(_times(schedule, steps)[-2] == 1)
    except ValueError:
        return False


def _threshold(threshold: AnyThreshold | None) -> AnyThreshold | None:
    static = isinstance(threshold, DynamicThreshold) and threshold.largest == 1
    return StaticThreshold() if static else threshold


def _spacing(process: AnyProcess, spacing: AnySpacing) -> AnySpacing:
    """Whole steps as :class:`StepSpacing`, where they are these."""
    steps = process.steps if isinstance(process, DiscreteProcess) else 0
    if isinstance(spacing, SolverSpacing) and (spacing.latest or 0) >= steps:
        spacing = replace(spacing, latest=None)
    if isinstance(spacing, StepSpacing | CurveSpacing | SolverSpacing) and spacing.leap != "leading":
        spacing = replace(spacing, offset=0)
    if isinstance(spacing, CurveSpacing) and spacing.curve == "times" and spacing.leap != "linspace":
        return StepSpacing(leap=spacing.leap, offset=spacing.offset, until=spacing.until)
    if not isinstance(spacing, SolverSpacing) or spacing.until == "start" or spacing.latest is not None:
        return spacing
    whole = spacing.curve == "times" and spacing.leap == "trailing"
    return StepSpacing(leap="trailing", until=spacing.until) if whole else spacing


def _sampler(sampler: AnySampler, *, limited: bool, learned: bool) -> AnySampler:
    if isinstance(sampler, EulerConfig) and not sampler.churn and sampler.told is None:
        sampler = DDIMConfig()
    if isinstance(sampler, DDIMConfig) and not limited:
        return replace(sampler, clipped_noise=True)
    if isinstance(sampler, AncestralConfig) and learned:
        return replace(sampler, variance="small")
    if isinstance(sampler, HeunConfig) and not sampler.churn:
        return replace(sampler, churn_low=0.0, churn_high=math.inf, churn_scale=1.0, churn_beyond=False)
    if isinstance(sampler, DPMSolverConfig | SinglestepDPMSolverConfig) and sampler.order < 3:
        # One step has no rule and two have one set of weights.
        return replace(sampler, third="published", rule=sampler.rule if sampler.order > 1 else "midpoint")
    return sampler


def _process(process: AnyProcess, spacing: AnySpacing, sampler: AnySampler) -> AnyProcess:
    """What lies between whole times counts only where a sampler comes there."""
    whole = isinstance(spacing, StepSpacing) or (isinstance(spacing, SolverSpacing) and spacing.curve == "times")
    visited = isinstance(sampler, _AT_VISITED_LEVELS) or (
        isinstance(sampler, HeunConfig) and sampler.along == "ratio" and sampler.second == 1 and not sampler.churn
    )
    if isinstance(process, DiscreteProcess) and whole and visited:
        return replace(process, between="log_ratio", looked_up="between")
    return process


def _within(where: str, ours: Any, theirs: Any) -> Iterator[Difference]:
    if is_dataclass(ours) and type(ours) is type(theirs):
        for field in fields(ours):
            yield from _within(f"{where}.{field.name}", getattr(ours, field.name), getattr(theirs, field.name))
    elif not _equal(ours, theirs):
        yield Difference(where, ours, theirs)


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=_CLOSE)
    return bool(ours == theirs)


def in_words(value: Any) -> str:
    """A value of a difference, for people: of a part its kind and what is not usual about it."""
    if not is_dataclass(value) or isinstance(value, type):
        return "none" if value is None else str(value)
    if isinstance(value, AnySampler):
        name = name_of(value)
        usual: Mapping[str, Any] = vars(sampler_named(name))
    else:
        name, usual = kind_in_words(value), {field.name: field.default for field in fields(value)}
    unusual = [
        f"{key}={own}" for key, own in vars(value).items() if own != usual[key] and isinstance(own, int | float | str)
    ]
    return f"{name} ({', '.join(unusual)})" if unusual else name
