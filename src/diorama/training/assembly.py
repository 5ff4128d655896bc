"""The parts of a run, built from its recipe, and their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.config import decode
from diorama.core.device import Precision
from diorama.core.errors import BadConfig
from diorama.core.rng import fold
from diorama.data.training_sets import TrainingData
from diorama.methods.base import Method
from diorama.synthesis import store
from diorama.training import placement, soundness
from diorama.training.averages import Average, live_tensors
from diorama.training.graphs import record_networks
from diorama.training.means import LossMeans
from diorama.training.measuring import Best
from diorama.training.options import TrainOptions
from diorama.training.recipe import Recipe
from diorama.training.start import Fit, start_from, weights_of
from diorama.training.updater import Updater

_INITIALISATION = 0xB111D
"""Counter that keeps initial weights apart from the draws of any step."""


@dataclass(kw_only=True)
class Parts:
    """Everything that moves while training, and so is in a resume state.

    Args:
        method: on the device.
        updaters: by player.
        average: of what the method averages.
        means: of losses since the last report.
        precision: of first-order phases.
        step: completed steps.
        evaluations: models measured so far.
        best: of them.
        compiled: whether networks were compiled.
        frozen: hashes of the parts that were loaded and are not trained.
        fit: what became of another model's weights, if the run started from some.
    """

    method: Method
    updaters: Mapping[str, Updater]
    average: Average
    means: LossMeans
    precision: Precision
    step: int = 0
    evaluations: int = 0
    best: Best | None = None
    compiled: bool = False
    frozen: Mapping[str, str]
    fit: Fit | None = None

    def state_dict(self) -> dict[str, Any]:
        """All processes must call it; the first one's is written."""
        return {
            "step": self.step,
            "method": _own(self.method.state_dict()),
            "updaters": {player: updater.state_dict() for player, updater in self.updaters.items()},
            "average": self.average.state_dict(),
            "losses": self.means.state_dict(),
            "evaluations": self.evaluations,
            "best": None if self.best is None else asdict(self.best),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand where the state was taken."""
        self.step, self.evaluations = state["step"], state["evaluations"]
        self.best = None if state["best"] is None else decode(Best, state["best"], "best")
        current = self.method.state_dict()
        self.method.load_state_dict({**current, **state["method"]})
        for player, updater in self.updaters.items():
            updater.load_state_dict(state["updaters"][player])
        self.average.load_state_dict(state["average"])
        self.means.load_state_dict(state["losses"])

    def exported(self) -> dict[str, Tensor]:
        """What others load, under the names of the synthesizer's parts; not copies."""
        return exported(self.method, self.average.tensors())

    def non_finite(self) -> str | None:
        """The first player with a weight that is not finite; waits for the device."""
        for player, updater in self.updaters.items():
            if not devices.all_finite(updater.parameters).item():
                return player
        return None


def exported(method: Method, averaged: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a method's synthesizer: those of frozen parts, and the averaged ones."""
    frozen = getattr(method, "frozen", None)
    return {**(live_tensors(dict(frozen.named_children())) if frozen else {}), **averaged}


def assemble(recipe: Recipe, feed: TrainingData, options: TrainOptions, device: torch.device) -> Parts:
    """Build what a recipe describes, freshly initialised, the same in every process.

    Raises:
        BadConfig: the recipe does not fit the data, the players or the number of processes.
        BadInput: a frozen part or the model to start from cannot be read.
    """
    _check(recipe)
    devices.choose_kernels(device, deterministic=options.deterministic)
    precision = devices.precision(recipe.precision, device)
    try:
        method = initialised(recipe)
    except (RuntimeError, ValueError, ArithmeticError) as problem:
        raise BadConfig(f"recipe.method: no networks can be built of these values ({problem})") from problem
    fit = start_from(method, weights_of(options.start_from)) if options.start_from else None
    frozen = _add_frozen(method, recipe.frozen, options.catalog)
    soundness.check(method, exported(method, live_tensors(method.averaged())), options.catalog)
    _check_media(recipe, method, feed)
    placement.place(method, device, channels_last=recipe.channels_last)
    # Machines of different makes may initialise differently in the last bit.
    distributed.broadcast(method.state_dict().values())
    players = method.players()
    if set(players) != set(recipe.optimizers):
        raise BadConfig(f"optimizers: the method's players are {sorted(players)}, got {sorted(recipe.optimizers)}")
    return Parts(
        method=method,
        updaters={p: Updater(players[p], recipe.optimizers[p], precision, recipe.images) for p in players},
        average=Average(method.averaged(), recipe.average),
        means=LossMeans(device),
        precision=precision,
        compiled=_hasten(method, recipe, device),
        frozen=frozen,
        fit=fit,
    )


def initialised(recipe: Recipe) -> Method:
    """The method with the weights that every run of the recipe starts from; seeds PyTorch's own generators."""
    torch.manual_seed(fold(recipe.seed, _INITIALISATION))
    return recipe.method.build()


def _hasten(method: Method, recipe: Recipe, device: torch.device) -> bool:
    """Compile or record networks as the recipe asks; whether they were compiled."""
    if recipe.compile == "on":
        placement.compile_networks(method)
    elif recipe.compile == "auto":
        share = recipe.batch_size // distributed.world_size()
        record_networks(method, device, micro_batches=-(-share // (recipe.micro_batch or share)))
    return recipe.compile == "on"


def with_images(recipe: Recipe, images: int | None) -> Recipe:
    """The recipe with another length, where one is asked for."""
    return recipe if images is None else replace(recipe, images=images)


def length_is_free(recipe: Recipe) -> bool:
    """Whether a run may be made longer after the fact: no rate depends on its length."""
    return all(optimizer.rate.decay == "constant" for optimizer in recipe.optimizers.values())


def _check(recipe: Recipe) -> None:
    if recipe.images < 1:
        raise BadConfig(f"images: must be at least 1, got {recipe.images}")
    if recipe.batch_size % distributed.world_size():
        raise BadConfig(
            f"batch_size: {recipe.batch_size} cannot be shared evenly by {distributed.world_size()} processes"
        )


def _check_media(recipe: Recipe, method: Method, feed: TrainingData) -> None:
    drawn, stored = method.synthesizer().media.shape, feed.info.media.shape
    if drawn != stored:
        raise BadConfig(
            f"method: recipe {recipe.name} draws {drawn}, but the records of {feed.info.name} are {stored} "
            "(channels, frames of clips, height, width)"
        )


def _add_frozen(method: Method, folders: Mapping[str, str], catalog: tuple[type, ...]) -> dict[str, str]:
    """Load parts that are not trained, under ``method.frozen[NAME]``; their hashes."""
    if not folders:
        return {}
    loaded = {name: store.load(Path(folder), catalog=catalog) for name, folder in folders.items()}
    method.add_module("frozen", nn.ModuleDict(loaded))
    return {name: store.model_hash(Path(folder)) for name, folder in folders.items()}


def _own(state: Mapping[str, Any]) -> dict[str, Any]:
    """A method's state without the frozen parts, which are read from where they lie."""
    return {key: value for key, value in state.items() if not key.startswith("frozen.")}
