"""Starting from another model's weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.methods.base import Method
from diorama.training.averages import live_tensors


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What became of a model's tensors.

    Args:
        matched: taken over.
        reshaped: of the same name but another shape, left as initialised.
        missing: that the new model has and the old one lacks, left as initialised.
        unused: that only the old model has.
    """

    matched: tuple[str, ...]
    reshaped: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} tensors fitted"]
        told = (("have another shape", self.reshaped), ("are new", self.missing), ("are not used", self.unused))
        for words, names in told:
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                parts.append(f"{len(names)} {words} ({', '.join(names[:3])}{more})")
        return "; ".join(parts)


def weights_of(path: Path) -> Path:
    """The weights file of a model folder or run.

    Raises:
        BadInput: there is none.
    """
    for folder in (path, path / "model"):
        if (folder / "model.safetensors").is_file():
            return folder / "model.safetensors"
    raise BadInput(f"{path}: is neither a model folder nor a run with a model (there is no model.safetensors)")


@torch.no_grad()
def start_from(method: Method, weights: Path) -> Fit:
    """Copy into a method's averaged parts what fits of another model.

    Args:
        method: freshly built.
        weights: a model folder's ``model.safetensors``, whose keys begin with the parts' names.

    Raises:
        BadInput: the file cannot be read, or nothing in it fits.
    """
    try:
        given: Mapping[str, Tensor] = load_file(weights)
    except (OSError, SafetensorError, json.JSONDecodeError) as problem:
        raise BadInput(f"{weights}: cannot be read ({problem})") from problem
    own = live_tensors(method.averaged())
    shared = [name for name in own if name in given]
    matched = [name for name in shared if own[name].shape == given[name].shape]
    for name in matched:
        own[name].copy_(given[name])
    if not matched:
        raise BadInput(f"{weights}: nothing in it fits this recipe's networks ({', '.join(method.averaged())})")
    return Fit(
        matched=tuple(matched),
        reshaped=tuple(n for n in shared if n not in matched),
        missing=tuple(n for n in own if n not in given),
        unused=tuple(n for n in given if n not in own),
    )
