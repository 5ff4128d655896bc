"""TensorBoard event files, on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from diorama.core.errors import BadConfig
from diorama.training.ticks import Tick


@contextmanager
def board(folder: Path, images: int) -> Iterator[Callable[[Tick], None]]:
    """What shows ticks as scalars over images seen, in ``tensorboard/`` of a run folder.

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
        yield lambda tick: _show(writer, tick)


def _show(writer: Any, tick: Tick) -> None:
    if tick.report:
        for name, value in tick.report.losses.items():
            writer.add_scalar(f"loss/{name}", value, tick.images)
        for player, value in tick.report.rates.items():
            writer.add_scalar(f"rate/{player}", value, tick.images)
        writer.add_scalar("images_per_second", tick.report.clock.images_per_second, tick.images)
    for result in tick.results:
        writer.add_scalar(result["metric"], result["value"], tick.images)
