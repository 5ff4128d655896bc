"""Trains a toy recipe in a process of its own, which may be told to die at a chosen moment.

``main(["RECIPE", "DATA", "OUT", "--die-in-step", "N"])``; also ``--die-in-save N``, ``--die-replacing NAME``,
``--leave-after N`` and ``--sharded``.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diorama.core import files
from diorama.training import folder
from diorama.training.run import TrainOptions, train
from diorama.training.updater import Updater
from tests.training import toy


def die() -> None:
    """As the system kills: nothing is cleaned up. Windows has no SIGKILL and ends the process all the same."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def dies_at(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose call number ``count`` is the process's last."""
    calls = iter(range(1, count + 1))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == count:
            die()
        return function(*args, **kwargs)

    return wrapped


def dies_replacing(name: str) -> Callable[..., None]:
    """As ``os.replace``, but dead when a folder's older copy has been moved away and the new one not yet put there."""
    replace = os.replace

    def wrapped(source: Any, target: Any) -> None:
        place = Path(target)
        if place.name == name and any(place.parent.glob(f".{name}.replaced-*")):
            die()
        replace(source, target)

    return wrapped


def main(words: Sequence[str | Path]) -> None:
    """Train as the words say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", choices=["gan", "flow", "fit", "measured", "steady"])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--die-in-step", type=int)
    parser.add_argument("--die-in-save", type=int)
    parser.add_argument("--die-replacing")
    parser.add_argument("--leave-after", type=int)
    parser.add_argument("--sharded", action="store_true")
    given = parser.parse_args([str(word) for word in words])
    if given.die_in_step:
        Updater.step = dies_at(given.die_in_step, Updater.step)  # type: ignore[method-assign]
    if given.die_in_save:
        # The tensors are written by then, and the index that makes a state complete is not.
        folder.files.write_json = dies_at(given.die_in_save, files.write_json)
    if given.die_replacing:
        files.os.replace = dies_replacing(given.die_replacing)
    recipe = getattr(toy, f"{given.recipe}_recipe")()
    options = TrainOptions(device="cpu", catalog=toy.CATALOG, sharded=given.sharded)
    for tick in train(recipe, given.data, given.out, options):
        if given.leave_after and tick.step >= given.leave_after:
            break
