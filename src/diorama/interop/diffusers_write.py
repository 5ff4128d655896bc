"""Writing a schedule as ``scheduler_config.json`` of diffusers: what it says is what reading it back finds.

Of the schedulers that walk as the sampler does, the one is taken that differs least. What it cannot say refuses the
export by name; what it leaves to those who draw is said in a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from diorama.core.config import encode
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.diffusers_candidates import WRITTEN, candidates
from diorama.interop.diffusers_sameness import Difference, differences, in_words, prior_ratio, visits_the_same_at
from diorama.interop.diffusers_schedule import Schedule
from diorama.interop.diffusers_scheduler import AnyArguments
from diorama.processes.spacing import StepSpacing
from diorama.samplers.ddim import DDIMConfig

_LEFT_TO_CALLERS = {
    "sampler.eta": "its eta of {ours:g} is not written; give it when you draw",
    "sampler.order": "its order {ours} is not written; give it to every step (order={ours})",
    "spacing.strength": "its strength of {ours:g} is not written; give it to set_timesteps (strength={ours:g})",
    "sampler.last_noise": (
        "the library draws noise in the last step too, unless that is the process's first; with fewer steps its "
        "pictures are a little noisier"
    ),
    "sampler.clipped_noise": "its noise follows the limited sample; draw with use_clipped_model_output=True",
    "sampler.even": (
        "each of its steps leads to the next one that is visited; the library's DDIM goes down by a whole number of "
        "steps each time, and so draws slightly other pictures"
    ),
    "sampler.corrector.over": (
        "its corrector compares each sample's own lengths, the library's their means over the batch; one picture at a "
        "time is drawn the same"
    ),
}
"""What no file says, since the library takes it as an argument or has its own way, and what is told of it."""
_LARGEST_PRIOR_RATIO = 0.01
"""Samples may start with so much more or less noise, as a share; beyond it pictures are others."""
_NOT_WRITTEN = {"kind", "tensor_format"}
_READ_ALONE = {"DPMSolverSinglestepScheduler": {"timestep_spacing", "steps_offset"}}
"""Settings that files of other schedulers hold and this one does not have."""


@dataclass(frozen=True)
class WrittenSchedule:
    """A schedule in the library's words.

    Args:
        document: the content of ``scheduler_config.json``.
        notes: where the library draws otherwise unless it is told, for people.
    """

    document: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """One scheduler that may say the schedule, what it would say, and what differs then."""

    name: str
    arguments: AnyArguments
    schedule: Schedule
    refused: tuple[Difference, ...]
    noted: tuple[Difference, ...]
    same_values: bool

    @property
    def distance(self) -> tuple[int, int, bool]:
        """How far it is off. A part of another kind counts more than a setting; of those that draw the same, one that
        is read back as the very same values comes first."""
        refused = sum(1 if "." in difference.where else 8 for difference in self.refused)
        return refused, len(self.noted), not self.same_values


def write_schedule(schedule: Schedule) -> dict[str, Any]:
    """The content of ``scheduler_config.json``; see :func:`written_schedule`, which also says what it leaves out."""
    return written_schedule(schedule).document


def written_schedule(schedule: Schedule) -> WrittenSchedule:
    """A schedule as the library's scheduler that draws the same.

    Args:
        schedule: with the number of steps that it is drawn with. Levels that a scheduler visits at this number alone
            are written with a note.

    Raises:
        BadInput: none does; the message names the setting, and what the nearest scheduler has in its place.
    """
    if type(schedule.sampler) not in WRITTEN:
        raise BadInput(f"sampler: diffusers has no scheduler that walks as {in_words(schedule.sampler)} does")
    found, problem = [], ""
    for name, arguments in candidates(schedule):
        try:
            read = arguments.schedule()
            found.append(_compared(name, arguments, schedule, read))
        except (BadInput, BadConfig, ValueError, ArithmeticError) as refused:
            problem = problem or f"{name}: {refused}"
        if found and found[-1].distance == (0, 0, False):
            break
    best = min(found, key=lambda candidate: candidate.distance, default=None)
    if best is None or (problem and any(difference.where == "process" for difference in best.refused)):
        # One of another process is no near miss: what keeps the others from being made says more.
        raise BadInput(f"no scheduler of diffusers can be made of these values ({problem})")
    if best.refused:
        raise BadInput(_refusal(best))
    return WrittenSchedule(_document(best), tuple(_notes(schedule, best)))


def _compared(name: str, arguments: AnyArguments, ours: Schedule, theirs: Schedule) -> _Candidate:
    refused: list[Difference] = []
    noted: list[Difference] = []
    for difference in differences(ours, theirs):
        (noted if _is_noted(difference, ours, theirs) else refused).append(difference)
    same = replace(ours, steps=None) == replace(theirs, steps=None)
    return _Candidate(name, arguments, theirs, tuple(refused), tuple(noted), same)


def _is_noted(difference: Difference, ours: Schedule, theirs: Schedule) -> bool:
    if difference.where in ("process.prior", "process.prior_data"):
        try:
            return math.isclose(prior_ratio(ours, theirs), 1, rel_tol=_LARGEST_PRIOR_RATIO)
        except ValueError:
            return False
    return difference.where in _LEFT_TO_CALLERS


def _notes(schedule: Schedule, best: _Candidate) -> Iterator[str]:
    for difference in best.noted:
        if difference.where in ("process.prior", "process.prior_data"):
            ratio = prior_ratio(schedule, best.schedule)
            yield f"the library starts with {ratio:.6g} times the noise that samples start with here"
        elif difference.where != "sampler.even" or _steps_unevenly(schedule):
            yield _LEFT_TO_CALLERS[difference.where].format(ours=difference.ours)
    if (count := visits_the_same_at(schedule, best.schedule)) is not None:
        yield f"{best.name} visits these levels with {count} steps alone; with another number it visits others"


def _steps_unevenly(schedule: Schedule) -> bool:
    """Whether DDIM's steps end elsewhere than those of the library."""
    spacing, sampler, steps = schedule.spacing, schedule.sampler, schedule.steps
    if not isinstance(sampler, DDIMConfig) or not isinstance(spacing, StepSpacing) or steps is None:
        return False
    total = int(schedule.process.end)
    return not sampler.even and (spacing.leap == "linspace" or (spacing.leap == "trailing" and total % steps > 0))


def _refusal(best: _Candidate) -> str:
    first = best.refused[0]
    more = f", and {len(best.refused) - 1} more settings differ" if len(best.refused) > 1 else ""
    theirs = f"the nearest scheduler of diffusers, {best.name}, has {in_words(first.theirs)}"
    return f"{first.where}: {in_words(first.ours)} cannot be written; {theirs}{more}"


def _document(best: _Candidate) -> dict[str, Any]:
    """Every setting, that no default of another release takes its place; none where it is infinite, which is a default
    that JSON cannot say."""
    given = {field.name: getattr(best.arguments, field.name) for field in fields(best.arguments)}
    infinite = {key for key, value in given.items() if isinstance(value, float) and math.isinf(value)}
    left_out = infinite | _NOT_WRITTEN | _READ_ALONE.get(best.name, set())
    settings = {key: value for key, value in encode(best.arguments).items() if key not in left_out}
    return {"_class_name": best.name} | settings
