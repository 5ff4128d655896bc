"""Everything of a run that moves and is saved: how it is built from a recipe, and how it is saved and restored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.config import decode
from diorama.core.device import Precision
from diorama.core.errors import BadConfig, BadInput
from diorama.core.seeds import fold
from diorama.core.shards import gathered, is_part
from diorama.data.training_sets import TrainingData
from diorama.methods import sharing, soundness
from diorama.methods.base import Method
from diorama.methods.starting import MatchedWeights, take_over
from diorama.synthesis.conditions import draws_partners
from diorama.synthesis.parts import FrozenPart
from diorama.synthesis.store import weights_of
from diorama.training.averages import Average
from diorama.training.folder import state_beside
from diorama.training.recipe import EvaluationConfig, Recipe, TrainOptions
from diorama.training.ticks import LossMeans
from diorama.training.turn import FiniteCheck, StepOptions
from diorama.training.updater import Updater

_INITIALISATION = 0xB111D
"""Counter that keeps initial weights apart from the draws of any step."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best model so far.

    Args:
        step: completed steps when it was measured.
        images: seen by then.
        seconds: spent by then.
        joules: spent by then.
        result: its stamped result, as JSON.
        asked: samples that were asked for; 0 where that was not noted.
    """

    step: int
    images: int
    seconds: float
    joules: float
    result: Mapping[str, Any]
    asked: int = 0

    def was_measured_by(self, evaluation: EvaluationConfig) -> bool:
        """Whether further models, measured so, may be compared with it."""
        return self.result["metric"] == evaluation.metric and self.asked in (0, evaluation.samples)


@dataclass(kw_only=True)
class TrainingState:
    """Everything that moves while training, and so is in a resume state.

    Args:
        method: on the device.
        updaters: by player.
        averages: of what the method averages, by name.
        exported_average: the name of the one that others load.
        exported_names: of the tensors that they load, averaged or frozen.
        means: of losses since the last report.
        precision: of first-order phases.
        step: completed steps.
        evaluations: models measured so far.
        best: of them.
        seconds: spent when a model was last measured or saved, interruptions left out.
        joules: spent by then.
        owes_measurement: the last model is saved and not yet measured.
        compiled: whether networks were compiled.
        recorded: whether turns are recorded, where the device can.
        sharded: whether weights are shared out over processes.
        notes: sentences for people, on how that was done.
        matched: what became of another model's weights, if the run started from some.
    """

    method: Method
    updaters: Mapping[str, Updater]
    averages: Mapping[str, Average]
    exported_average: str
    exported_names: tuple[str, ...]
    means: LossMeans
    precision: Precision
    step: int = 0
    evaluations: int = 0
    best: Best | None = None
    seconds: float = 0.0
    joules: float = 0.0
    owes_measurement: bool = False
    compiled: bool = False
    recorded: bool = False
    sharded: bool = False
    notes: tuple[str, ...] = ()
    matched: MatchedWeights | None = None

    def state_dict(self) -> dict[str, Any]:
        """All processes must call it; the first one's is written, and of what is shared out each one's part."""
        return {
            "step": self.step,
            "method": _own(self.method.state_dict()),
            "updaters": {player: updater.state_dict() for player, updater in self.updaters.items()},
            "averages": {name: average.state_dict() for name, average in self.averages.items()},
            "losses": self.means.state_dict(),
            "evaluations": self.evaluations,
            "best": None if self.best is None else asdict(self.best),
            "seconds": self.seconds,
            "joules": self.joules,
            "owes_measurement": self.owes_measurement,
        }

    def load_state_dict(self, state: Mapping[str, Any], where: Path) -> None:
        """Continue where a state was taken.

        Args:
            state: what :meth:`state_dict` returned.
            where: it lies, for messages.

        Raises:
            BadInput: it is of another method: a tensor or player is missing, unknown or of another shape.
        """
        current = self.method.state_dict()
        _check_same("method", _own(current), state["method"], where)
        _check_same("updaters", self.updaters, state["updaters"], where)
        _check_same("averages", self.averages, state["averages"], where)
        for player, updater in self.updaters.items():
            try:
                updater.check(state["updaters"][player])
            except BadInput as problem:
                raise BadInput(f"{where}: updaters.{player}: {problem}") from problem
        self.step, self.evaluations = state["step"], state["evaluations"]
        self.seconds, self.joules = state["seconds"], state["joules"]
        self.owes_measurement = state["owes_measurement"]
        self.best = None if state["best"] is None else decode(Best, state["best"], "best")
        # Frozen parts are in no state: they stay as they were loaded.
        self.method.load_state_dict({**current, **state["method"]})
        for player, updater in self.updaters.items():
            updater.load_state_dict(state["updaters"][player])
        for name, average in self.averages.items():
            _check_same(f"averages.{name}", average.state_dict(), state["averages"][name], where)
            average.load_state_dict(state["averages"][name])
        self.means.load_state_dict(state["losses"])

    def step_options(self, batch_size: int, check: FiniteCheck) -> StepOptions:
        """How steps are taken.

        Args:
            batch_size: images of one step over all processes.
            check: sees every turn's loss and gradient norm.
        """
        return StepOptions(
            batch_size=batch_size,
            precision=self.precision,
            check=check,
            compiled=self.compiled,
            recorded=self.recorded,
        )

    def parts(self) -> dict[str, Tensor]:
        """Tensors that are shared out, under the paths that they have in a resume state; a parameter stands for its
        moments, under the path that these begin with."""
        found = {f"/method/{k}": v for k, v in self.method.state_dict().items()}
        for name, average in self.averages.items():
            found |= {f"/averages/{name}/{k}": v for k, v in average.state_dict().items()}
        for player, updater in self.updaters.items():
            found |= {f"/updaters/{player}/optimizer/state/{i}": p for i, p in enumerate(updater.parameters)}
        return {path: tensor for path, tensor in found.items() if is_part(tensor)}

    def exported(self, *, keep: bool = True) -> dict[str, Tensor]:
        """What others load, under the names of the synthesizer's parts; not copies, unless weights are shared out.

        All processes must call it.

        Args:
            keep: whether this process wants it; else nothing may come back.
        """
        tensors = {**self.method.model_tensors(), **self.averages[self.exported_average].tensors()}
        return gathered({name: tensors[name] for name in self.exported_names}, keep=keep)

    def non_finite(self) -> str | None:
        """The first player with a weight that is not finite; waits for the device. All processes must call it."""
        for player, updater in self.updaters.items():
            if distributed.agree(not devices.all_finite(updater.shards.own).item()):
                return player
        return None


def build(
    recipe: Recipe, parts: Mapping[str, FrozenPart], data: TrainingData, options: TrainOptions, device: torch.device
) -> TrainingState:
    """Build what a recipe describes, freshly initialised, the same in every process.

    Args:
        recipe: what is trained.
        parts: what the recipe's ``frozen`` names, loaded.
        data: the data.
        options: the model to start from, kernels, a user's own classes.
        device: where.

    Raises:
        BadConfig: the recipe does not fit the data, the players or the number of processes.
        BadInput: the model to start from cannot be read.
    """
    _check(recipe)
    devices.choose_kernels(device, deterministic=options.deterministic)
    precision = devices.precision(recipe.precision, device)
    try:
        method = initialised(recipe, parts)
    except (RuntimeError, ValueError, ArithmeticError) as problem:
        raise BadConfig(f"recipe.method: no networks can be built of these values ({problem})") from problem
    if recipe.precompute and not method.computed_sides():
        raise BadConfig("precompute: no frozen part of this recipe's method computes anything of the records alone")
    matched = start_from(method, options.start_from) if options.start_from else None
    exported_names = soundness.check(method, options.catalog)
    _check_media(recipe, method, data)
    notes = _settle(method, recipe, options, precision)
    players = method.players()
    if set(players) != set(recipe.optimizers):
        raise BadConfig(f"optimizers: the method's players are {sorted(players)}, got {sorted(recipe.optimizers)}")
    return TrainingState(
        method=method,
        updaters={p: Updater(players[p], recipe.optimizers[p], precision, recipe.images) for p in players},
        averages={name: Average(method.averaged(), config) for name, config in recipe.averages.items()},
        exported_average=recipe.exported_average,
        exported_names=exported_names,
        means=LossMeans(device),
        precision=precision,
        compiled=not options.sharded and _compile(method, recipe),
        recorded=not options.sharded and recipe.compile == "auto",
        sharded=options.sharded,
        notes=notes,
        matched=matched,
    )


def _settle(method: Method, recipe: Recipe, options: TrainOptions, precision: Precision) -> tuple[str, ...]:
    """Bring a method to its device, with the same weights in every process; notes for people."""
    device = precision.device
    if not options.sharded:
        place(method, device, channels_last=recipe.channels_last)
        # Machines of different makes may initialise differently in the last bit, and find different files at one path.
        distributed.broadcast(method.state_dict().values())
        return ()
    sharing.check(method, recipe.name, precision)
    # Before they are shared out, since then no process has them whole.
    distributed.broadcast(method.state_dict().values())
    notes = sharing.share_out(method, device, compiling=recipe.compile, channels_last=recipe.channels_last)
    place(method, device, channels_last=False)
    return notes


def initialised(recipe: Recipe, parts: Mapping[str, FrozenPart]) -> Method:
    """The method with the weights that every run of the recipe starts from; seeds PyTorch's own generators."""
    torch.manual_seed(fold(recipe.seed, _INITIALISATION))
    if not parts:
        # A method that uses no trained parts need not take any.
        return recipe.method.build()
    return recipe.method.build({name: part.module for name, part in parts.items()})


