"""What some samplers ask of the levels that they walk."""

from __future__ import annotations

from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.discrete import with_steps


def needs_signal(sampler: str, process: Process, times: Tensor) -> None:
    """Refuse to start where no signal is left.

    Raises:
        ValueError: saying which samplers can.
    """
    if process.at(times[0]).alpha == 0:
        raise ValueError(
            f"sampler: {sampler} needs a ratio of noise to signal, and no signal is left at the first level; take "
            "ddim, ancestral, euler, heun, dpmpp_2m or unipc"
        )


def needs_slopes(sampler: str, process: Process, times: Tensor) -> None:
    """Refuse a process whose levels jump from step to step.

    Raises:
        ValueError: saying which samplers need no slopes.
    """
    try:
        process.slopes(times[:1])
    except ValueError:
        raise ValueError(
            f"sampler: {sampler} needs a path with slopes, and the levels of this model's process jump from step to "
            "step; take ddim, ancestral, euler, dpmpp_2m or unipc"
        ) from None


def counts_steps(sampler: str, process: Process) -> None:
    """Refuse a process without steps.

    Args:
        sampler: as the message begins: ``lcm counts``.
        process: the model's.

    Raises:
        ValueError: saying which samplers need none.
    """
    try:
        with_steps(process, f"sampler: {sampler}")
    except ValueError as problem:
        raise ValueError(f"{problem}; take ddim, euler, heun, dpmpp_2m or unipc") from None
