"""What training tells its caller: a tick after every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What depends on the machine, and so is left out when two logs are compared.

    Args:
        seconds: since the run began, interruptions left out.
        images_per_second: since the report before.
        joules: since the run began; measured or estimated as ``energy`` in the model's provenance says.
    """

    seconds: float
    images_per_second: float
    joules: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """One line of the log.

    Args:
        losses: means since the report before, by phase; a phase's scalars stand under ``phase/scalar``.
        rates: learning rates by player.
        clock: time, speed and energy.
    """

    losses: Mapping[str, float]
    rates: Mapping[str, float]
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Where training stands after a step.

    Args:
        step: completed steps.
        images: images (or clips) seen by all processes together.
        total: images that the run will have seen at its end.
        losses: of this step, by phase, detached and on the device: reading one waits for the device.
        report: in the steps after which a line was logged.
        results: the stamped results (their JSON), in the steps after which the model was evaluated.
        preview: the picture or clip of samples that was written, if one was.
        saved: the resume state that was written, if one was.
        notes: sentences for people: what was resumed, what fitted, where the model lies.
        finished: the run has seen all its images and its ``model/`` is complete.
    """

    step: int
    images: int
    total: int
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    report: Report | None = None
    results: tuple[Mapping[str, Any], ...] = ()
    preview: Path | None = None
    saved: Path | None = None
    notes: tuple[str, ...] = ()
    finished: bool = False