def _compile(method: Method, recipe: Recipe) -> bool:
    """Compile networks if the recipe asks for it; whether it does."""
    if recipe.compile == "on":
        compile_networks(method)
    return recipe.compile == "on"


def _check(recipe: Recipe) -> None:
    if recipe.images < 1:
        raise BadConfig(f"images: must be at least 1, got {recipe.images}")
    if recipe.batch_size % distributed.world_size():
        raise BadConfig(
            f"batch_size: {recipe.batch_size} cannot be shared evenly by {distributed.world_size()} processes"
        )


def _check_media(recipe: Recipe, method: Method, data: TrainingData) -> None:
    config = method.synthesizer()
    drawn, stored, whose = config.media.shape, data.info.media.shape, "records"
    if draws_partners(config.media, config.conditions):
        # What it draws are not the records, but the pictures that stand beside them.
        sides = [side for side in data.info.sides if side.key == "target"]
        paired = [side for side in sides if recipe.method.unpaired or not side.unpaired]
        partner = next((side.media for side in paired), None)
        if partner is None:
            raise BadConfig(f"data: the records of {data.info.name} have no side target, which this recipe draws")
        stored, whose = partner.shape, "partners (side target) of the records"
    if drawn != stored:
        told = "; it draws as its teacher does: give the data of --frozen.teacher" if "teacher" in recipe.frozen else ""
        raise BadConfig(
            f"method: recipe {recipe.name} draws {drawn}, but the {whose} of {data.info.name} are {stored} "
            f"(channels, frames of clips, height, width){told}"
        )


