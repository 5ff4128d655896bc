"""Diorama: train, measure and ship generators of images and video."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_OFFERED = {
    "load": "diorama.synthesis.store",
    "open_dataset": "diorama.data.dataset",
    "prepare": "diorama.data.prepare",
    "train": "diorama.recipes.start",
    "sample": "diorama.synthesis.samples",
    "evaluate": "diorama.evaluation.run",
    "compare": "diorama.comparison.run",
}


def __getattr__(name: str) -> Any:
    """Load on first use, so that ``import diorama`` costs nothing."""
    if name in _OFFERED:
        return getattr(import_module(_OFFERED[name]), name)
    raise AttributeError(f"module 'diorama' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What it offers, and nothing that it is made with."""
    return sorted([*_OFFERED, "__version__"])
