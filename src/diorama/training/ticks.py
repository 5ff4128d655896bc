"""What training tells its caller: a tick after every step, and the means and the clock that its reports are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.core import distributed
from diorama.core.energy import EnergyMeter
from diorama.core.errors import BadConfig
from diorama.data.computed_sides import Computed


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
        computed: before the first step: of how many records what frozen parts compute is there.
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
    computed: Computed | None = None
    notes: tuple[str, ...] = ()
    finished: bool = False


class LossMeans:
    """Adds up losses step by step, and averages them over steps and processes when asked.

    What was added since the last report is part of the resume state, since the next line of the log depends on it.

    Args:
        device: where losses lie.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count in the losses of a step; lazy phases are absent from most."""
        again = [name for name in losses if name in self._sums]
        if again:
            # All in one kernel, where one for each would take a GPU longer to launch than to run.
            torch._foreach_add_([self._sums[name] for name in again], [losses[name] for name in again])
        self._sums |= {name: value.clone() for name, value in losses.items() if name not in self._sums}
        for name in losses:
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means since the last call, over all processes; waits for the device."""
        if not self._sums:
            return {}
        means = torch.stack([self._sums[n] / self._counts[n] for n in self._sums])
        values = distributed.mean(means).tolist()
        taken = dict(zip(self._sums, values, strict=True))
        self._sums, self._counts = {}, {}
        return taken

    def state_dict(self) -> dict[str, Any]:
        """Sums of every process, so that each continues from its own; all processes must call it."""
        sums = torch.stack(list(self._sums.values())) if self._sums else torch.zeros(0)
        return {"names": list(self._sums), "counts": dict(self._counts), "sums": distributed.gather(sums.cpu())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue; where the number of processes changed, all take the mean of the sums."""
        rows: Tensor = state["sums"]
        same = rows.shape[0] == distributed.world_size()
        row = rows[distributed.rank()] if same else rows.mean(0)
        self._sums = dict(zip(state["names"], row.to(self.device).clone().unbind(), strict=True))
        self._counts = dict(state["counts"])


class RunClock:
    """Time, speed and energy of a run over all its sessions.

    Args:
        device: whose energy counts.
        began: ``time.monotonic()`` when this session began.
    """

    def __init__(self, device: torch.device, began: float) -> None:
        self.meter = EnergyMeter(device)
        self._began, self._mark, self._images = began, time.monotonic(), 0
        self._seconds_before = self._joules_before = 0.0

    def carry(self, images: int, seconds: float, joules: float) -> None:
        """Continue from what earlier sessions saw and spent."""
        self._images, self._seconds_before, self._joules_before = images, seconds, joules

    def start(self) -> None:
        """The first step begins: speed is counted from here."""
        self._mark = time.monotonic()

    def session_seconds(self) -> float:
        """Since this session began."""
        return time.monotonic() - self._began

    def seconds(self) -> float:
        """Of all sessions."""
        return self._seconds_before + self.session_seconds()

    def joules(self) -> float:
        """Of all sessions and processes; all processes must call it."""
        own = torch.tensor([self.meter.joules()], dtype=torch.float64)
        return self._joules_before + float(distributed.gather(own).sum())

    @contextmanager
    def left_out_of_speed(self) -> Iterator[None]:
        """What the block takes does not slow the speed that is told."""
        start = time.monotonic()
        yield
        self._mark += time.monotonic() - start

    def read(self, images: int) -> Clock:
        """What a report says of it; speed is counted from the report before."""
        now = time.monotonic()
        speed = (images - self._images) / max(now - self._mark, 1e-9)
        self._mark, self._images = now, images
        return Clock(seconds=self.seconds(), images_per_second=speed, joules=self.joules())


@contextmanager
def event_files(folder: Path, images: int) -> Iterator[Callable[[Tick], None]]:
    """TensorBoard: what shows ticks as scalars over images seen, in ``tensorboard/`` of a run folder.

    Args:
        folder: of the run.
        images: seen when writing begins: what a killed process wrote of later ones is hidden.

    Raises:
        BadConfig: TensorBoard is not installed.
    """
    try:
        module: Any = import_module("torch.utils.tensorboard")
    except ImportError as problem:
        raise BadConfig("tensorboard is not installed; install the extra: pip install 'diorama[log]'") from problem
    with module.SummaryWriter(str(folder / "tensorboard"), purge_step=images) as writer:
        yield lambda tick: _write_scalars(writer, tick)


def _write_scalars(writer: Any, tick: Tick) -> None:
    if tick.report:
        for name, value in tick.report.losses.items():
            writer.add_scalar(f"loss/{name}", value, tick.images)
        for player, value in tick.report.rates.items():
            writer.add_scalar(f"rate/{player}", value, tick.images)
        writer.add_scalar("images_per_second", tick.report.clock.images_per_second, tick.images)
    for result in tick.results:
        writer.add_scalar(result["metric"], result["value"], tick.images)