def _check_same(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], where: Path) -> None:
    """Refuse a state in which something is missing, unknown or of another shape, before anything is taken from it."""
    wrong = [f"lacks {what}.{name}" for name in ours if name not in theirs]
    wrong += [f"has {what}.{name}, which this method has not" for name in theirs if name not in ours]
    for name in ours.keys() & theirs.keys():
        here, there = getattr(ours[name], "shape", None), getattr(theirs[name], "shape", None)
        if here != there:
            wrong.append(f"has {what}.{name} of shape {tuple(there or ())}, where this method has {tuple(here or ())}")
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise BadInput(f"{where}: this resume state is of another method: it {'; it '.join(wrong[:3])}{more}")


def _own(state: Mapping[str, Any]) -> dict[str, Any]:
    """A method's state without the frozen parts, which are read from where they lie."""
    return {key: value for key, value in state.items() if not key.startswith("frozen.")}


def place(method: Method, device: torch.device, *, channels_last: bool) -> None:
    """Move a method to its device and put it into training mode, its frozen parts apart."""
    method.to(device)
    method.train()
    if channels_last:
        devices.channels_last(method)


def compile_networks(method: Method) -> None:
    """Compile the networks that a method calls, in place, so that their names and weights stay.

    Second-order phases run them as they are.
    """
    for child in method.children():
        for network in child.children() if isinstance(child, (nn.ModuleDict, nn.ModuleList)) else (child,):
            network.compile()


def start_from(method: Method, path: Path) -> MatchedWeights:
    """Copy into a method what fits of another model.

    The averaged parts come from the model. Networks that are trained and not averaged come from the model too where it
    holds them, else from the resume state that it was saved with.

    Args:
        method: freshly built.
        path: a model folder or run, the keys of whose weights begin with the parts' names.

    Raises:
        BadInput: there are no weights, they cannot be read, or nothing in them fits.
    """
    weights = weights_of(path)
    try:
        given: Mapping[str, Tensor] = load_file(weights)
    except (OSError, SafetensorError, json.JSONDecodeError) as problem:
        raise BadInput(f"{weights}: cannot be read ({problem})") from problem
    fit = take_over(method, given, lambda: state_beside(path, weights).get("method", {}))
    if not fit.matched:
        raise BadInput(f"{weights}: nothing in it fits this recipe's networks ({', '.join(method.averaged())})")
    return fit
