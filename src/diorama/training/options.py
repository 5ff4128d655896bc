"""How a recipe is run on this machine, today: what may change from one call to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What is asked of one call of ``train`` and is no part of the recipe.

    Args:
        device: ``auto`` (CUDA, else MPS, else CPU) or what :class:`torch.device` reads.
        images: length of the run in place of the recipe's, to be given again when the run is continued.
        start_from: a model folder or run whose weights a new run starts from.
        seconds: wall-clock budget of this call, set-up and compilation included: training stops after the step
            that passes it, with its state saved.
        tensorboard: also write event files to ``tensorboard/`` in the run (extra ``log``).
        deterministic: only deterministic kernels on GPUs, so that a resumed run equals the uninterrupted one bit
            for bit there too; on CPUs it does so anyway. Off, since it costs speed.
        catalog: a user's own config classes, so that models which hold them can be read back.
    """

    device: str = "auto"
    images: int | None = None
    start_from: Path | None = None
    seconds: float | None = None
    tensorboard: bool = False
    deterministic: bool = False
    catalog: tuple[type, ...] = ()
