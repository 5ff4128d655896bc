"""What training tells its caller: a tick after every step, and the means and the clock that its reports are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor

from diorama.core import distributed, files
from diorama.core.config import encode
from diorama.core.energy import EnergyMeter
from diorama.core.errors import BadConfig
from diorama.data.computed_sides import Computed
from diorama.training.recipe import Recipe, TrainOptions


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


def scalars(tick: Tick) -> dict[str, float]:
    """What dashboards show of a tick, over images seen: losses, rates, speed and what was measured."""
    shown: dict[str, float] = {}
    if tick.report:
        shown |= {f"loss/{name}": value for name, value in tick.report.losses.items()}
        shown |= {f"rate/{player}": value for player, value in tick.report.rates.items()}
        shown["images_per_second"] = tick.report.clock.images_per_second
    return shown | {result["metric"]: result["value"] for result in tick.results}


@contextmanager
def dashboards(folder: Path, images: int, recipe: Recipe, options: TrainOptions) -> Iterator[Callable[[Tick], None]]:
    """What shows the :func:`scalars` of ticks where the options ask for it; nowhere, if they do not.

    Args:
        folder: of the run.
        images: seen when writing begins.
        recipe: of the run.
        options: which dashboards are wanted.

    Raises:
        BadConfig: one is not installed, or cannot be reached.
    """
    with ExitStack() as held:
        shows = [held.enter_context(_event_files(folder, images))] if options.tensorboard else []
        if options.wandb is not None:
            shows.append(held.enter_context(_weights_and_biases(folder, options.wandb, recipe)))

        def show(tick: Tick) -> None:
            named = scalars(tick)
            for each in shows if named else ():
                each(named, tick.images)

        yield show


@contextmanager
def _event_files(folder: Path, images: int) -> Iterator[Callable[[Mapping[str, float], int], None]]:
    """TensorBoard, in ``tensorboard/`` of a run; what a killed process wrote of later images is hidden."""
    module = _extra("torch.utils.tensorboard", "tensorboard")
    with module.SummaryWriter(str(folder / "tensorboard"), purge_step=images) as writer:

        def show(named: Mapping[str, float], images: int) -> None:
            for name, value in named.items():
                writer.add_scalar(name, value, images)

        yield show


@contextmanager
def _weights_and_biases(
    folder: Path, project: str, recipe: Recipe
) -> Iterator[Callable[[Mapping[str, float], int], None]]:
    """Weights & Biases; a continued run goes on as the same run there, under the name of its folder."""
    module = _extra("wandb", "wandb")
    name = folder / "wandb" / "run-id.txt"
    if not name.exists():
        name.parent.mkdir(exist_ok=True)
        files.write_text(name, uuid4().hex[:12])
    place = {"project": project, "name": folder.resolve().name, "dir": str(folder)}
    try:
        run = module.init(**place, id=name.read_text(encoding="utf-8"), resume="allow", config=encode(recipe))
    except module.Error as problem:
        raise BadConfig(
            f"wandb: {' '.join(str(problem).split())} (`wandb login` once, or WANDB_MODE=offline to write to "
            f"{folder / 'wandb'} alone)"
        ) from problem
    try:
        yield lambda named, images: run.log(dict(named), step=images)
    finally:
        # A run that is interrupted is saved and has not failed.
        run.finish()


def require_dashboards(options: TrainOptions) -> None:
    """Refuse, before anything is made, dashboards that are not installed.

    Raises:
        BadConfig: one is not.
    """
    if options.tensorboard:
        _extra("torch.utils.tensorboard", "tensorboard")
    if options.wandb is not None:
        _extra("wandb", "wandb")


def _extra(name: str, package: str) -> Any:
    missing = f"{package} is not installed; install the extra: pip install 'diorama[log]'"
    try:
        module = import_module(name)
    except ImportError as problem:
        raise BadConfig(missing) from problem
    if getattr(module, "__file__", None) is None:
        # A folder that bears its name, such as the one it writes, passes for a package without content.
        raise BadConfig(missing)
    return module
