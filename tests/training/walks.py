"""Short trainings of toy methods, launched or recorded, to be compared bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from diorama.core.contracts import Batch, Loss, Moment
from diorama.core.device import Precision
from diorama.methods.base import Method, Phase
from diorama.training.recipe import OptimizerConfig
from diorama.training.steps import Batches, Step, steps
from diorama.training.turn import FiniteCheck, StepOptions
from diorama.training.updater import Updater
from tests.training.toy import ToyFlowConfig, ToyGANConfig, optimizer

Build = Callable[[], Method]


@dataclass
class Run:
    """A method in training.

    Args:
        build: makes the method, always with the same weights.
        device: where it is trained.
        dtype: of autocast.
        config: of all optimizers; ``None`` for the toys'.
    """

    build: Build
    device: torch.device
    dtype: torch.dtype = torch.float32
    config: OptimizerConfig | Mapping[str, OptimizerConfig] | None = None
    taken: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.method, self.check = self.build().to(self.device), FiniteCheck(self.device)
        self.precision = Precision(self.dtype, self.device)
        self.updaters = {
            name: Updater(own, self._config(name), self.precision, total=1000)
            for name, own in self.method.players().items()
        }

    def _config(self, player: str) -> OptimizerConfig:
        return self.config[player] if isinstance(self.config, Mapping) else self.config or optimizer()

    def go(self, stop: int, *, recorded: bool, batches: Batches, rank: int = 0) -> Run:
        """Train up to a step."""
        options = StepOptions(batch_size=8, precision=self.precision, check=self.check, recorded=recorded)
        start = len(self.taken)
        walk = steps(self.method, self.updaters, batches, options, start=start, stop=stop, seed=7, rank=rank)
        self.taken += list(walk)
        return self

    def resumed(self) -> Run:
        """Another run that stands where this one does."""
        other = Run(self.build, self.device, self.dtype, self.config, list(self.taken))
        other.method.load_state_dict(copy.deepcopy(self.method.state_dict()))
        for name, updater in other.updaters.items():
            updater.load_state_dict(copy.deepcopy(self.updaters[name].state_dict()))
        return other

    def left(self) -> dict[str, Tensor]:
        """Weights, buffers and moments."""
        state = {f"method.{k}": v.clone() for k, v in self.method.state_dict().items()}
        for player, updater in self.updaters.items():
            for number, moments in updater.state_dict()["optimizer"]["state"].items():
                state |= {f"{player}.{number}.{k}": v.clone() for k, v in moments.items()}
        return state

    def notes(self) -> list[str]:
        """All notes of its steps."""
        return [note for step in self.taken for note in step.notes]


def assert_same(one: Run, other: Run) -> None:
    """Losses of all steps and what is left are equal bit for bit."""
    for ours, theirs in zip(one.taken, other.taken, strict=True):
        assert ours.losses.keys() == theirs.losses.keys()
        for name, value in ours.losses.items():
            assert torch.equal(value, theirs.losses[name]), (ours.step, name)
    left, right = one.left(), other.left()
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


def pictures(device: torch.device, micros: int = 1, rank: int = 0) -> Batches:
    """Eight pictures a step, in micro-batches."""

    def at(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(1000 + 31 * rank + step)
        image = torch.rand(8, 3, 4, 4, generator=draws) * 2 - 1
        parts = image.to(device).split(-(-8 // micros))
        return [{"image": part, "index": torch.arange(len(part), device=device)} for part in parts]

    return at


def gan() -> Method:
    """Two players that share a step, batch norm, dropout, and a lazy penalty of second order every other step."""
    method = ToyGANConfig().build()
    judge, penalty, draw = method.phases()
    return _with(method, judge, replace(penalty, interval=2), draw)


def flow() -> Method:
    """One player and one phase."""
    method = ToyFlowConfig().build()
    return _with(method, *method.phases())


def shared() -> Method:
    """Two players whose losses go through the same networks, one of them twice, and a parameter without gradient."""
    method = ToyGANConfig().build()
    idle = torch.nn.Parameter(torch.ones(3))
    method.register_parameter("idle", idle)
    players = {name: [*own, idle] for name, own in method.players().items()}
    method.players = lambda: players  # type: ignore[method-assign]

    def both(batch: Batch, moment: Moment) -> Loss:
        near, far = method.discriminator(batch["image"]), method.discriminator(-batch["image"])
        return Loss((near - far).square().mean(), {"near": near.mean(), "far": far.mean()})

    return _with(method, Phase("both", "discriminator", both), method.phases()[2])


def flow_with(loss: Callable[[Method, Batch], Loss]) -> Build:
    """A method of one phase with a loss of one's own."""

    def build() -> Method:
        method = ToyFlowConfig().build()
        return _with(method, Phase("flow", "generator", lambda batch, moment: loss(method, batch)))

    return build


def _with(method: Method, *phases: Phase) -> Method:
    """The method with these phases, all of which ask to be recorded."""
    asking = [replace(phase, recorded=True) for phase in phases]
    method.phases = lambda: asking  # type: ignore[method-assign]
    return method
